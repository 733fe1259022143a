"""Which items of two evaluations are the same question, and so can be compared with each other."""

from collections.abc import Iterable
from dataclasses import dataclass

from swiftci.evidence.metric import Item

OVERLAP_MIN = 0.99
"""Of the items of both: with fewer in common two scores are of two different tests."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The values of a metric over the same questions, in the same order; what was asked several times is averaged.

    `clusters` has a label for each: questions of one label are not independent of each other.
    """

    before: tuple[float, ...]
    after: tuple[float, ...]
    clusters: tuple[str, ...]

    @property
    def clustered(self) -> bool:
        return len(set(self.clusters)) < len(self.clusters)

    @property
    def binary(self) -> bool:
        return {*self.before, *self.after} <= {0.0, 1.0}


def match(
    before: Iterable[Item], after: Iterable[Item], dataset: str, metric: str, subset: str | None = None
) -> Pairs | str:
    """The pairs of a data set's metric, or of one subset's; a text says why they cannot be compared."""
    first, second = (_questions(items, dataset, metric, subset) for items in (before, after))
    if not second:
        return "its items carry no value of their own"
    if not first:
        return "the other evaluation has no items of it"
    shared = sorted(first.keys() & second.keys())
    every = len(first.keys() | second.keys())
    if len(shared) < OVERLAP_MIN * every:
        return f"only {len(shared)} of {every} items are the same in both"
    return Pairs(
        before=tuple(first[key].value for key in shared),
        after=tuple(second[key].value for key in shared),
        clusters=tuple(second[key].cluster or "\0".join(key) for key in shared),
    )


@dataclass(frozen=True)
class _Question:
    value: float
    cluster: str


def _questions(
    items: Iterable[Item], dataset: str, metric: str, subset: str | None
) -> dict[tuple[str, ...], _Question]:
    """Each question's mean value over the times it was asked."""
    found: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if item.dataset == dataset and subset in (None, item.subset) and metric in item.scores:
            found.setdefault((item.subset, item.index.partition("/")[0], item.prompt), []).append(item)
    return {
        key: _Question(sum(one.scores[metric] for one in asked) / len(asked), asked[0].cluster)
        for key, asked in found.items()
    }
