"""swiftci diff"""

import os
from typing import Any

import click

from swiftci.cli import load
from swiftci.cli.output import print_json
from swiftci.cli.runs import Run, metrics, named
from swiftci.cli.table import plain, shown, table, terminal
from swiftci.evidence.changes import Change, apart, compared
from swiftci.spec.problem import ConfigError, Problem, printable

KEY = 40
"""Columns of a key at most."""
VALUE_MIN = 16
ABSENT = "-"


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def command(first: str, second: str, style: str) -> None:
    """Show what differs between two runs, in the config's own keys, and what came of it.

    A run is a directory, a config's name (its local run, else the store's newest), or one that `store ls` names.
    """
    from swiftci.engine.session import open_store

    root, project = load.project([])
    store = open_store(root, project, os.environ)
    pair = named(root, store, first), named(root, store, second)
    changes = compared(*map(_parts, pair))
    before, after = metrics(pair[0]), metrics(pair[1])
    keys = list(dict.fromkeys([*before, *after]))
    if style == "json":
        print_json(
            {
                "runs": [_of(one) for one in pair],
                "differs": [vars(one) for one in changes],
                "metrics": {key: [before.get(key), after.get(key)] for key in keys},
            }
        )
        return
    width = terminal()
    titles = [one.title for one in pair]
    if changes:
        print(_table([["", *titles], *_values(changes, _room([one.key for one in changes], width))], width))
    else:
        print(f"{printable(' and '.join(titles))}: nothing that decides a result differs")
    rows = [["verdict", *(str(one.at("verdict") or ABSENT) for one in pair), ""]]
    rows += [[key, _number(before.get(key)), _number(after.get(key)), _step(before, after, key)] for key in keys]
    print("\n" + _table(rows, width))


def _of(run: Run) -> dict[str, Any]:
    known = {key: run.at(key) for key in ("fingerprint", "started", "commit", "verdict")}
    return {"name": run.name, "run": run.run, **known}


def _parts(run: Run) -> dict[str, Any]:
    found = run.at("parts")
    if not isinstance(found, dict) or not found:
        message = f"the record of {printable(run.title)} does not say what decided its result"
        raise ConfigError([Problem(code="foreign-run", message=message, hint="it was made by an older swiftci")])
    return found


def _room(keys: list[str], width: int) -> int:
    """Columns for each of two values beside their keys."""
    return max(VALUE_MIN, (width - min(KEY, max(map(len, keys))) - 4) // 2)


def _values(changes: list[Change], room: int) -> list[list[str]]:
    rows = []
    for one in changes:
        first, second = apart(plain(one.first), plain(one.second), room) if one.state == "changed" else ("", "")
        if one.state == "first":
            first, second = plain(one.first), ABSENT
        elif one.state == "second":
            first, second = ABSENT, plain(one.second)
        rows.append([one.key, shown(first, room), shown(second, room)])
    return rows


def _number(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.4g}"


def _step(before: dict[str, float], after: dict[str, float], key: str) -> str:
    return f"{after[key] - before[key]:+.4g}" if key in before and key in after else ""


def _table(rows: list[list[str]], width: int) -> str:
    return table([[shown(row[0], KEY), *(shown(cell, width) for cell in row[1:])] for row in rows])
