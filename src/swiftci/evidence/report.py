"""The report: one run as report.md, a self-contained report.html, and eval_results.json."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence import chart, metric, training, verdict
from swiftci.evidence.estimate import duration
from swiftci.evidence.interval import Estimate
from swiftci.evidence.metric import Metric
from swiftci.evidence.words import WORDS
from swiftci.spec.template import environment
from swiftci.store.files import write_json, write_text
from swiftci.store.record import Record
from swiftci.tools import tracker

CHART_ROWS_MAX = 30
_ORDER = ("download", "evaluate-base", "train", "evaluate", "gate")
"""The stages as they follow each other; the journal has them as they were begun."""
_LATE = ("report", "cleanup")
"""Not yet done when the report is written."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """One metric of a whole data set, before and after training."""

    key: str
    before: Estimate | None
    after: Estimate | None
    difference: Estimate | None
    primary: bool
    better: bool | None


def write(folder: Path, record: Record, language: str) -> dict[str, Any]:
    """Writes the three files into a run directory and returns what they show."""
    view = gather(folder, record, language)
    write_text(folder / "report.md", _render("report.md.j2", view, html=False))
    write_text(folder / "report.html", _render("report.html.j2", view, html=True))
    write_json(folder / "eval_results.json", _results(folder, record, view))
    return view


def gather(folder: Path, record: Record, language: str) -> dict[str, Any]:
    """Everything that the templates show."""
    words = WORDS[language]
    left = training.read(folder / "train")
    found = _verdict(folder)
    scores = compared(folder, record)
    config = record.resolved["config"]
    named = {rule["metric"] for rule in config["gate"]["rules"]}
    charted = [s for s in scores if s.key in named or (not named and s.primary)] or [s for s in scores if s.primary]
    return {
        "words": words,
        "language": language,
        "record": record,
        "stages": {name: record.stages[name] for name in sorted(record.stages, key=_place) if name not in _LATE},
        "verdict": found.verdict if found else "running",
        "reasons": [_sentence(reason, words) for reason in found.reasons] if found else [],
        "training": left,
        "trained": record.succeeded("train"),
        "scores": scores,
        "loss_svg": _chart(lambda: chart.loss_curve(left.points, words)) if left.points else None,
        "reward_svg": _chart(lambda: chart.reward_curve(left.points, words))
        if any(p.reward is not None for p in left.points)
        else None,
        "score_svg": _chart(lambda: chart.scores([(s.key, s.before, s.after) for s in charted[:CHART_ROWS_MAX]], words))
        if charted
        else None,
        "started": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record.started)),
        "arguments": {"train": config["train"]["args"], "evaluate": (config["evaluate"] or {}).get("args", {})},
        "links": tracker.shown(folder),
        "needed": _needed(record, left),
        "dropped": bool(record.stages["train"].outputs.get("dropped")) if "train" in record.stages else False,
    }


def _needed(record: Record, left: training.Training) -> list[tuple[str, str, str]]:
    """What was estimated and what it came to: memory, time, cost; a row only where there was an estimate, or a bill."""
    found = record.estimate
    seconds = sum(one.seconds for one in record.stages.values() if not one.origin)
    memory, cost, currency = found.get("memory_bytes"), found.get("cost"), str(found.get("currency") or "")
    used = left.memory_gib
    rows = [
        ("memory", f"{memory / 2**30:.1f} GiB" if memory else "", f"{used:.1f} GiB" if used else ""),
        ("time", duration(found["seconds"]) if found.get("seconds") else "", duration(seconds)),
        (
            "cost",
            f"{cost:.2f} {currency}" if cost is not None else "",
            f"{record.cost:.2f} {currency}" if record.cost is not None else "",
        ),
    ]
    return [row for row in rows if row[1] or (row[2] and row[0] == "cost")]


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


def _sentence(reason: verdict.Reason, words: dict[str, str]) -> str:
    """A reason in the report's language; what a tool said stays as it was said."""
    if reason.value is None:
        return words["no_rules"] if reason.text == verdict.NO_RULES else reason.text
    limits = (("at_least", reason.at_least), ("at_most", reason.at_most))
    bound = words["and"].join(words[key].format(f"{limit:g}") for key, limit in limits if limit is not None)
    return words["rule"].format(metric=reason.metric, value=f"{reason.value:.4g}", items=reason.items, bound=bound)


def _verdict(folder: Path) -> verdict.Verdict | None:
    try:
        return verdict.read(folder)
    except ValueError as error:
        return verdict.Verdict.of([verdict.Reason(verdict="invalid", text=str(error))])


def compared(folder: Path, record: Record) -> list[Score]:
    """Each metric of the run's whole data sets before and after; what an older evaluation left does not count."""
    calls = (("base", "evaluate-base"), ("candidate", "evaluate"))
    subjects = [subject for subject, call in calls if record.succeeded(call)]
    try:
        both = {subject: metric.whole(metric.read(folder, subject)) for subject in subjects}
        items = {subject: metric.read_items(folder, subject) for subject in subjects}
    except ValueError:
        return []  # the gate has said so already
    before, after = both.get("base", {}), both.get("candidate", {})
    found = []
    for key in dict.fromkeys([*after, *before]):
        one = after.get(key) or before[key]
        difference = metric.difference(items.get("base", []), items.get("candidate", []), one.dataset, one.metric)
        better = None
        if difference and difference.low is not None and difference.high is not None and one.direction != "neutral":
            sign = -1 if one.direction == "lower_is_better" else 1
            low, high = sorted((sign * difference.low, sign * difference.high))
            better = True if low > 0 else False if high < 0 else None
        found.append(
            Score(
                key=key,
                before=_estimate(before.get(key)),
                after=_estimate(after.get(key)),
                difference=difference,
                primary=one.primary,
                better=better,
            )
        )
    return sorted(found, key=lambda s: not s.primary)


def _estimate(one: Metric | None) -> Estimate | None:
    return Estimate(mean=one.value, items=one.items, stderr=one.stderr) if one else None


def _chart(draw: Any) -> str | None:
    try:
        return str(draw())
    except chart.NoCharts:
        return None


def _results(folder: Path, record: Record, view: dict[str, Any]) -> dict[str, Any]:
    try:
        metrics = metric.whole(metric.read(folder, "candidate")) if record.succeeded("evaluate") else {}
    except ValueError:
        metrics = {}
    return {
        "name": record.name,
        "fingerprint": record.fingerprint,
        "commit": record.commit,
        "metrics": {key: one.value for key, one in metrics.items()},
        "verdict": view["verdict"],
    }


def _render(template: str, view: dict[str, Any], *, html: bool) -> str:
    jinja = environment(html=html)
    jinja.filters["cell"] = _cell
    jinja.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)
    return jinja.get_template(template).render(view)


def _cell(value: object) -> str:
    """Text that stays one cell of a Markdown table, with nothing in it that becomes a link, a mention or HTML."""
    text = " ".join(str(value).split())
    return "".join("\\" + c if c in "\\`*_[]<>|#~" else c for c in text).replace("@", "@\u200b")
