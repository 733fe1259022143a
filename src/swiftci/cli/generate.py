"""swiftci generate"""

import os
from pathlib import Path

import click

from swiftci.cli import load
from swiftci.cli.output import failed, show_problems
from swiftci.config.project import FILE, Project
from swiftci.plan.build import LOCK, build
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Position, Problem
from swiftci.store.files import write_text
from swiftci.workflow.generate import Rendered, problem, rendered, rendered_board
from swiftci.workflow.pin import DEFAULT, Lock, own, read_lock, text, unpinned

_INTERNAL = """
Whoever can open a pull request can then run code on the GPU machine. In the repository's settings, under Actions:
- require approval for all outside collaborators;
- keep the runner in a group that only this repository may use.
A guard inside the workflow would be no protection, since a pull request brings its own workflow."""


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 2 when a workflow is not what its config says.")
@click.option(
    "--profile", type=click.Choice(["github", "act"]), default="github", help="Leave out what act does not know."
)
@click.option("--output", type=click.Path(path_type=Path), help="Folder to write to; .github/workflows when absent.")
def command(check: bool, profile: str, output: Path | None) -> int:
    """Write the workflow of each config and of the leaderboard, or with --check prove that none drifted."""
    root, project, configs = load.every(disk="none")
    problems: list[Problem] = []
    lock = read_lock(root, problems)
    if problems:
        raise ConfigError(problems)
    if notice := unpinned(own(lock, project)):
        problems.append(notice)
    plans = [build(project, one, root=root) for one in configs]
    files = [rendered(root, project, plan, lock, profile, output) for plan in plans]  # type: ignore[arg-type] # click checked it
    files += rendered_board(root, project, configs, lock, profile, output)  # type: ignore[arg-type] # likewise
    problems += [found for one in files if (found := problem(one))]
    problems += _strangers(root, {one.path for one in files}) if output is None else []
    if check:
        show_problems(problems, os.environ)
        if not failed(problems):
            print(f"ok: {len(files)} workflow{'s' * (len(files) != 1)}")
        return Exit.CONFIG if failed(problems) else Exit.DONE
    edited = [found for found in problems if found.code == "edited"]
    show_problems(
        [
            found
            for found in problems
            if found.severity == "notice" or found.code == "edited" or "no config" in found.message
        ],
        os.environ,
    )
    if edited:
        return Exit.CONFIG
    _write(root, files)
    if output is None and lock is None:
        write_text(root / LOCK, text(Lock(actions=dict(DEFAULT))))
        print(f"+ {LOCK}")
    _say(project, any(plan.loaded.config.on.pull_request for plan in plans))
    return Exit.DONE


def _write(root: Path, files: list[Rendered]) -> None:
    for one in files:
        shown = os.path.relpath(one.path, root)
        if one.drift.state == "same" or one.drift.state == "pins-ahead":
            print(f"= {shown}")
            continue
        write_text(one.path, one.text, durable=False)
        print(f"+ {shown}")


def _strangers(root: Path, known: set[Path]) -> list[Problem]:
    """Workflows that swiftci rendered from a config that is gone."""
    found = []
    for path in sorted((root / ".github/workflows").glob("swiftci-*.yml")):
        if path in known or not path.read_text(encoding="utf-8", errors="replace").startswith(
            "# Rendered by swiftci from "
        ):
            continue
        shown = path.relative_to(root).as_posix()
        message = "no config renders this workflow any more"
        found.append(
            Problem(
                code="outdated",
                message=message,
                position=Position(file=shown),
                hint="remove it: its triggers still start it",
            )
        )
    return found


def _say(project: Project, asked: bool) -> None:
    """What a project's trust relies on, since no line of a workflow can."""
    if asked and project.trust == "internal":
        print(f"\n{FILE} says `trust: internal`.{_INTERNAL}")
    if asked and project.trust == "public":
        print(
            f"\n{FILE} says `trust: public`: a pull request starts nothing, since its code would reach the GPU machine."
        )
