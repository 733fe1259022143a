"""swiftci leaderboard"""

import json
import os
import sys
from pathlib import Path

import click

from swiftci.cli import load
from swiftci.cli.output import print_json
from swiftci.config.project import Project
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem, printable
from swiftci.tools import runner

SITE = "site"


@click.command()
@click.argument("places", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN_DIR_OR_STORE]...")
@click.option(
    "--to", envvar="SWIFTCI_TO", metavar="FOLDER", help=f"The folder that gets the pages; {SITE} when absent."
)
@click.option(
    "--lookup",
    is_flag=True,
    envvar="SWIFTCI_LOOKUP",
    help="Print the newest models of the project's families, as JSON.",
)
def command(places: tuple[Path, ...], to: str | None, lookup: bool) -> Exit:
    """Turn runs into pages that rank their models, or look up which models of a hub to measure.

    The runs are the project's store's, without those of pull requests; or those of the folders that are named.
    """
    root, project = load.project([])
    return _look_up(project) if lookup else _write(root, project, places, Path(to or SITE))


def _write(root: Path, project: Project, places: tuple[Path, ...], folder: Path) -> Exit:
    from swiftci.cli.leaderboard_runs import gathered
    from swiftci.evidence import leaderboard_page, site
    from swiftci.evidence.leaderboard import board

    found, left = gathered(root, project, places, os.environ)
    shown = board(found)
    site.write(folder, leaderboard_page.pages(shown, project.language), leaderboard_page.DATA)
    for why, names in sorted(left.items()):
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        print(f"left out, {why}: {printable(', '.join(names[:3]))}{more}")
    counts = [_counted(len(shown.models), "model"), _counted(len(shown.benchmarks), "benchmark")]
    print(f"{printable(str(folder / leaderboard_page.INDEX))}: {', '.join(counts)}")
    runner.write_outputs(os.environ, {"site": str(folder.absolute())})
    return Exit.DONE


def _look_up(project: Project) -> Exit:
    """Prints what a workflow's matrix is made of."""
    from swiftci.engine.lookup import models

    if project.leaderboard is None:
        hint = "as in leaderboard: {families: [Qwen/Qwen3-*], config: configs/qwen3-4b-zh.yaml}"
        raise ConfigError([Problem(code="usage", message="swiftci.yaml has no `leaderboard`", hint=hint)])
    environ = runner.visible(os.environ, project, ("hub",))
    found = models(project, project.leaderboard, environ, lambda line: print(f"swiftci: {line}", file=sys.stderr))
    print_json(found)
    runner.write_outputs(os.environ, {"models": json.dumps(found)})
    return Exit.DONE


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
