"""What two answers to the same questions tell of the difference between two models, and what more would tell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from swiftci.evidence.bounds import Bounds, quantile, students
from swiftci.evidence.match import Pairs
from swiftci.evidence.signflip import signflip
from swiftci.evidence.tango import score

if TYPE_CHECKING:  # the commands that judge nothing must not pay for it
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PERMUTED = 100
"""With fewer values than these, the t interval's normal mean is a hope; they are permuted."""
FEW = 10
"""With fewer differing questions than these, their spread says little of the questions that were not asked."""
FREEDOM_MIN = 0.5
"""Where one cluster has nearly all the questions, the others cannot say how far it might be off."""
_NOISE = 1e-12
"""Of the values' span: what rounding leaves of a difference of nothing."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """After less before, in the metric's own unit, over `items` questions in `units` that are independent (clusters).

    `spread` is the standard deviation that `needed` and `detectable` go by: stderr times √items, so that clusters are
    in it, but never that of no difference at all. `low` and `high` are the two-sided 95 % interval, for people; `floor`
    and `ceiling` are each 1 - alpha sure, for the gate; infinite where nothing can be told. `p_worse` is the p-value
    of "it is not worse" and below alpha exactly where `ceiling` is below 0; `p_better` likewise of `floor`. `mcnemar`
    is the exact two-sided p-value, of right and wrong answers without clusters. `gained` and `lost` are the questions
    whose value rose and fell. `method`: score (Tango), t, cluster-t, permutation, bca.
    """

    items: int
    units: int
    before: float
    after: float
    mean: float
    stderr: float | None
    spread: float
    low: float
    high: float
    floor: float
    ceiling: float
    p_worse: float
    p_better: float
    mcnemar: float | None
    gained: int
    lost: int
    method: str


def paired(pairs: Pairs, *, alpha: float = 0.05) -> Paired:
    """The difference over at least one pair of finite values."""
    sample = _Sample.of(pairs)
    bounds, method = _bounds(sample, alpha)
    return Paired(
        items=sample.items,
        units=sample.units,
        before=math.fsum(pairs.before) / sample.items,
        after=math.fsum(pairs.after) / sample.items,
        mean=sample.mean,
        stderr=sample.stderr,
        spread=spread(sample.stderr, sample.items, sample.units, sample.rare, sample.reach),
        **vars(bounds),
        mcnemar=_mcnemar(sample.gained, sample.lost) if sample.single else None,
        gained=sample.gained,
        lost=sample.lost,
        method=method,
    )


@dataclass(frozen=True)
class _Sample:
    """The differences of the questions, and their sums and sizes by unit."""

    differences: "Floats"
    sums: "Floats"
    sizes: "Floats"
    span: float
    binary: bool

    @classmethod
    def of(cls, pairs: Pairs) -> "_Sample":
        import numpy as np

        before, after = np.array(pairs.before, float), np.array(pairs.after, float)
        if not before.size:
            raise ValueError("there is nothing to compare: no question is in both")
        span = max(1.0, float(np.ptp(np.concatenate([before, after]))))
        differences = after - before
        differences[np.abs(differences) < _NOISE * span] = 0.0
        codes = numbered(pairs.clusters)
        sums, sizes = np.bincount(codes, differences).astype(float), np.bincount(codes).astype(float)
        return cls(differences, sums, sizes, span, pairs.binary)

    @property
    def items(self) -> int:
        return len(self.differences)

    @property
    def units(self) -> int:
        return len(self.sums)

    @property
    def single(self) -> bool:
        """Right or wrong, each by itself."""
        return self.binary and self.units == self.items

    @property
    def gained(self) -> int:
        return int((self.differences > 0).sum())

    @property
    def lost(self) -> int:
        return int((self.differences < 0).sum())

    @cached_property
    def mean(self) -> float:
        return math.fsum(self.differences) / self.items

    @cached_property
    def stderr(self) -> float | None:
        """Of the mean, by the residuals' sums over the units (CR1, as in Miller 2024, arXiv 2411.00640)."""
        if self.units == 1:
            return None
        squares = math.fsum((self.sums - self.sizes * self.mean) ** 2)
        return math.sqrt(self.units / (self.units - 1) * squares) / self.items

    @property
    def freedom(self) -> float:
        """Of t: one less than the units, counted as so many of equal size (Kish): a giant among them says little."""
        return self.items**2 / math.fsum(self.sizes**2) - 1

    @cached_property
    def center(self) -> float:
        """What most units differ by, where most are alike."""
        import numpy as np

        return 0.0 if self.single else float(np.median(self.sums / self.sizes))

    @property
    def reach(self) -> float:
        """How far a unit may be from the center, at most."""
        return self.span + abs(self.center)

    @cached_property
    def departures(self) -> tuple[int, int]:
        """How many units lie above and below the center."""
        away = self.sums / self.sizes - self.center
        return int((away > _NOISE * self.span).sum()), int((away < -_NOISE * self.span).sum())

    @property
    def rare(self) -> int | None:
        """How many units depart from the center, where those are too few to know the others by."""
        found = sum(self.departures)
        return found if found < FEW and (self.single or 2 * found < self.units) else None


def numbered(clusters: Sequence[str]) -> list[int]:
    """The number of each question's cluster."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(one, len(numbers)) for one in clusters]


def _bounds(sample: _Sample, alpha: float) -> tuple[Bounds, str]:
    if sample.stderr is None or sample.freedom < FREEDOM_MIN:
        return Bounds(), "t" if sample.items == 1 else "cluster-t"
    if sample.single:
        return score(sample.gained, sample.lost, sample.items, alpha), "score"
    if sample.units < sample.items:
        found, method = students(sample.mean, sample.stderr, sample.freedom, alpha), "cluster-t"
    elif sample.items < PERMUTED:
        found, method = signflip(sample.differences, alpha), "permutation"
    else:
        found, method = students(sample.mean, sample.stderr, sample.freedom, alpha), "t"
    if sample.rare is None:
        return found, method
    rare = score(*sample.departures, sample.units, alpha, center=sample.center, reach=sample.reach)
    return found.wider(rare), "score"


def spread(stderr: float | None, items: int, units: int, rare: int | None, reach: float) -> float:
    """What `Paired.spread` is; of `rare` departing units, another one is taken to be about to come (Laplace)."""
    seen = (stderr or 0.0) * math.sqrt(items)
    return seen if rare is None else max(seen, reach * math.sqrt((rare + 1) / (units + 2) * items / units))


def _mcnemar(gained: int, lost: int) -> float:
    from scipy.special import bdtr  # type: ignore[import-untyped] # scipy brings no types

    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))


def holm(ps: Sequence[float]) -> list[float]:
    """The p-values, each corrected for the number of all of them (Holm's step-down), in the order given."""
    adjusted, highest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted


def needed(spread: float, distance: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many items show a true difference of `distance`, one-sided, in `power` of all cases; distance is not 0."""
    return math.ceil(((quantile(1 - alpha) + quantile(power)) * spread / distance) ** 2)


def detectable(spread: float, items: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The true difference that so many items show, one-sided, in `power` of all cases."""
    return (quantile(1 - alpha) + quantile(power)) * spread / math.sqrt(items)
