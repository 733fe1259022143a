"""Which items of two evaluations are the same question, and so can be compared with each other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swiftci.evidence.metric import Item

OVERLAP_MIN = 0.99
"""Of the items of the one with fewer that the other must have too: else the two scores are of different tests."""


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


@dataclass(frozen=True)
class Question:
    """What a model made of one question."""

    value: float
    cluster: str


Questions = Mapping[tuple[str, ...], Question]
"""By what tells one question from another."""


def match(
    before: Iterable[Item], after: Iterable[Item], dataset: str, metric: str, subset: str | None = None
) -> Pairs | str:
    """The pairs of a data set's metric, or of one subset's; a text says why they cannot be compared."""
    return both(questions(before, dataset, metric, subset), questions(after, dataset, metric, subset))


def both(first: Questions, second: Questions) -> Pairs | str:
    """As `match`, of questions that were gathered once for many comparisons."""
    if not second:
        return "its items carry no value of their own"
    if not first:
        return "the other evaluation has no items of it"
    shared = sorted(first.keys() & second.keys())
    fewer = min(len(first), len(second))
    if len(shared) < OVERLAP_MIN * fewer:
        return f"only {len(shared)} of {fewer} items were the same there"
    return Pairs(
        before=tuple(first[key].value for key in shared),
        after=tuple(second[key].value for key in shared),
        clusters=tuple(second[key].cluster or "\0".join(key) for key in shared),
    )


def questions(items: Iterable[Item], dataset: str, metric: str, subset: str | None = None) -> Questions:
    """Each question's mean value over the times it was asked; another expected answer makes it another question."""
    found: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if item.dataset == dataset and subset in (None, item.subset) and metric in item.scores:
            key = (item.subset, item.index.partition("/")[0], item.prompt, item.target)
            found.setdefault(key, []).append(item)
    return {
        key: Question(sum(one.scores[metric] for one in asked) / len(asked), asked[0].cluster)
        for key, asked in found.items()
    }
