"""Bounds of a mean from few values, by turning their signs round (the paired permutation test and its inverse).

A true mean m leaves values that lie around it as often above as below. Turning some of them round it reaches the
observed mean exactly where the mean of the turned ones is at most m (Hartigan 1969, JASA 64:1303): so the means of all
subsets are the test for every m at once, and neither bound can contradict a p-value.
"""

import math
from typing import TYPE_CHECKING

from swiftci.evidence.bounds import TWO_SIDED, Bounds

if TYPE_CHECKING:  # the commands that judge nothing must not pay for it
    import numpy as np
    from numpy.typing import NDArray

EXACT_MAX = 13
"""Values whose subsets are all tried; of more, 9,998 are drawn."""
_DRAWN = 4999


def signflip(values: "NDArray[np.float64]", alpha: float) -> Bounds:
    """The bounds; -inf and inf where so few values can show nothing, such as four at alpha 0.05."""
    import numpy as np

    ordered = np.sort(values)
    subsets = _subsets(len(ordered))
    sizes = subsets.sum(axis=1)
    means = np.sort(subsets[sizes > 0] @ ordered / sizes[sizes > 0])
    means[np.abs(means) < 1e-12 * np.abs(ordered).max(initial=0.0)] = 0.0  # of values that cancel
    total = len(means) + 1  # with the empty subset: the observation itself
    return Bounds(
        low=_lower(means, total, TWO_SIDED / 2),
        high=-_lower(-means[::-1], total, TWO_SIDED / 2),
        floor=_lower(means, total, alpha),
        ceiling=-_lower(-means[::-1], total, alpha),
        p_worse=(1 + int((means >= 0).sum())) / total,
        p_better=(1 + int((means <= 0).sum())) / total,
    )


def _subsets(values: int) -> "NDArray[np.float64]":
    """One subset a row; closed under turning the columns round, so that a swap of before and after mirrors all."""
    import numpy as np

    if values <= EXACT_MAX:
        return (np.arange(2**values)[:, None] >> np.arange(values) & 1).astype(float)
    drawn = np.random.default_rng(0).integers(0, 2, (_DRAWN, values)).astype(float)
    return np.concatenate([drawn, drawn[:, ::-1]])


def _lower(means: "NDArray[np.float64]", total: int, alpha: float) -> float:
    """The least true mean whose p-value, (1 + the means at most it) / total, is not below alpha."""
    below = max(0, math.ceil(alpha * total - 1))
    while (1 + below) / total < alpha:
        below += 1
    while below and below / total >= alpha:
        below -= 1
    return float(means[below - 1]) if below else -math.inf
