"""Charts as SVG text, drawn by Vega-Lite (the `report` extra)."""

import math
from collections.abc import Sequence
from typing import Any

from swiftci.evidence.interval import Estimate
from swiftci.evidence.training import Point

POINTS_MAX = 1500
"""A longer curve is thinned: more points than pixels say nothing."""

_GREY = "#808080"
_STYLE: dict[str, Any] = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _GREY,
        "titleColor": _GREY,
        "gridColor": "#80808040",
        "domainColor": _GREY,
        "tickColor": _GREY,
        "labelFontSize": 11,
        "titleFontWeight": "normal",
        "labelLimit": 260,
    },
    "legend": {"labelColor": _GREY, "titleColor": _GREY, "orient": "top"},
}
_PALE, _BLUE, _ORANGE, _GREEN = "#9aa0a6", "#1a73e8", "#e8710a", "#188038"


class NoCharts(Exception):
    """The drawing library is not installed."""


STEPS = {"grid": False, "tickMinStep": 1, "format": "d"}
"""An axis of whole numbers."""


def loss_curve(points: Sequence[Point], words: dict[str, str]) -> str:
    """Training and validation loss over steps."""
    every = max(1, math.ceil(len(points) / POINTS_MAX))
    series = {
        words["train_loss"]: (_BLUE, [(p.step, p.loss) for p in points[::every] if p.loss is not None]),
        words["eval_loss"]: (_ORANGE, [(p.step, p.eval_loss) for p in points if p.eval_loss is not None]),
    }
    return _curves(series, words["loss"], words)


def reward_curve(points: Sequence[Point], words: dict[str, str]) -> str:
    """The reward over steps, of an rlhf that logs one."""
    every = max(1, math.ceil(len(points) / POINTS_MAX))
    name = next(p.reward_key for p in points if p.reward_key)
    series = {name: (_GREEN, [(p.step, p.reward) for p in points[::every] if p.reward is not None])}
    return _curves(series, words["reward"], words)


def _curves(series: dict[str, tuple[str, list[tuple[int, float]]]], title: str, words: dict[str, str]) -> str:
    """Lines over steps, each with its colour; what is no number leaves a gap."""
    rows = [
        {"step": step, "value": value if value - value == 0 else None, "kind": kind}
        for kind, (_, values) in series.items()
        for step, value in values
    ]
    return _svg(
        {
            "width": 760,
            "height": 220,
            "data": {"values": rows},
            "mark": {"type": "line", "point": len(rows) <= 60, "strokeWidth": 2},
            "encoding": {
                "x": {"field": "step", "type": "quantitative", "title": words["step"], "axis": STEPS},
                "y": {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False}},
                "color": _colour({kind: colour for kind, (colour, _) in series.items()}, rows),
            },
        }
    )


def scores(rows: Sequence[tuple[str, Estimate | None, Estimate | None]], words: dict[str, str]) -> str:
    """Scores before and after, with their 95 % intervals; a row is a metric and its two estimates."""
    values = [
        {
            "metric": name,
            "kind": kind,
            "value": one.mean,
            "low": one.low if one.low is not None else one.mean,
            "high": one.high if one.high is not None else one.mean,
        }
        for name, before, after in rows
        for kind, one in ((words["before"], before), (words["after"], after))
        if one is not None
    ]
    kinds = {words["before"]: _PALE, words["after"]: _BLUE}
    colour = _colour(kinds, values)
    y = {"field": "metric", "type": "nominal", "title": None, "sort": None}
    offset = {"field": "kind", "sort": list(kinds)}
    x = {"type": "quantitative", "title": words["score"], "scale": {"zero": True}}
    return _svg(
        {
            "width": 560,
            "height": {"step": 26},
            "data": {"values": values},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {
                        "y": y,
                        "yOffset": offset,
                        "x": x | {"field": "low"},
                        "x2": {"field": "high"},
                        "color": colour,
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
                    "encoding": {"y": y, "yOffset": offset, "x": x | {"field": "value"}, "color": colour},
                },
            ],
        }
    )


def _colour(colours: dict[str, str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The colours of the kinds that the rows hold; a legend that names what is not there confuses."""
    held = {kind: colour for kind, colour in colours.items() if any(row["kind"] == kind for row in rows)}
    scale = {"domain": list(held), "range": list(held.values())}
    return {"field": "kind", "type": "nominal", "title": None, "scale": scale}


def _svg(spec: dict[str, Any]) -> str:
    try:
        import vl_convert
    except ImportError:
        raise NoCharts from None
    full = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": _STYLE, **spec}
    return str(vl_convert.vegalite_to_svg(full))
