"""Means of items with their 95 % intervals, single and paired, by the central limit theorem."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `items` with its standard error (None for fewer than two items)."""

    mean: float
    items: int
    stderr: float | None

    @property
    def low(self) -> float | None:
        return None if self.stderr is None else self.mean - Z95 * self.stderr

    @property
    def high(self) -> float | None:
        return None if self.stderr is None else self.mean + Z95 * self.stderr


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of at least one value and its standard error, s/√n."""
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Estimate(mean=fmean(values), items=len(values), stderr=error)


def paired(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """The mean of the item-by-item differences, after less before; both in the same order of items."""
    return estimate([b - a for a, b in zip(before, after, strict=True)])
