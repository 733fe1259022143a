"""Charts as SVG text, drawn by Vega-Lite (the `report` extra); the page gives their colours for light and dark."""

import re
from typing import Any

from swiftci.evidence.texts import fit

OWN, BASELINE, BASE = "#2563eb", "#c2570c", "#7d8590"
WORSE, BETTER, TEXT, GRID = "#cf222e", "#1a7f37", "#59636e", "#d1d9e0"
COLOURS = {
    "own": OWN,
    "baseline": BASELINE,
    "base": BASE,
    "fail": WORSE,
    "pass": BETTER,
    "soft": TEXT,
    "line": GRID,
}
"""Each as the light page has it, by the name of the page's variable that stands for it."""
WIDTH = 420
"""A chart's whole width: no wider than a telephone, since text that shrinks with a picture cannot be read."""
_STYLE: dict[str, Any] = {
    "background": None,
    "font": "Arial, Helvetica, sans-serif",
    "aria": False,  # the figure around it is described as a whole
    "view": {"stroke": None},
    "axis": {
        "labelColor": TEXT,
        "titleColor": TEXT,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 170,
        "labelOverlap": True,
        "labelFlush": False,
        "labelPadding": 5,
    },
    "legend": {"disable": True},
}
_PATH = re.compile(r'(?<= d=")[^"]*')
_LONG = re.compile(r"(\.\d)\d+")


class NoCharts(Exception):
    """The drawing library is not installed."""


def svg(spec: dict[str, Any]) -> str:
    """The chart that a Vega-Lite spec describes, WIDTH wide."""
    try:
        import vl_convert
    except ImportError:
        raise NoCharts from None
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "config": _STYLE,
        "width": WIDTH,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        **spec,
    }
    return _PATH.sub(lambda path: _LONG.sub(r"\1", path[0]), str(vl_convert.vegalite_to_svg(whole)))


def label(text: str) -> str:
    """A text that can stand in a chart."""
    return " ".join(fit(text).split())


def fixed(colours: dict[str, str]) -> dict[str, Any]:
    """A colour for each kind of mark."""
    scale = {"domain": list(colours), "range": list(colours.values())}
    return {"field": "kind", "type": "nominal", "scale": scale, "legend": None}
