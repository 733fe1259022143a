"""The report: one run as report.md, a self-contained report.html, and eval_results.json."""

import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from swiftci.evidence import chart, chart_scores, chart_training, figures, metric
from swiftci.evidence.changes import Change, apart
from swiftci.evidence.score import Score, Slices
from swiftci.evidence.texts import brief, cut, fit
from swiftci.evidence.view import View, gather, moment
from swiftci.spec.template import environment
from swiftci.store.files import write_json, write_text
from swiftci.store.record import Record

__all__ = ["View", "gather", "write"]

CHART_ROWS_MAX = 30
FOREST_ROWS_MAX = 40
"""Subsets in one chart; of more there are several, side by side where there is room."""
TRENDS_MAX = 6
CHANGES_MAX = 60
ROWS_MAX, OTHERS_MAX = 60, 500
"""Metrics in the table, and in the folded one below it."""
ROWS_OPEN = 8
"""Items that are seen before the reader asks for all."""
GROUPS_MAX = 300
"""Subsets that flipped items can be filtered by."""
VALUE_MAX = 160
"""Characters of a config's value."""
_DIGEST = re.compile(r"[0-9a-f]{40,64}")
_LINK = re.compile(r"https?://[^\s\"'<>\\^`{|}]+")


def write(folder: Path, record: Record, language: str) -> View:
    """Writes the three files into a run directory and returns what they show."""
    view = gather(folder, record, language)
    write_text(folder / "report.md", _render("report.md.j2", view, html=False))
    write_text(folder / "report.html", _render("report.html.j2", view, html=True, charts=_charts(view)))
    write_json(folder / "eval_results.json", _results(folder, view))
    return view


def _charts(view: View) -> dict[str, list[tuple[str, str]]] | None:
    """The charts of each section with their captions; None where there is nothing to draw them with."""
    try:
        return {
            "scores": list(_score_charts(view)),
            "trend": [(one.score.key, chart_scores.trend(one, view.words)) for one in view.trends[:TRENDS_MAX]],
            "training": [
                (chart_training.caption(one, view.words), chart_training.curve(one, view.words)) for one in view.curves
            ],
            **{f"slices {n}": _forests(one, view.words) for n, one in enumerate(view.slices)},
        }
    except chart.NoCharts:
        return None


def _score_charts(view: View) -> Sequence[tuple[str, str]]:
    """Shares together in one chart, and every other metric, which has a scale of its own, in one alone."""
    ratios = [score for score in view.main if score.ratio][:CHART_ROWS_MAX]
    groups = [ratios] if ratios else []
    groups += [[score] for score in view.main if not score.ratio][:TRENDS_MAX]
    return [("", chart_scores.values(group, view.words)) for group in groups]


def _forests(found: Slices, words: dict[str, str]) -> list[tuple[str, str]]:
    count = -(-len(found.parts) // FOREST_ROWS_MAX)
    size = -(-len(found.parts) // count)
    drawn = []
    for start in range(0, len(found.parts), size):
        parts = found.parts[start : start + size]
        caption = words["chart_of"].format(len(found.parts), start + 1, start + len(parts)) if count > 1 else ""
        drawn.append((caption, chart_scores.differences(parts, found.parts, words)))
    return drawn


def _results(folder: Path, view: View) -> dict[str, Any]:
    record = view.record
    try:
        metrics = metric.whole(metric.read(folder, "candidate")) if record.succeeded("evaluate") else {}
    except ValueError:
        metrics = {}
    return {
        "name": record.name,
        "fingerprint": record.fingerprint,
        "commit": record.commit,
        "metrics": {key: one.value for key, one in metrics.items()},
        "verdict": view.verdict,
        "baseline": {"run": view.baseline.run, "commit": view.baseline.commit} if view.baseline else None,
        "differences": {score.key: _difference(score) for score in view.scores if score.difference},
    }


def _difference(score: Score) -> dict[str, Any]:
    found = score.difference
    if found is None:
        return {}
    low, high = (bound if math.isfinite(bound) else None for bound in (found.low, found.high))
    return {
        "against": score.against,
        "value": found.mean,
        "low": low,
        "high": high,
        "better": score.better,
        "items": found.items,
    }


def _render(template: str, view: View, *, html: bool, **more: Any) -> str:
    jinja = environment(html=html)
    jinja.filters |= _FILTERS
    names = {name: getattr(view, name) for name in view.__dataclass_fields__}
    return fit(jinja.get_template(template).render(names | _shown(view) | more, w=view.words))


def _shown(view: View) -> dict[str, Any]:
    """What the templates need besides, and how much of it."""
    rows = view.main[:ROWS_MAX]
    keys = {score.key for score in rows}
    return {
        "rows": rows,
        "others": [score for score in view.scores if score.key not in keys],
        "kinds": [name for name in ("base", "baseline", "candidate") if any(getattr(score, name) for score in rows)],
        "lines": ["candidate", "baseline"] if any(not line.own for one in view.curves for line in one.lines) else [],
        "bad": [(chart_training.name(one, view.words), _stretches(one.bad)) for one in view.curves if one.bad],
        "dashed": any(line.series == "eval_loss" for one in view.curves for line in one.lines),
        "numbers": {(group.dataset, group.subset): n for n, group in enumerate(view.flips.groups, 1)},
        "colours": chart.COLOURS,
        "groups_max": GROUPS_MAX,
        "rows_open": ROWS_OPEN,
        "others_max": OTHERS_MAX,
        "changes_max": CHANGES_MAX,
    }


def _cell(value: object) -> str:
    """Text that stays one cell of a Markdown table, with nothing in it that becomes a link, a mention or HTML."""
    text = " ".join(str(value).split())
    return "".join("\\" + c if c in "\\`*_[]<>|#~" else c for c in text).replace("@", "@\u200b")


def _values(change: Change, words: dict[str, str]) -> tuple[str, str]:
    """What a key was and what it is."""
    first, second = _plain(change.first), _plain(change.second)
    if change.state == "changed":
        first, second = apart(first, second, VALUE_MAX)
    first, second = brief(first, VALUE_MAX), brief(second, VALUE_MAX)
    return words["absent"] if change.state == "second" else first, words[
        "absent"
    ] if change.state == "first" else second


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text[:12] if _DIGEST.fullmatch(text) else text


def _stretches(stretches: Sequence[tuple[int, int]]) -> str:
    """Stretches of steps in a few words."""
    shown = [f"{first:,}" if first == last else f"{first:,}–{last:,}" for first, last in stretches[:4]]
    return ", ".join(shown) + (f" … {stretches[-1][1]:,}" if len(stretches) > len(shown) else "")


def _link(text: object) -> str:
    return str(text) if isinstance(text, str) and _LINK.fullmatch(text) else ""


def _change_span(score: Score) -> str:
    """The difference's interval, within what a share can change by."""
    found = score.difference
    if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
        return figures.NONE
    low, high = (max(-1.0, found.low), min(1.0, found.high)) if score.ratio else (found.low, found.high)
    return figures.change_span(low, high, ratio=score.ratio)


_FILTERS: dict[str, Callable[..., Any]] = {
    "cell": _cell,
    "json": lambda value: json.dumps(value, ensure_ascii=False, indent=2),
    "brief": brief,
    "ends": lambda text, most: " ".join(cut(text, most).text.split()),
    "link": _link,
    "moment": moment,
    "values": _values,
    "commas": lambda number: f"{number:,}",
    "plain": figures.plain,
    "duration": figures.duration,
    "value": lambda one, ratio: figures.value(one.mean if one else None, ratio=ratio),
    "span": lambda one, ratio: figures.span(one.low, one.high, ratio=ratio) if one else figures.NONE,
    "change": lambda score: figures.change(score.difference.mean if score.difference else None, ratio=score.ratio),
    "change_span": _change_span,
    "mark": lambda score: {True: " ▲", False: " ▼"}.get(score.better, ""),
    "shade": lambda score: {True: "up", False: "down"}.get(score.better, ""),
}
