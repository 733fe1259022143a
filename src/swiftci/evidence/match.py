"""Which items of two evaluations are the same question, and so can be compared with each other."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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


Key = tuple[str, ...]
"""What tells one question from another: subset, index, prompt, and the expected answer."""
Questions = Mapping[Key, Question]


def match(
    before: Iterable[Item], after: Iterable[Item], dataset: str, metric: str, subset: str | None = None
) -> Pairs | str:
    """The pairs of a metric that is a mean over items; a text says why they cannot be compared."""
    first, second = (
        [item for item in items if item.dataset == dataset and subset in (None, item.subset)]
        for items in (before, after)
    )
    return both(questions(first, mean(metric)), questions(second, mean(metric)))


def both(first: Questions, second: Questions) -> Pairs | str:
    """As `match`, of questions that were gathered once for many comparisons."""
    keys = shared(first, second)
    if isinstance(keys, str):
        return keys
    return Pairs(
        before=tuple(first[key].value for key in keys),
        after=tuple(second[key].value for key in keys),
        clusters=tuple(second[key].cluster or "\0".join(key) for key in keys),
    )


def shared(first: Mapping[Key, object], second: Mapping[Key, object]) -> list[Key] | str:
    """The questions that both have, in order; a text where these are of two different tests."""
    if not second:
        return "its items carry no value of their own"
    if not first:
        return "the other evaluation has no items of it"
    keys = sorted(first.keys() & second.keys())
    fewer = min(len(first), len(second))
    if len(keys) < OVERLAP_MIN * fewer:
        return f"only {len(keys)} of {fewer} items were the same there"
    return keys


def mean(metric: str) -> Callable[[Sequence[Item]], float | None]:
    """A question's mean value over the times it was asked; None where the items do not carry it."""

    def of(some: Sequence[Item]) -> float | None:
        values = [item.scores[metric] for item in some if metric in item.scores]
        return sum(values) / len(values) if values else None

    return of


def questions(items: Iterable[Item], of: Callable[[Sequence[Item]], float | None]) -> Questions:
    """What each question's items come to; those that come to nothing are left out."""
    found: dict[Key, Question] = {}
    for key, some in asked(items).items():
        try:
            value = of(some)
        except KeyError:
            continue  # an item without that value
        if value is not None:
            found[key] = Question(value, some[0].cluster)
    return found


def asked(items: Iterable[Item]) -> dict[Key, list[Item]]:
    """The items of one data set by question; another expected answer makes it another question."""
    found: dict[Key, list[Item]] = {}
    for item in items:
        key = (item.subset, item.index.partition("/")[0], item.prompt, item.target)
        found.setdefault(key, []).append(item)
    return found
