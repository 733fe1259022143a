"""What a sample tells of a difference: intervals, and the p-values that go with them."""

import math
from dataclasses import dataclass
from statistics import NormalDist

TWO_SIDED = 0.05
"""An interval for people misses as often as this, half of it on each side."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """`low` and `high` are the two-sided 95 % interval; `floor` and `ceiling` hold with 1 - alpha each, by themselves.

    `p_better` is the p-value of "not above 0", and below alpha exactly where `floor` is above 0; `p_worse` likewise.
    """

    low: float = -math.inf
    high: float = math.inf
    floor: float = -math.inf
    ceiling: float = math.inf
    p_worse: float = 1.0
    p_better: float = 1.0

    def wider(self, other: "Bounds") -> "Bounds":
        """What both would sign."""
        return Bounds(
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            floor=min(self.floor, other.floor),
            ceiling=max(self.ceiling, other.ceiling),
            p_worse=max(self.p_worse, other.p_worse),
            p_better=max(self.p_better, other.p_better),
        )


def students(mean: float, stderr: float, freedom: float, alpha: float) -> Bounds:
    """Of a mean with its standard error, by Student's t."""
    from scipy.special import stdtr, stdtrit  # type: ignore[import-untyped] # scipy brings no types

    two_sided, one_sided = (float(stdtrit(freedom, 1 - q)) * stderr for q in (TWO_SIDED / 2, alpha))
    ratio = mean / stderr if stderr else math.copysign(math.inf, mean) if mean else 0.0
    return Bounds(
        low=mean - two_sided,
        high=mean + two_sided,
        floor=mean - one_sided,
        ceiling=mean + one_sided,
        p_worse=float(stdtr(freedom, ratio)),
        p_better=float(stdtr(freedom, -ratio)),
    )


def quantile(q: float) -> float:
    """The standard normal distribution's."""
    return NormalDist().inv_cdf(q)


def above(z: float) -> float:
    """How much of the standard normal distribution lies above z; exact far out, where 1 - cdf is not."""
    return 0.5 * math.erfc(z / math.sqrt(2))
