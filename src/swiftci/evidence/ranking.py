"""Which of several models are better on one benchmark: each two are compared, and what is not shown is a tie.

A tie says that these items do not tell two models apart, so it is not transitive: of A, B and C, A may tie with B, B
with C, and A still be better than C. A rank is therefore 1 and the number of models that are shown to be better.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from swiftci.evidence.match import Questions, both
from swiftci.evidence.measured import Measured
from swiftci.evidence.score import of_pairs


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A model's score on the benchmark, and the questions that it is a mean of, where they are known."""

    model: str
    value: Measured
    questions: Questions = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One model's score less another's, with its 95 % interval; None where nothing is known of how sure it is.

    `items` are the questions that both answered; 0 where the two were not compared by them but by their intervals, and
    `why` says the reason. `better` says whether the first is shown to be better or worse, None for a tie.
    """

    mean: float
    low: float | None
    high: float | None
    better: bool | None
    items: int = 0
    why: str = ""

    @property
    def turned(self) -> "Difference":
        """The second less the first."""
        return replace(
            self,
            mean=-self.mean,
            low=None if self.high is None else -self.high,
            high=None if self.low is None else -self.low,
            better=None if self.better is None else not self.better,
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model's place; `ties` are the others that are shown to be neither better nor worse."""

    rank: int
    model: str
    value: Measured
    ties: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The rows by rank, then score; `pairs` has each two once, by their names in order."""

    rows: tuple[Row, ...]
    pairs: Mapping[tuple[str, str], Difference]

    def between(self, first: str, second: str) -> Difference:
        return self.pairs[first, second] if first < second else self.pairs[second, first].turned


def rank(entries: Sequence[Entry], *, lower: bool = False) -> Ranking:
    """The ranking by one metric; with `lower`, less is better. Each model is there once."""
    ordered = sorted(entries, key=lambda one: one.model)
    pairs = {(one.model, other.model): compare(one, other, lower=lower) for one, other in combinations(ordered, 2)}
    found = Ranking(rows=(), pairs=pairs)
    rows = [_row(one, ordered, found) for one in ordered]
    sign = 1 if lower else -1
    return replace(found, rows=tuple(sorted(rows, key=lambda row: (row.rank, sign * row.value.mean, row.model))))


def _row(one: Entry, entries: Sequence[Entry], found: Ranking) -> Row:
    others = {other.model: found.between(one.model, other.model).better for other in entries if other is not one}
    return Row(
        rank=1 + sum(better is False for better in others.values()),
        model=one.model,
        value=one.value,
        ties=tuple(model for model, better in others.items() if better is None),
    )


def compare(first: Entry, second: Entry, *, lower: bool = False) -> Difference:
    """Two scores, question by question where both answered the same, else by their intervals."""
    pairs = both(second.questions, first.questions)
    if isinstance(pairs, str):
        return _apart(first.value, second.value, pairs, lower=lower)
    if not all(map(math.isfinite, (*pairs.before, *pairs.after))):
        return _apart(first.value, second.value, "a value is not a number", lower=lower)
    found = of_pairs(pairs)
    known = math.isfinite(found.low) and math.isfinite(found.high)
    low, high = (found.low, found.high) if known else (None, None)
    better = _better(low, high, lower=lower)
    return Difference(mean=found.mean, low=low, high=high, better=better, items=found.items)


def _apart(first: Measured, second: Measured, why: str, *, lower: bool) -> Difference:
    """The difference of two independent scores from their intervals (Newcombe 1998, Statistics in Medicine 17:873)."""
    mean = first.mean - second.mean
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Difference(mean=mean, low=None, high=None, better=None, why=why)
    low = mean - math.hypot(first.mean - first.low, second.high - second.mean)
    high = mean + math.hypot(first.high - first.mean, second.mean - second.low)
    return Difference(mean=mean, low=low, high=high, better=_better(low, high, lower=lower), why=why)


def _better(low: float | None, high: float | None, *, lower: bool) -> bool | None:
    if low is None or high is None or low <= 0 <= high:
        return None
    return (high < 0) if lower else (low > 0)
