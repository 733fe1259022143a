"""A curve as a Mermaid chart, which GitHub draws itself: a private repository has no other place for a picture."""

from collections.abc import Mapping, Sequence

from swiftci.evidence.curves import Curve, Line

POINTS_MAX = 60
_LARGE = 1e9
"""Its numbers have no exponents."""
COLOURS = ("#1a73e8", "#e8710a")
"""This run's and the baseline's: both are seen on light and on dark."""

Points = Sequence[tuple[int, float]]


def loss(curves: Sequence[Curve], words: Mapping[str, str]) -> str:
    """The training loss of this run, with the baseline's where that has the same steps.

    "" where there are not two numbers to draw. A line of Mermaid's has a value at each of even steps, so what is no
    number cannot be shown: where the loss ends in such, so does the chart.
    """
    curve = next((one for one in curves if one.name == "loss"), None)
    own, before = ([*_points(curve, own=which)] if curve else [] for which in (True, False))
    if len(own) < 2:
        return ""
    first, last = own[0][0], own[-1][0]
    beside = len(before) > 1 and before[0][0] <= own[1][0] and before[-1][0] >= own[-2][0]
    count = min(POINTS_MAX, len(own))
    lines = [_even(points, first, last, count) for points in ([own, before] if beside else [own])]
    if first == last or any(abs(value) > _LARGE for line in lines for value in line):
        return ""
    drawn = [
        f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{", ".join(COLOURS)}"}}}}}}}}%%',
        "xychart-beta",
        f'    title "{words["chart_both" if beside else "chart"]}"',
        f'    x-axis "{words["step"]}" {first} --> {last}',
        f'    y-axis "{words["loss"]}"',
        *(f"    line [{', '.join(map(_number, line))}]" for line in lines),
    ]
    return "\n".join(drawn)


def _points(curve: Curve, *, own: bool) -> Points:
    found: Line | None = next((one for one in curve.lines if one.series == "loss" and one.own == own), None)
    return found.points if found else ()


def _even(points: Points, first: int, last: int, count: int) -> list[float]:
    """The curve at so many even steps: the mean of what is near each, else a straight line between its neighbours."""
    gap = (last - first) / (count - 1)
    found = []
    for n in range(count):
        at = first + n * gap
        near = [value for step, value in points if abs(step - at) <= gap / 2]
        found.append(sum(near) / len(near) if near else _between(points, at))
    return found


def _between(points: Points, at: float) -> float:
    left = max((one for one in points if one[0] <= at), default=points[0])
    right = min((one for one in points if one[0] >= at), default=points[-1])
    share = (at - left[0]) / (right[0] - left[0]) if right[0] != left[0] else 0.0
    return left[1] + share * (right[1] - left[1])


def _number(value: float) -> str:
    return f"{value:.5f}".rstrip("0").rstrip(".")
