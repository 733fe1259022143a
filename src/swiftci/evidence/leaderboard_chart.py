"""The leaderboard's charts: scores with their intervals, and one model's over time."""

import json
from collections.abc import Sequence
from typing import Any

from swiftci.evidence import chart
from swiftci.evidence.leaderboard import Point
from swiftci.evidence.measured import Measured
from swiftci.evidence.texts import brief

ROWS_MAX = 30
"""Models that a ranking's chart shows; its table has all."""
_DAY = 86400
_LABEL_MAX = 22
"""Characters of a name beside a chart; more would leave no room for it."""
_RULE = {"type": "rule", "strokeWidth": 2, "color": chart.OWN}
_DOT = {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": chart.OWN}
_VALUE = {"field": "value"}


def ranking(rows: Sequence[tuple[str, Measured]], words: dict[str, str], *, ratio: bool) -> str | None:
    """Scores with their 95 % intervals, in the order given; None where charts cannot be drawn."""
    names = json.dumps([brief(title, _LABEL_MAX) for title, _ in rows[:ROWS_MAX]])
    values = [{"place": place, **_bounds(one)} for place, (_, one) in enumerate(rows[:ROWS_MAX])]
    axis = {"labelExpr": f"{names}[datum.value]", "title": None, "ticks": False}
    y = {"field": "place", "type": "ordinal", "axis": axis}
    x = {"type": "quantitative", "title": words["score"], "scale": {"zero": False}, "axis": _axis(ratio=ratio)}
    return _drawn(
        {
            "height": 24 * len(values) + 44,
            "data": {"values": values},
            "encoding": {"y": y},
            "layer": [
                {"mark": _RULE, "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}}},
                {"mark": _DOT, "encoding": {"x": x | _VALUE}},
            ],
        }
    )


def history(points: Sequence[Point], key: str, words: dict[str, str], *, ratio: bool) -> str | None:
    """One metric over time, with its 95 % intervals; None where charts cannot be drawn, or a line would say nothing."""
    known = [(point.time, value) for point in points if (value := point.values.get(key))]
    if len(known) < 2:
        return None
    values = [{"time": int(time * 1000), **_bounds(value)} for time, value in known]
    days = (known[-1][0] - known[0][0]) / _DAY
    axis = {"format": "%m-%d %H:%M" if days < 3 else "%Y-%m-%d", "tickCount": 4, "grid": False}
    x = {"field": "time", "type": "temporal", "title": words["time"], "scale": {"type": "utc"}, "axis": axis}
    y = {"type": "quantitative", "title": words["score"], "scale": {"zero": False}, "axis": _axis(ratio=ratio)}
    return _drawn(
        {
            "height": 170,
            "data": {"values": values},
            "encoding": {"x": x},
            "layer": [
                {"mark": _RULE | {"opacity": 0.5}, "encoding": {"y": y | {"field": "low"}, "y2": {"field": "high"}}},
                {"mark": {"type": "line", "strokeWidth": 1.5, "color": chart.OWN}, "encoding": {"y": y | _VALUE}},
                {"mark": _DOT, "encoding": {"y": y | _VALUE}},
            ],
        }
    )


def _axis(*, ratio: bool) -> dict[str, Any]:
    return {"format": "~%" if ratio else "~g", "tickCount": 5}


def _bounds(value: Measured) -> dict[str, float]:
    low, high = value.low, value.high
    return {
        "value": value.mean,
        "low": value.mean if low is None else low,
        "high": value.mean if high is None else high,
    }


def _drawn(spec: dict[str, Any]) -> str | None:
    try:
        return chart.svg(spec)
    except chart.NoCharts:
        return None
