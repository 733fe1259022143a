"""swiftci setup: a runner job's first step."""

import os

import click

from swiftci import __version__
from swiftci.tools.ownership import reclaim
from swiftci.tools.runner import write_outputs


@click.command()
def command() -> None:
    """Prepare a runner's job: swiftci is installed by now, and files that root left are given back."""
    changed = reclaim(os.environ)
    executable = os.environ.get("SWIFTCI_EXECUTABLE", "")
    write_outputs(os.environ, {"swiftci": executable, "version": __version__})
    print(f"swiftci {__version__} at {executable or 'this interpreter'}; {changed} files given back to their owner")
