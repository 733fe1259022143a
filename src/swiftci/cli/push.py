"""swiftci push"""

import os
import re
import sys
import tempfile
from pathlib import Path

import click

from swiftci.cli.progress import progress_for, say
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem, printable, quoted

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")


@click.command()
@click.argument("run")
@click.argument("repository")
@click.option("--merged", is_flag=True, help="Merge an adapter into its base model first.")
@click.option("--revision", metavar="BRANCH", help="The branch to commit to; the hub's default one when absent.")
@click.option("--public", is_flag=True, help="Let everybody see it; without, it is private.")
@click.option("--force", is_flag=True, help="Upload a model that the gate did not pass.")
def command(run: str, repository: str, merged: bool, revision: str | None, public: bool, force: bool) -> int:
    """Upload a run's model to a repository of the project's hub, made private where it is new.

    RUN is a config's name, or the path of a run directory; REPOSITORY is owner/name. The token comes from HF_TOKEN or
    MODELSCOPE_API_TOKEN.
    """
    _check(repository, revision)
    from swiftci.cli.home import run_of
    from swiftci.engine.bring import bring, lineage
    from swiftci.engine.session import stoppable
    from swiftci.stages.stage import Call
    from swiftci.tools import interpreter, swift
    from swiftci.tools.hub.access import access
    from swiftci.tools.hub.upload import Upload, upload

    found = run_of(run)
    hub = found.project.hub
    reached = access(hub.name, found.project, os.environ)  # type: ignore[arg-type] # one of its two choices
    if not reached.token:
        message = f"there is no token: {reached.variable} is not set"
        hint = f"make one that may write at {reached.shown}, and export it; it is never an argument"
        raise ConfigError([Problem(code="usage", message=message, hint=hint)])
    verdict = lineage(found, merged)["verdict"]
    if verdict != "pass" and not force:
        word = printable(str(verdict or "not there yet"))
        print(
            f"swiftci: error[verdict]: the verdict on {found.record.name} is {word}, so it stays here", file=sys.stderr
        )
        print("  hint: --force uploads it all the same", file=sys.stderr)
        return Exit.REFUSED
    progress = progress_for(Call(id="push", stage="push", inputs={}))
    environ = found.environ(os.environ)
    with stoppable(), tempfile.TemporaryDirectory(prefix="swiftci-push-") as folder:
        target = Path(folder) / "model"
        python = interpreter.find(found.project.python, found.root, environ, "ms_swift").path
        bring(found, target, merged, os.environ, progress)
        asked = Upload(
            access=reached,
            repository=repository,
            folder=target,
            name=found.record.name,
            revision=revision,
            public=public,
        )
        done = upload(
            python,
            asked,
            log=found.log("push"),
            env=environ | swift.hub_environment(hub, found.project.cache),
            cwd=Path(folder),
            tick=lambda: progress.step(0, 0, "uploading"),
            echo=progress.echo,
        )
    say(f"{printable(done.address)} ({'private' if done.private else 'public'})")
    if done.commit:
        say(f"commit {printable(done.commit)}")
    return Exit.DONE


def _check(repository: str, revision: str | None) -> None:
    problems = []
    if not _REPOSITORY.fullmatch(repository) or ".." in repository or "--" in repository:
        message = f"{quoted(repository)} is no repository"
        problems.append(Problem(code="usage", message=message, hint="as in team/qwen3-zh: an owner and a name"))
    if revision is not None and (
        not _REVISION.fullmatch(revision) or ".." in revision or revision.endswith(("/", "."))
    ):
        message = f"--revision {quoted(revision)} cannot be a branch"
        problems.append(Problem(code="usage", message=message, hint="as in main or 2026-11-22"))
    if problems:
        raise ConfigError(problems)
