"""swiftci schema"""

import click

from swiftci.cli.output import print_json


@click.command()
@click.argument("file", type=click.Choice(["project", "config"]))
def command(file: str) -> None:
    """Print the JSON Schema (2020-12) of swiftci.yaml or of a config.

    Editors complete keys and ms-swift's arguments by it: write it to a file, and name that file in a config's first
    line, as in `# yaml-language-server: $schema=../config.schema.json`.
    """
    from swiftci.plan import schema

    print_json(schema.project() if file == "project" else schema.config())
