"""Charts of a training's curves, with those of the baseline behind them."""

import math
from bisect import bisect
from collections.abc import Sequence
from typing import Any

from swiftci.evidence.chart import BASELINE, OWN, WORSE, fixed, label, svg
from swiftci.evidence.curves import Curve

_DOTS_MAX = 40
"""A line of few points shows each of them."""
_MANY = 100_000
"""Steps from which on an axis has no room for their digits."""


def curve(found: Curve, words: dict[str, str]) -> str:
    """The lines over the steps; where this run had no number, the ground is red."""
    rows = [
        {
            "step": step,
            "value": value,
            "kind": "own" if line.own else "baseline",
            "series": line.series,
            "line": f"{n} {bisect(line.bad, (step, step))}",  # what is before a gap is not joined to what is after it
        }
        for n, line in enumerate(found.lines)
        for step, value in line.points
        if value > 0 or not found.logarithmic
    ]
    last = max((step for line in found.lines for step, _ in line.points), default=0)
    steps = {"grid": False, "tickMinStep": 1, "tickCount": 5, "format": ",d" if last < _MANY else "~s"}
    x = {"type": "quantitative", "title": words["step"], "axis": steps, "scale": {"nice": False}}
    scale = {"zero": False} | ({"type": "log"} if found.logarithmic else {})
    y = {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": _axis(found, rows)}
    mark = {"type": "line", "strokeWidth": 1.3, "point": len(rows) <= _DOTS_MAX and {"size": 25}}
    dashes = {"field": "series", "scale": {"domain": ["eval_loss"], "range": [[4, 3]]}, "legend": None}
    encoding = {
        "x": x | {"field": "step"},
        "y": y,
        "detail": {"field": "line"},
        "color": fixed({"baseline": BASELINE, "own": OWN}),
        "strokeDash": dashes,
    }
    lines: dict[str, Any] = {"data": {"values": rows}, "mark": mark, "encoding": encoding}
    return svg({"height": 170, "layer": [*_gaps(found, x), lines]})


def _gaps(found: Curve, x: dict[str, Any]) -> list[dict[str, Any]]:
    """A band over each stretch of steps without a number, and a cross at its foot."""
    if not found.bad:
        return []
    data = {"values": [{"first": first, "last": last} for first, last in found.bad]}
    ends = {"x": x | {"field": "first"}, "x2": {"field": "last"}}
    band = {"type": "rect", "color": WORSE, "stroke": WORSE, "opacity": 0.3}
    cross = {"type": "point", "shape": "cross", "angle": 45, "color": WORSE, "filled": True, "size": 60, "opacity": 1}
    foot = {"x": x | {"field": "first"}, "y": {"value": "height"}}
    return [{"data": data, "mark": band, "encoding": ends}, {"data": data, "mark": cross, "encoding": foot}]


def _axis(found: Curve, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The values' axis: powers of ten where it is logarithmic."""
    if found.logarithmic and rows:
        low, high = (math.log10(edge(row["value"] for row in rows)) for edge in (min, max))
        return {"values": [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)], "format": "~g"}
    return {"tickCount": 5, "format": ".2~e"} if found.name == "learning_rate" else {"tickCount": 5}


def name(found: Curve, words: dict[str, str]) -> str:
    """What a chart shows."""
    return words.get(f"curve_{found.name}", label(found.name))


def caption(found: Curve, words: dict[str, str]) -> str:
    return words["logarithmic"].format(name(found, words)) if found.logarithmic else name(found, words)
