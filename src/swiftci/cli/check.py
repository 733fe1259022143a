"""swiftci check"""

import os

import click

from swiftci.cli.load import around
from swiftci.cli.output import as_annotation, as_json, failed, ordered, print_json, text
from swiftci.config.load import config_paths, load_all, load_project, relative
from swiftci.config.project import Project
from swiftci.plan import leaderboard
from swiftci.plan.check import check
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem
from swiftci.tools.runner import on_runner

UNREAD = Project(actions="", trust="public")
"""Stands in for a project with mistakes, so that those in its configs are reported too."""


@click.command()
@click.argument("configs", nargs=-1, type=click.Path())
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "github"]),
    help="How problems are printed; github on a runner, else text.",
)
def command(configs: tuple[str, ...], style: str | None) -> int:
    """Report every mistake in every config, or in those named, at once."""
    style = style or ("github" if on_runner(os.environ) else "text")
    problems: list[Problem] = []
    count = 0
    try:
        root = around(configs[0] if configs else None)
        project = load_project(root, problems) or UNREAD
        named = [relative(root, path) for path in configs]
        if project is not UNREAD or named or config_paths(root, project):
            found = load_all(root, project, problems, named)
            problems += check(root, project, found)
            if not named and not failed(problems):  # a broken config is not among them
                problems += leaderboard.check(project, found)
            count = len(found)
    except ConfigError as error:
        problems += error.problems
    shown = ordered(problems)
    if style == "json":
        print_json([as_json(problem) for problem in shown])
    else:
        for problem in shown:
            print(as_annotation(problem) if style == "github" else text(problem))
        errors = sum(problem.severity == "error" for problem in shown)
        ending = f"{errors} problem{'s' * (errors != 1)}" if errors else f"ok: {count} config{'s' * (count != 1)}"
        print(ending)
    return Exit.CONFIG if failed(shown) else Exit.DONE
