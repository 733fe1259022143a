"""Charts of scores with their intervals: of each model, of the difference in each subset, over the last runs."""

import json
import math
from collections.abc import Sequence
from typing import Any

from swiftci.evidence.chart import BASE, BASELINE, BETTER, OWN, TEXT, WORSE, fixed, label, svg
from swiftci.evidence.interval import Estimate
from swiftci.evidence.score import Score
from swiftci.evidence.trend import Trend

_SUBJECTS = {"base": BASE, "baseline": BASELINE, "candidate": OWN}
_ROW, _AXIS = 17, 40
_ROOM = 0.03
"""Of the axis at either end, so that no whisker ends on its edge."""
_LABEL_MAX = 26
"""Characters of a name beside a chart; more would leave no room for it."""


def values(scores: Sequence[Score], words: dict[str, str]) -> str:
    """Each score of each model; all in percent, or all of one metric."""
    ratio = scores[0].ratio
    rows = [
        {"place": place, "kind": kind, **_whisker(one, ratio=ratio)}
        for place, score in enumerate(scores)
        for kind in _SUBJECTS
        if (one := getattr(score, kind)) is not None and math.isfinite(one.mean)
    ]
    kinds = {kind: colour for kind, colour in _SUBJECTS.items() if any(row["kind"] == kind for row in rows)}
    names = [_short(score.key) for score in scores]
    return _dots(rows, names, len(names) * len(kinds) * 0.7, _percent(words["score"], ratio=ratio), kinds, offset=True)


def differences(parts: Sequence[Score], every: Sequence[Score], words: dict[str, str]) -> str:
    """The difference in each of these subsets, or the score where there is none; the axis holds `every` subset's."""
    ratio, compared = every[0].ratio, any(part.difference for part in every)
    rows = [{"place": place, **_row(part, compared=compared)} for place, part in enumerate(parts)]
    held = [_row(part, compared=compared) for part in every]
    bounds = [row[key] for row in held for key in ("low", "high", "value") if row[key] is not None]
    title = words["difference_points" if ratio else "difference"] if compared else _percent(words["score"], ratio=ratio)
    kinds = {"better": BETTER, "worse": WORSE, "same": TEXT, "own": OWN}
    names = [_short(part.subset or "") for part in parts]
    room = _ROOM * (max(bounds) - min(bounds)) if bounds else 0.0
    domain = [min(bounds) - room, max(bounds) + room] if room else None
    return _dots(rows, names, len(names), title, kinds, domain=domain, zero=compared)


def trend(found: Trend, words: dict[str, str]) -> str:
    """A metric over the last runs, the reported one at the end."""
    ratio = found.score.ratio
    rows = [
        {
            "place": n,
            "kind": "own" if stop.own else "earlier",
            **_whisker(stop.value, ratio=ratio),
        }
        for n, stop in enumerate(found.stops)
    ]
    names = [words["this_run"] if stop.own else label(stop.commit[:7] or stop.run[-7:]) for stop in found.stops]
    axis = {"labelExpr": _named(names), "labelAngle": -50, "grid": False, "title": None}
    x = {"field": "place", "type": "ordinal", "axis": axis, "scale": {"padding": 0.5}}
    y = {"type": "quantitative", "title": _percent(words["score"], ratio=ratio), "scale": {"zero": False, "nice": True}}
    colour = fixed({"earlier": BASE, "own": OWN})
    return svg(
        {
            "height": 190,
            "data": {"values": rows},
            "layer": [
                {
                    "mark": {"type": "line", "color": BASE, "strokeWidth": 1, "opacity": 0.6},
                    "encoding": {"x": x, "y": y | {"field": "value"}},
                },
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": colour},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 50, "opacity": 1},
                    "encoding": {"x": x, "y": y | {"field": "value"}, "color": colour},
                },
            ],
        }
    )


def _named(names: Sequence[str]) -> str:
    """The expression that labels an axis of places: names may be alike, and hold anything."""
    return f"{json.dumps(list(names))}[datum.value]"


def _dots(
    rows: Sequence[dict[str, Any]],
    names: Sequence[str],
    lines: float,
    title: str,
    kinds: dict[str, str],
    *,
    offset: bool = False,
    zero: bool = False,
    domain: list[float] | None = None,
) -> str:
    """A row of dots with whiskers for each name."""
    axis = {"title": None, "ticks": False, "labelExpr": _named(names), "labelPadding": 9}
    places = {"domain": list(range(len(names)))}
    y: dict[str, Any] = {"field": "place", "type": "ordinal", "axis": axis, "scale": places}
    shift = {"yOffset": {"field": "kind", "sort": list(kinds)}} if offset else {}
    scale = {"zero": False, "nice": domain is None} | ({"domain": domain} if domain else {})
    x = {"type": "quantitative", "title": title, "scale": scale, "axis": {"tickCount": 6}}
    colour = fixed(kinds)
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"y": y, **shift, "x": x | {"field": "low"}, "x2": {"field": "high"}, "color": colour},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
            "encoding": {"y": y, **shift, "x": x | {"field": "value"}, "color": colour},
        },
    ]
    if zero:
        mark = {"type": "rule", "color": TEXT, "strokeDash": [3, 3]}
        layers.insert(0, {"data": {"values": [{}]}, "mark": mark, "encoding": {"x": {"datum": 0}}})  # else one a row
    return svg({"height": round(lines * _ROW) + _AXIS + 12, "data": {"values": list(rows)}, "layer": layers})


def _row(part: Score, *, compared: bool) -> dict[str, Any]:
    if not compared:
        return {"kind": "own", **_whisker(part.candidate, ratio=part.ratio)}
    kind = {True: "better", False: "worse", None: "same"}[part.better]
    found, size = part.difference, 100 if part.ratio else 1
    if found is None:
        return {"kind": kind, "value": None, "low": None, "high": None}
    low, high = (max(-1.0, found.low), min(1.0, found.high)) if part.ratio else (found.low, found.high)
    known = math.isfinite(low) and math.isfinite(high)
    low, high = (low, high) if known else (found.mean, found.mean)
    return {"kind": kind, "value": size * found.mean, "low": size * low, "high": size * high}


def _whisker(one: Estimate | None, *, ratio: bool) -> dict[str, float | None]:
    if one is None or not math.isfinite(one.mean):
        return {"value": None, "low": None, "high": None}
    size = 100 if ratio else 1
    low, high = (bound if bound is not None else one.mean for bound in (one.low, one.high))
    return {"value": size * one.mean, "low": size * low, "high": size * high}


def _percent(title: str, *, ratio: bool) -> str:
    return f"{title} (%)" if ratio else title


def _short(name: str) -> str:
    """A name whose middle is left out, where it is long: its ends tell more."""
    text = label(name)
    half = _LABEL_MAX // 2
    return text if len(text) <= _LABEL_MAX else f"{text[:half]}…{text[-half:]}"
