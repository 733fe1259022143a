"""The curves of a training beside those of the run that it is compared with."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from swiftci.evidence.points import SERIES, Point, thinned

STRETCHES = 100
"""Of each a line keeps four points at most: more than a chart has pixels say nothing."""
_STEEP = 50.0
"""Values that differ by more than this factor are drawn over a logarithmic axis."""
_LOGARITHMIC = ("grad_norm",)
DRAWN = tuple(name for name in SERIES if name != "eval_loss")
"""One chart each; the validation's loss stands beside the training's."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: `own` of this run, else of the baseline. `bad` are the stretches of steps without a number."""

    series: str
    own: bool
    points: tuple[tuple[int, float], ...]
    bad: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The lines of one chart; `name` is its word, or ms-swift's for a reward."""

    name: str
    lines: tuple[Line, ...]
    logarithmic: bool = False

    @property
    def bad(self) -> tuple[tuple[int, int], ...]:
        """This run's stretches of steps without a number."""
        return tuple(sorted({one for line in self.lines if line.own for one in line.bad}))


def curves(own: Sequence[Point], baseline: Sequence[Point]) -> list[Curve]:
    """What there is to draw of this run, with the baseline's beside it."""
    found = []
    for series in DRAWN:
        lines = [
            line
            for name in ((series, "eval_loss") if series == "loss" else (series,))
            for points, is_own in ((baseline, False), (own, True))
            if (line := _line(points, name, is_own)).points or line.bad
        ]
        if any(line.own for line in lines):
            label = next((p.reward_key for p in own if p.reward_key), series) if series == "reward" else series
            found.append(Curve(name=label, lines=tuple(lines), logarithmic=series in _LOGARITHMIC and _steep(lines)))
    return found


def _line(points: Sequence[Point], series: str, own: bool) -> Line:
    logged = [(point, value) for point in points if (value := point.value(series)) is not None]
    kept = thinned([point for point, _ in logged], (series,), STRETCHES)
    return Line(
        series=series,
        own=own,
        points=tuple((p.step, value) for p in kept if (value := p.value(series)) is not None and math.isfinite(value)),
        bad=tuple(_bad([(point.step, value) for point, value in logged])),
    )


def _steep(lines: Sequence[Line]) -> bool:
    values = [value for line in lines for _, value in line.points]
    return bool(values) and min(values) > 0 and max(values) / min(values) > _STEEP


def _bad(logged: Sequence[tuple[int, float]]) -> Iterator[tuple[int, int]]:
    """First and last of the logged steps that have no number, one after the other."""
    for bad, group in groupby(logged, lambda one: not math.isfinite(one[1])):
        steps = [step for step, _ in group]
        if bad:
            yield steps[0], steps[-1]
