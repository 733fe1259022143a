"""The score interval of a difference of paired proportions (Tango 1998, Statistics in Medicine 17:891).

It needs no variance of the sample, so that it holds where few answers differ: from twenty questions that are answered
alike before and after, it tells a difference within 12 points, where the t interval has no width at all.
"""

import math

from swiftci.evidence.bounds import TWO_SIDED, Bounds, above, quantile


def score(gained: int, lost: int, items: int, alpha: float, *, center: float = 0.0, reach: float = 1.0) -> Bounds:
    """Bounds of the difference, from how many of the items rose and fell.

    For values that are no proportions: `center` is the difference of those that did neither, and `reach` the furthest
    that another may be from it.
    """
    two_sided, one_sided = quantile(1 - TWO_SIDED / 2), quantile(1 - alpha)
    zero = -center / reach
    return Bounds(
        low=center + reach * _lower(gained, lost, items, two_sided),
        high=center - reach * _lower(lost, gained, items, two_sided),
        floor=center + reach * _lower(gained, lost, items, one_sided),
        ceiling=center - reach * _lower(lost, gained, items, one_sided),
        p_worse=above(-statistic(gained, lost, items, zero)),
        p_better=above(statistic(gained, lost, items, zero)),
    )


def statistic(gained: int, lost: int, items: int, difference: float) -> float:
    """The score test's z of a true difference, in -1...1; above 0 where the items speak for a larger one."""
    if difference < 0:
        return -statistic(lost, gained, items, -difference)
    distance = gained - lost - items * difference
    b = (2 * items - gained + lost) * difference - gained - lost
    c = lost * difference * (1 - difference)
    root = math.sqrt(b * b + 8 * items * c)
    # the share of items that fall, most likely under this difference; the sum that cancels nothing
    falling = (root - b) / (4 * items) if b < 0 else 2 * c / (root + b) if root + b else 0.0
    spread = math.sqrt(items * (2 * falling + difference * (1 - difference)))
    if spread == 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / spread


def _lower(gained: int, lost: int, items: int, z: float) -> float:
    """The largest difference that the test rejects, with all below it."""
    rejected, held = -1.0, (gained - lost) / items
    while rejected < (middle := (rejected + held) / 2) < held:
        if statistic(gained, lost, items, middle) > z:
            rejected = middle
        else:
            held = middle
    return rejected
