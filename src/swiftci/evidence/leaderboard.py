"""The leaderboard as data: the newest measurement of each model, its history, and a ranking per benchmark.

A benchmark is a data set's primary metric; one that is neither better nor worse for being higher is none.
"""

import math
import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swiftci.evidence import figures, metric
from swiftci.evidence.match import Questions, mean, questions
from swiftci.evidence.measured import Measured, measured
from swiftci.evidence.metric import Metric
from swiftci.evidence.ranking import Entry, Ranking, rank
from swiftci.store.plain import fits
from swiftci.store.record import Record

TRIED = ("refs/pull/", "refs/heads/gh-readonly-queue/")
"""Refs of what is not merged yet."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement in a model's history; `values` are of whole data sets, by `dataset.metric`, as they were given.

    `revision` is the model's commit on its hub where nothing was trained, else the repository's.
    """

    run: str
    time: float
    values: Mapping[str, Measured]
    revision: str = ""
    url: str = ""
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """What a model's newest run measured: its primary metrics, with their questions where those are known."""

    metrics: Mapping[str, Metric]
    values: Mapping[str, Measured]
    questions: Mapping[str, Questions] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A config's trained model, or one of a hub; `points` are oldest first, and the last is that of `newest`."""

    name: str
    title: str
    points: Sequence[Point]
    newest: Newest
    trained: bool = True


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A data set's primary metric and the models that it ranks; `ratio` values read in percent."""

    dataset: str
    metric: str
    lower: bool
    ratio: bool
    ranking: Ranking

    @property
    def key(self) -> str:
        return f"{self.dataset}.{self.metric}"


@dataclass(frozen=True, kw_only=True)
class Board:
    """All that the pages show, in an order of its own; no two models have one title."""

    models: Mapping[str, Model]
    benchmarks: Sequence[Benchmark]


def board(models: Sequence[Model]) -> Board:
    """The board of models that each have a name of their own."""
    named = {one.name: one for one in sorted(models, key=lambda one: (one.title.lower(), one.name))}
    titles = Counter(one.title for one in models)
    shown = {name: _retitled(one, titles) for name, one in named.items()}
    known = {(key, found.direction) for one in models for key, found in one.newest.metrics.items()}
    return Board(models=shown, benchmarks=[_benchmark(key, way, shown) for key, way in sorted(known)])


def _retitled(model: Model, titles: Mapping[str, int]) -> Model:
    if titles[model.title] < 2:
        return model
    return Model(**{**vars(model), "title": f"{model.title} ({model.name})"})


def _benchmark(key: str, direction: str, models: Mapping[str, Model]) -> Benchmark:
    measuring = [
        one for one in models.values() if (found := one.newest.metrics.get(key)) and found.direction == direction
    ]
    first = measuring[0].newest.metrics[key]
    every = [value.mean for one in measuring for point in one.points if (value := point.values.get(key))]
    ratio = figures.is_ratio(every) and all(one.newest.values[key].ratio for one in measuring)
    lower = direction == "lower_is_better"
    entries = [
        Entry(model=one.name, value=one.newest.values[key], questions=one.newest.questions.get(key, {}))
        for one in measuring
    ]
    return Benchmark(
        dataset=first.dataset, metric=first.metric, lower=lower, ratio=ratio, ranking=rank(entries, lower=lower)
    )


def eligible(record: Record, *, merged: bool) -> str:
    """Why a run has no place on the board, in a few words; "" where it has. With `merged`, only what is no attempt."""
    if merged and (record.ref or "").startswith(TRIED):
        return "of a pull request"
    if not record.succeeded("evaluate"):
        return "without an evaluation"
    return "invalid" if record.verdict == "invalid" else ""


def titled(record: Record) -> tuple[str, bool]:
    """What the model is called, and whether the run trained it: one that did not goes by its id on the hub."""
    if "train" in record.stages:
        return record.name, True
    return _argument(record, "model") or record.name, False


def point(record: Record, values: Mapping[str, Measured]) -> Point:
    _, trained = titled(record)
    revision = (record.commit or "") if trained else _argument(record, "model_revision")
    return Point(
        run=record.run or record.fingerprint[:16],
        time=record.stages["evaluate"].started,
        values=values,
        revision=revision,
        url=record.url or "",
        verdict=record.verdict,
    )


def _argument(record: Record, name: str) -> str:
    """The first value of one of ms-swift's arguments."""
    found: Any = record.resolved
    for key in ("config", "train", "args", name):
        found = found.get(key) if isinstance(found, Mapping) else None
    value = found[0] if isinstance(found, list) and found else found
    return value if isinstance(value, str) else ""


def plain_values(found: Mapping[str, Metric]) -> dict[str, Measured]:
    """Values with the intervals that their standard errors give."""
    return {
        key: Measured(mean=one.value, items=one.items, stderr=one.stderr, ratio=0 <= one.value <= 1)
        for key, one in found.items()
        if math.isfinite(one.value)
    }


def newest(folder: Path) -> Newest:
    """What a run directory says of the trained model; raises ValueError or OSError where a file is damaged."""
    found = _primary(metric.whole([_typed(one) for one in metric.read(folder, "candidate")]))
    items = metric.read_items(folder, "candidate")
    values, asked = {}, {}
    for key, one in found.items():
        own = [item for item in items if item.dataset == one.dataset and one.metric in item.scores]
        ratio = figures.is_ratio([one.value, *(item.scores[one.metric] for item in own)])
        values[key] = measured(one, own, ratio=ratio)
        asked[key] = questions(own, mean(one.metric))
    return Newest(metrics=found, values=values, questions=asked)


def _typed(one: Metric) -> Metric:
    """The same, where it is of the types that it should be: anybody may have written the file."""
    if not all(fits(getattr(one, name), kind) for name, kind in typing.get_type_hints(Metric).items()):
        raise ValueError("a metric is of a wrong type")
    return one


def _primary(found: Mapping[str, Metric]) -> dict[str, Metric]:
    """The primary metrics; of a data set without one, the first."""
    directed = {key: one for key, one in found.items() if one.direction != "neutral" and math.isfinite(one.value)}
    chosen = {key: one for key, one in directed.items() if one.primary}
    has = {one.dataset for one in chosen.values()}
    for key, one in directed.items():
        if one.dataset not in has:
            chosen[key] = one
            has.add(one.dataset)
    return chosen
