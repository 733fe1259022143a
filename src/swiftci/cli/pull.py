"""swiftci pull"""

import os
from pathlib import Path

import click

from swiftci.cli.progress import progress_for, say


@click.command()
@click.argument("run")
@click.option("--merged", is_flag=True, help="Merge an adapter into its base model; a full model is one already.")
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="DIR", help="A new folder; ./RUN-adapter or ./RUN when absent."
)
def command(run: str, merged: bool, to: Path | None) -> None:
    """Bring a run's weights home: verified, without what only a training needs.

    RUN is a config's name, or the path of a run directory.
    """
    from swiftci.cli.home import run_of
    from swiftci.engine.bring import LINEAGE, bring, is_adapter
    from swiftci.engine.session import stoppable
    from swiftci.stages.stage import Call

    found = run_of(run)
    target = (to or Path(found.record.name + ("-adapter" if is_adapter(found) and not merged else ""))).absolute()
    with stoppable():
        bring(found, target, merged, os.environ, progress_for(Call(id="pull", stage="pull", inputs={})))
    say(f"{target}: from {found.folder}; {LINEAGE} says what it is")
