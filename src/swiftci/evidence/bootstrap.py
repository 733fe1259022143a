"""The paired difference of a metric that is a function of sums over questions, by the bootstrap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from swiftci.evidence.bca import BCa
from swiftci.evidence.bounds import Bounds, students
from swiftci.evidence.paired import FEW, Paired, numbered, spread
from swiftci.evidence.tango import score

if TYPE_CHECKING:  # the commands that judge nothing must not pay for it
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Value = Callable[[Floats], Floats]

RESAMPLES = 9999
DRAWN_MIN = 20
"""Of fewer units, draws repeat each other too often to show how far off they may be; Student's t has its say too."""
_BATCH = 10**6
"""Units drawn at a time, so that they fit the memory."""
_NOISE = 1e-12


def paired_statistic(
    before: Sequence[Sequence[float]],
    after: Sequence[Sequence[float]],
    value: "Value",
    *,
    clusters: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> Paired:
    """The difference of the metric that `value` makes of sums; each row is what one question adds to them.

    Where there are clusters, they are what is drawn.
    """
    import numpy as np

    first, second = np.array(before, float), np.array(after, float)
    if not first.size:
        raise ValueError("there is nothing to compare: no question is in both")
    codes = numbered(clusters) if clusters else list(range(len(first)))
    sample = _Sample(_by_unit(first, codes), _by_unit(second, codes), value)
    bounds, stderr = _bounds(sample, alpha)
    if sample.rare is not None and stderr is not None:
        bounds = bounds.wider(score(*sample.moved, sample.units, alpha, reach=sample.reach))
    gained, lost = _Sample(first, second, value).moved
    old, new = sample.whole
    return Paired(
        items=len(first),
        units=sample.units,
        before=old,
        after=new,
        mean=new - old,
        stderr=stderr,
        spread=spread(stderr, len(first), sample.units, sample.rare, sample.reach),
        **vars(bounds),
        mcnemar=None,
        gained=gained,
        lost=lost,
        method="bca" if sample.rare is None else "score",
    )


@dataclass(frozen=True)
class _Sample:
    """What each independent unit adds to the sums, before and after."""

    first: "Floats"
    second: "Floats"
    value: "Value"

    @property
    def units(self) -> int:
        return len(self.first)

    @cached_property
    def whole(self) -> tuple[float, float]:
        """The metric before and after."""
        old, new = (float(self.value(sums.sum(axis=0)[None])[0]) for sums in (self.first, self.second))
        return old, new

    def difference(self, counts: "Floats") -> "Floats":
        """After less before, with each unit as often as it was drawn; one draw a row."""
        return self.value(counts @ self.second) - self.value(counts @ self.first)

    @cached_property
    def left_out(self) -> list["Floats"]:
        """The metric before and after, without each of the units in turn."""
        return [self.value(sums.sum(axis=0) - sums) for sums in (self.first, self.second)]

    @cached_property
    def moved(self) -> tuple[int, int]:
        """How many units raise the metric by what they changed, and how many lower it.

        Of what one of them does to both evaluations: there in the other's stead.
        """
        changed = (self.first != self.second).any(axis=1)
        old, new = self.first.sum(axis=0), self.second.sum(axis=0)
        change = self.second - self.first
        effects = self.value(old + change) - self.whole[0] + self.whole[1] - self.value(new - change)
        noise = _NOISE / self.units
        return int((changed & (effects > noise)).sum()), int((changed & (effects < -noise)).sum())

    @property
    def rare(self) -> int | None:
        """How many units moved the metric, where those are too few to know the others by."""
        found = sum(self.moved)
        return found if found < FEW and 2 * found < self.units else None

    @property
    def reach(self) -> float:
        """How far one unit can move the metric, times the units: as far as those at hand tell, and 1 at least."""
        import numpy as np

        pulls = [self.units * (one - without) for one, without in zip(self.whole, self.left_out, strict=True)]
        return max(1.0, float(np.ptp(np.concatenate(pulls))))


def _by_unit(rows: "Floats", codes: list[int]) -> "Floats":
    import numpy as np

    return np.stack([np.bincount(codes, column) for column in rows.T], axis=1)


def _bounds(sample: _Sample, alpha: float) -> tuple[Bounds, float | None]:
    """With the standard error of the draws."""
    if sample.units == 1:
        return Bounds(), None
    draws = _draws(sample)
    stderr = float(draws.std(ddof=1))
    before, after = sample.whole
    without_before, without_after = sample.left_out
    found = BCa(after - before, draws, without_after - without_before).bounds(alpha)
    if sample.units < DRAWN_MIN:
        found = found.wider(students(after - before, stderr, sample.units - 1, alpha))
    return found, stderr


def _draws(sample: _Sample) -> "Floats":
    """The metric's difference in as many units, drawn from the sample with replacement, over and over."""
    import numpy as np

    random, size = np.random.default_rng(0), sample.units
    found, rows = [], max(1, _BATCH // size)
    for done in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - done)
        drawn = random.integers(0, size, (count, size)) + size * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * size).reshape(count, size)
        found.append(sample.difference(counts.astype(float)))
    return np.concatenate(found)
