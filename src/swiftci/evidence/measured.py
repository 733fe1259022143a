"""A score with an interval that stays within what the score can be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from swiftci.evidence.interval import Z95, Estimate
from swiftci.evidence.metric import Item, Metric

_DIGITS = 4
"""Decimals that EvalScope reports; below them a right answer may be 0.999995, as ROUGE has it."""


@dataclass(frozen=True, kw_only=True)
class Measured(Estimate):
    """A mean of items; `ratio` says that they lie within 0 and 1, `units` how many independent right-or-wrong answers.

    Of those the interval is Wilson's: ten right answers of ten do not prove a model without fault. `units` is 0 where
    the answers are not simply right or wrong, nor all alike; then it is the central limit theorem's, within 0 and 1.
    """

    ratio: bool = False
    units: int = 0

    @property
    def low(self) -> float | None:
        return self._bounds()[0]

    @property
    def high(self) -> float | None:
        return self._bounds()[1]

    def _bounds(self) -> tuple[float, float] | tuple[None, None]:
        if self.units:
            return wilson(self.mean, self.units)
        if self.stderr is None or not math.isfinite(self.mean):
            return None, None
        low, high = self.mean - Z95 * self.stderr, self.mean + Z95 * self.stderr
        return (max(low, 0.0), min(high, 1.0)) if self.ratio else (low, high)


def measured(metric: Metric, items: Sequence[Item], *, ratio: bool) -> Measured:
    """A metric with its interval; `items` are those of its data set, or of its subset."""
    asked = [item for item in items if metric.metric in item.scores]
    values = [round(item.scores[metric.metric], _DIGITS) for item in asked]
    labels = {item.cluster or (item.subset, item.index.partition("/")[0], item.prompt) for item in asked}
    whole = ratio and len(values) == metric.items
    certain = whole and len(set(values)) == 1  # then Wilson's interval is the only one that says anything
    simple = whole and set(values) <= {0.0, 1.0} and len(labels) == len(values)
    return Measured(
        mean=metric.value,
        items=metric.items,
        stderr=metric.stderr,
        ratio=ratio,
        units=len(labels) if simple or certain else 0,
    )


def wilson(share: float, units: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of so many answers."""
    z2 = Z95 * Z95
    middle = (share + z2 / (2 * units)) / (1 + z2 / units)
    half = Z95 / (1 + z2 / units) * math.sqrt(share * (1 - share) / units + z2 / (4 * units * units))
    return max(0.0, middle - half), min(1.0, middle + half)
