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
from swiftci.evidence.baseline import BASELINE
from swiftci.evidence.measured import Measured as Shown
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.score import Score, scores, slices
from swiftci.evidence.subjects import CANDIDATE, Subjects, by_subset
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
    rows = _rows(both[0], both[1], subsets=subsets)
    if style == "json":
        print_json({"runs": titles, "metrics": [_plain(row) for row in rows]})
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


def _rows(before: Measured, after: Measured, *, subsets: bool) -> list[Score]:
    """Every metric, as the report compares it; with `subsets` theirs behind it."""
    both = {BASELINE: before, CANDIDATE: after}
    subjects = Subjects(
        metrics={name: metrics for name, (metrics, _) in both.items()},
        items={name: by_subset(items) for name, (_, items) in both.items()},
        against=BASELINE,
    )
    found = scores(subjects)
    parts = {one.whole.key: one.parts for one in slices(subjects, found)} if subsets else {}
    return [row for one in found for row in (one, *parts.get(one.key, ()))]


def _why(row: Score) -> str:
    return row.why or ("" if row.difference else "it was measured in one of them only")


def _plain(row: Score) -> dict[str, Any]:
    """A row as JSON knows it: of a single question there are no bounds."""
    found = asdict(row.difference) if row.difference else {}
    bounds = {key: None for key, value in found.items() if isinstance(value, float) and not math.isfinite(value)}
    return {
        "key": row.key,
        "subset": row.subset,
        "base": row.baseline.mean if row.baseline else None,
        "candidate": row.candidate.mean if row.candidate else None,
        "difference": found | bounds if found else None,
        "better": row.better,
        "primary": row.primary,
        "why": _why(row),
    }


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


def _print(rows: list[Score]) -> None:
    """The table, what could not be compared, and what the marks mean."""
    if not rows:
        print("nothing was measured in either")
        return
    lines = [["metric", "base", "candidate", "difference", "95 % interval", "items", "rose", "fell", ""]]
    for row in rows:
        found = row.difference
        told = ("–",) * 5
        if found:
            interval = f"{found.low:+.4g} … {found.high:+.4g}"
            told = (f"{found.mean:+.4g}", interval, str(found.items), str(found.gained), str(found.lost))
        mark = "" if row.better is None else "better" if row.better else "worse"
        lines.append([_name(row), _number(row.baseline), _number(row.candidate), *told, mark])
    print(table(lines, right=range(1, 8)))
    for row in rows:
        if why := _why(row):
            print(f"{_name(row)} cannot be compared: {why}")


def _name(row: Score) -> str:
    return harmless(f"{row.key} [{row.subset}]" if row.subset else row.key)


def _number(one: Shown | None) -> str:
    return f"{one.mean:.4g}" if one else "–"
