"""Bounds from a bootstrap's draws, corrected for bias and for skewness (BCa: Efron 1987, JASA 82:171)."""

import math
from typing import TYPE_CHECKING

from swiftci.evidence.bounds import TWO_SIDED, Bounds, above, quantile

if TYPE_CHECKING:  # the commands that judge nothing must not pay for it
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NOISE = 1e-12
"""What rounding makes of draws that are equal."""


class BCa:
    """`left_out` has the value without each of the independent units in turn."""

    def __init__(self, observed: float, draws: "Floats", left_out: "Floats") -> None:
        import numpy as np

        ordered = np.sort(draws)
        for value in (observed, 0.0):
            ordered[np.abs(ordered - value) < _NOISE] = value
        self._draws = ordered
        below = float((ordered < observed).sum() + (ordered <= observed).sum()) / 2
        self._bias = quantile(self._inside(below / len(ordered)))
        pulls = left_out.mean() - left_out
        squares = float((pulls**2).sum())
        self._skew = float((pulls**3).sum()) / (6 * squares**1.5) if squares else 0.0

    def bounds(self, alpha: float) -> Bounds:
        """As everywhere; each p-value is read off where its bound would be 0."""
        floor, ceiling = self._bound(alpha), self._bound(1 - alpha)
        not_above, below = int((self._draws <= 0).sum()), int((self._draws < 0).sum())
        p_better, p_worse = above(-self._error(self._place(not_above))), above(self._error(self._place(below)))
        return Bounds(
            low=self._bound(TWO_SIDED / 2),
            high=self._bound(1 - TWO_SIDED / 2),
            # a bound beyond all that was drawn may say more than its p-value, and gives way
            floor=floor if p_better < alpha else min(floor, 0.0),
            ceiling=ceiling if p_worse < alpha else max(ceiling, 0.0),
            p_worse=p_worse,
            p_better=p_better,
        )

    def _bound(self, error: float) -> float:
        """The value that is exceeded but for this error, by the share of the draws below it."""
        import numpy as np

        turn = self._bias + quantile(error)
        room = 1 - self._skew * turn
        share = 1 - above(self._bias + turn / room) if room > 0 else float(turn > 0)
        return float(np.quantile(self._draws, share))

    def _error(self, share: float) -> float:
        """The inverse: the z of the error whose bound has this share of the draws below it."""
        turn = quantile(self._inside(share)) - self._bias
        room = 1 + self._skew * turn
        return (turn / room if room > 0 else math.copysign(math.inf, turn)) - self._bias

    def _place(self, count: int) -> float:
        """Where 0 stands among the draws, as a share: after so many of them, between two as far as it is."""
        if count in (0, len(self._draws)):
            return float(count > 0)
        last, following = float(self._draws[count - 1]), float(self._draws[count])
        return (count - 1 - last / (following - last)) / (len(self._draws) - 1)

    def _inside(self, share: float) -> float:
        """No draw beyond a value is no proof that there is none."""
        least = 1 / (len(self._draws) + 1)
        return min(max(share, least), 1 - least)
