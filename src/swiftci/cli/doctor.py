"""swiftci doctor"""

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import click

from swiftci import __version__
from swiftci.cli.load import around
from swiftci.cli.output import print_json, show_problems
from swiftci.config.load import Loaded, config_paths, load_all, load_project, relative
from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.engine.session import LOCAL, open_store, run_folder
from swiftci.plan.check import check
from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem, printable
from swiftci.stages import preflight
from swiftci.stages.preflight import Check
from swiftci.tools import git

ANSWER_SECONDS = 8.0
"""How long an address has; all are asked at once, and finding an address in the network's names is part of it."""
MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A question to the network; where it is `needed`, no answer is a failure."""

    what: str
    needed: bool
    ask: Callable[[], Check]


@click.command()
@click.argument("config", required=False, type=click.Path())
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def command(config: str | None, style: str) -> int:
    """Check that this machine has what a config's run needs: tools, GPUs, disk, hubs, secrets.

    Without CONFIG: what all configs together need. Nothing is changed, and no token is shown.
    """
    environ = dict(os.environ)
    root, project, loaded, found = _read(config)
    configs = [one.config for one in loaded]
    began = _begin(_asked(root, project, configs, environ))
    found += [*_here(root, environ), *_machine(root, project, configs, environ)]
    found += _collected(began)
    code = exit_code(found)
    if style == "json":
        print_json({"exit": code, "checks": [asdict(one) for one in found]})
    else:
        _print(found)
    return code


def exit_code(found: Sequence[Check]) -> Exit:
    """What the command ends with: the config's mistakes go first, the network's only count where nothing else fails."""
    kinds = {one.kind for one in found if one.state == "fail"}
    if "config" in kinds:
        return Exit.CONFIG
    if not kinds:
        return Exit.DONE
    return Exit.NETWORK if kinds == {"network"} else Exit.TOOL


def _read(path: str | None) -> tuple[Path, Project, list[Loaded], list[Check]]:
    """The repository and the configs that are meant; what is wrong with them is shown, and does not end the rest."""
    problems: list[Problem] = []
    loaded: list[Loaded] = []
    try:
        root = around(path)
    except ConfigError as error:
        state: Literal["warn", "fail"] = "fail" if path else "warn"
        one = Check(name="project", state=state, text=str(error), hint="`swiftci init` writes one", kind="config")
        return Path.cwd(), Project(actions=""), [], [one]
    project = load_project(root, problems)
    if project and (path or config_paths(root, project)):
        loaded = load_all(root, project, problems, [relative(root, path)] if path else ())
        problems += check(root, project, loaded, disk="none")
    show_problems(problems, os.environ)
    errors = sum(one.severity == "error" for one in problems)
    if errors:
        text = f"{errors} mistake{'s' * (errors != 1)} in {FILE} and the configs; they are not looked at further"
        one = Check(name="project", state="fail", text=text, hint="`swiftci check` shows them", kind="config")
    else:
        one = Check(
            name="project", state="ok", text=f"{root}: {', '.join(each.path for each in loaded) or 'no config'}"
        )
    return root, project or Project(actions=""), loaded, [one]


def _here(root: Path, environ: Mapping[str, str]) -> list[Check]:
    """swiftci itself, and the checkout."""
    text = f"{__version__} on Python {platform.python_version()}"
    commit = git.commit(root, environ)
    if commit:
        changed = ", with changes that are not committed" if commit.endswith("+") else ""
        checkout = Check(name="git", state="ok", text=f"at {commit.removesuffix('+')[:12]}{changed}")
    else:
        hint = "a run's record then has no commit; is git installed?"
        checkout = Check(name="git", state="warn", text=f"{root} has no commit that git shows", hint=hint)
    return [Check(name="swiftci", state="ok", text=text), checkout]


def _machine(root: Path, project: Project, configs: list[Config], environ: Mapping[str, str]) -> list[Check]:
    tools, python = preflight.versions(project, configs, root, environ)
    extra = {key: value for one in configs for key, value in one.train.env.items()} if len(configs) == 1 else {}
    run = run_folder(root, project, configs[0].name, environ) if len(configs) == 1 else root / LOCAL
    store = Path(project.store.path) if project.store and not project.store.remote else None
    least = max((one.limits.free_disk_gb for one in configs), default=0)
    return [
        tools,
        *preflight.cards(configs, {**environ, **extra}, python),
        *preflight.folders(project, environ, run, store, least),
        *preflight.secrets(project, list(asdict(project.secrets)), environ),
        *preflight.tracked(configs, environ),
    ]


def _asked(root: Path, project: Project, configs: list[Config], environ: Mapping[str, str]) -> list[Job]:
    """What talks to the network."""
    jobs = []
    for name, used in preflight.hubs(project, configs, root).items():
        ask = partial(preflight.hub, name, project, environ, ANSWER_SECONDS, used=used)
        jobs.append(Job(what=f"the hub {name}", needed=used, ask=ask))
    for config in configs:
        for key, url in preflight.addresses(config):
            jobs.append(Job(what=f"{key}, {url},", needed=True, ask=partial(preflight.address, key, url)))
    if project.store and project.store.remote:
        ask = partial(_store, root, project, environ)
        jobs.append(Job(what=f"the store {project.store.path}", needed=True, ask=ask))
    return jobs


def _store(root: Path, project: Project, environ: Mapping[str, str]) -> Check:
    try:
        store = open_store(root, project, environ)
        if store:
            store.find("0" * 64)
    except ToolError as error:
        return preflight.failed("store", error)
    return Check(name="store", state="ok", text=f"{store.where if store else 'it'} answers")


def _begin(jobs: Sequence[Job]) -> list[tuple[Job, Future[Check]]]:
    """Starts each in a thread that nobody has to wait for: looking up a name may take a minute without a network."""
    begun = []
    for job in jobs:
        answer: Future[Check] = Future()
        threading.Thread(target=_answer, args=(job, answer), daemon=True).start()
        begun.append((job, answer))
    return begun


def _answer(job: Job, answer: Future[Check]) -> None:
    try:
        answer.set_result(job.ask())
    except BaseException as error:
        answer.set_exception(error)  # raised where the answer is wanted


def _collected(begun: Sequence[tuple[Job, Future[Check]]]) -> list[Check]:
    until = time.monotonic() + ANSWER_SECONDS + 1
    found = []
    for job, answer in begun:
        try:
            found.append(answer.result(max(0.0, until - time.monotonic())))
        except TimeoutError:
            state: Literal["warn", "fail"] = "fail" if job.needed else "warn"
            text = f"{job.what} did not answer within {ANSWER_SECONDS:.0f} s"
            found.append(Check(name="network", state=state, text=text, kind="network"))
    return found


def _print(found: Sequence[Check]) -> None:
    width = max(len(one.name) for one in found)
    for one in found:
        print(f"{MARKS[one.state]} {one.name:<{width}}  {printable(one.text)}")
        if one.hint and one.state != "ok":
            print(f"  {'':<{width}}  hint: {printable(one.hint)}")
