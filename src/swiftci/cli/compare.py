"""swiftci compare"""

import math
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from swiftci.cli import load
from swiftci.cli.columns import harmless
from swiftci.cli.output import print_json
from swiftci.cli.runs import named
from swiftci.cli.table import table
from swiftci.evidence.compared import Row, compare
from swiftci.evidence.metric import Item, Metric
from swiftci.spec.problem import ConfigError, Problem, printable

Measured = tuple[list[Metric], list[Item]]


@click.command()
@click.argument("base")
@click.argument("candidate")
@click.option("--subsets", is_flag=True, help="Show each subset too.")
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def command(base: str, candidate: str, subsets: bool, style: str) -> None:
    """Compare two runs question by question.

    A run is a directory, a config's name (its local run, else the store's newest), or one that `store ls` names; or
    results of lm-evaluation-harness or promptfoo.
    """
    from swiftci.engine.session import open_store

    root, project = load.project([])
    store = open_store(root, project, os.environ)
    titles, both = [], []
    for text in (base, candidate):
        foreign = _foreign(Path(text))
        if foreign is not None:
            titles.append(text)
            both.append(foreign)
            continue
        run = named(root, store, text)
        with run.files() as folder:
            titles.append(run.title)
            both.append(_measured(folder, run.title))
    rows = compare(both[0], both[1], subsets=subsets)
    if style == "json":
        print_json({"runs": titles, "metrics": [_plain(asdict(row)) | {"key": row.key} for row in rows]})
        return
    print(f"base       {printable(titles[0])}\ncandidate  {printable(titles[1])}\n")
    _print(rows)


def _measured(folder: Path, title: str) -> Measured:
    from swiftci.evidence import metric
    from swiftci.store import record as records

    try:
        record = records.read(folder)
        if record is None or not record.succeeded("evaluate"):
            raise ValueError("its evaluation did not succeed, or is older than its training")
        metrics, items = metric.read(folder, "candidate"), metric.read_items(folder, "candidate")
    except ValueError as error:
        raise _wrong(f"the run {title} cannot be compared: {error}") from None
    if not metrics:
        raise _wrong(f"the run {title} has no scores of a trained model")
    return metrics, items


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON knows it: of a single question there are no bounds."""
    found = row["found"] or {}
    bounds = {key: None for key, value in found.items() if isinstance(value, float) and not math.isfinite(value)}
    return row | {"found": found | bounds if found else None}


def _foreign(path: Path) -> Measured | None:
    """Results of another harness; None where the path is none of theirs."""
    from swiftci.evidence import harness
    from swiftci.store import record as records

    datasets = harness.names(path) if path.exists() and not (path / records.FILE).exists() else ()
    if not datasets:
        return None
    found = harness.read(path, "candidate", datasets)
    if found.faults:
        raise _wrong(f"{path} cannot be compared: {'; '.join(found.faults)}")
    return found.metrics, found.items


def _wrong(message: str) -> ConfigError:
    return ConfigError([Problem(code="no-run", message=printable(message))])


def _print(rows: list[Row]) -> None:
    """The table, what could not be compared, and what the marks mean."""
    if not rows:
        print("nothing was measured in either")
        return
    lines = [["metric", "base", "candidate", "difference", "95 % interval", "items", "rose", "fell", ""]]
    for row in rows:
        found = row.found
        mark = {True: "better", False: "worse"}.get(row.better, "") if row.better is not None else ""
        lines.append(
            [
                harmless(row.key),
                _number(row.before),
                _number(row.after),
                f"{found.mean:+.4g}" if found else "–",
                f"{found.low:+.4g} … {found.high:+.4g}" if found else "–",
                str(found.items) if found else "–",
                str(found.gained) if found else "–",
                str(found.lost) if found else "–",
                mark,
            ]
        )
    print(table(lines, right=range(1, 8)))
    for row in rows:
        if row.why:
            print(f"{harmless(row.key)} cannot be compared: {row.why}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
