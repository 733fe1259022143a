"""Reads results that were measured elsewhere: by lm-evaluation-harness, promptfoo or EvalScope itself."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from swiftci.evidence import lm_eval, promptfoo, scores
from swiftci.evidence.fault import DAMAGED, Fault
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.scores import Scores

FORMATS = (lm_eval.Results, promptfoo.Results)


class Results(Protocol):
    """One results file of a harness."""

    @property
    def path(self) -> Path: ...

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets that it has results of."""

    def read(self, name: str, subject: str, key: str) -> tuple[list[Metric], list[Item]]:
        """A data set's metrics and items; `key` as in `evaluate.clusters`. Raises Fault where they are none."""


def read(path: Path, subject: str, datasets: tuple[str, ...], clusters: Mapping[str, str] | None = None) -> Scores:
    """Reads a results file, or a folder with one or more of them, or EvalScope's work directory.

    Which it is, the files themselves tell.
    """
    if (path / "reports").is_dir():
        return _evalscope(path, subject, datasets, clusters)
    metrics: list[Metric] = []
    items: list[Item] = []
    faults: list[str] = []
    damaged: list[str] = []
    found = list(_found(path, damaged))
    if not found:
        wanted = "results of lm-evaluation-harness (results_*.json) or of promptfoo (`promptfoo eval -o NAME.json`)"
        return Scores(metrics=[], items=[], faults=damaged or [f"{path.name} holds no {wanted}"])
    for dataset in datasets:
        try:
            one = _of(dataset, found, path, damaged)
            measured, rows = one.read(dataset, subject, (clusters or {}).get(dataset, ""))
        except Fault as fault:
            faults.append(f"{dataset}: {fault}")
            continue
        except DAMAGED as error:
            faults.append(f"{dataset}: the results have another form than is known: {error!r}")
            continue
        metrics += measured
        items += rows
    return Scores(metrics=metrics, items=items, faults=faults)


def names(path: Path) -> tuple[str, ...]:
    """The data sets that results at a path are of; none where they are nobody's that is known."""
    if (path / "reports").is_dir():
        return tuple(sorted({one.stem for one in path.glob("reports/*/*.json")} - {"collection_detailed_report"}))
    return tuple(dict.fromkeys(name for one in _found(path, []) for name in one.names))


def _evalscope(path: Path, subject: str, datasets: tuple[str, ...], clusters: Mapping[str, str] | None) -> Scores:
    """EvalScope's own work directory; its reports lie in a folder named after the model."""
    models = sorted(one.name for one in (path / "reports").iterdir() if one.is_dir())
    if len(models) != 1:
        fault = f"{path.name}/reports should hold the reports of one model, found: {', '.join(models) or 'none'}"
        return Scores(metrics=[], items=[], faults=[fault])
    found = scores.read(path, models[0], datasets, clusters)
    return replace(found, metrics=[replace(one, subject=subject) for one in found.metrics])


def _found(path: Path, damaged: list[str]) -> Iterator[Results]:
    """Every results file at a path; what else lies in a folder is left alone, and what cannot be read is said."""
    for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except DAMAGED as error:
            damaged.append(f"{file.name} is damaged: {error}")
            continue
        known = [one for one in FORMATS if isinstance(data, dict) and one.knows(data)]
        yield from (one(file, data) for one in known[:1])


def _of(dataset: str, found: list[Results], path: Path, damaged: list[str]) -> Results:
    """The one file that has results of a data set."""
    fitting = [one for one in found if dataset in one.names]
    if not fitting:
        have = sorted({name for one in found for name in one.names})
        raise Fault("; ".join([f"{path.name} has no results of it; it has: {', '.join(have) or 'nothing'}", *damaged]))
    if len(fitting) > 1:
        files = ", ".join(str(one.path.relative_to(path)) for one in fitting)
        raise Fault(f"its results are in {len(fitting)} files, of which one counts: {files}")
    return fitting[0]
