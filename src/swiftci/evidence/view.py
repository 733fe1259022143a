"""All that a report shows, gathered from a run directory; nothing in it is drawn or marked up yet."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence import changes, curves, figures, flips, score, subjects, training, trend, verdict
from swiftci.evidence.baseline import BASELINE, Found
from swiftci.evidence.changes import Change
from swiftci.evidence.curves import Curve
from swiftci.evidence.flips import Beside, Flips
from swiftci.evidence.score import Score, Slices
from swiftci.evidence.sentence import sentence
from swiftci.evidence.training import Training
from swiftci.evidence.trend import Trend
from swiftci.evidence.verdict import Verdict
from swiftci.evidence.words import WORDS
from swiftci.store import record as records
from swiftci.store.record import Record, StageRecord
from swiftci.tools import tracker

_ORDER = ("download", "baseline", "evaluate-base", "train", "evaluate", "evaluate-baseline", "gate")
"""The stages as they follow each other; the journal has them as they were begun."""
_LATE = ("report", "comment", "notify", "cleanup")
"""Not yet done when the report is written."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A run as people want to see it. `verdict` is a verdict's word, or `running`; `reasons` are in the language.

    `scores` are of whole data sets, primary ones first, and `main` those of them that rules name or EvalScope calls
    primary. `changes` is None where it is not known what decided the baseline's result.
    """

    record: Record
    language: str
    verdict: str
    found: Verdict | None
    reasons: list[str]
    baseline: Found | None
    anchor: Found | None
    differs: tuple[str, ...]
    against: str
    changes: list[Change] | None
    scores: list[Score]
    main: list[Score]
    slices: list[Slices]
    flips: Flips
    beside: tuple[Beside, ...]
    beside_items: int
    training: Training
    curves: list[Curve]
    trends: list[Trend]
    stages: dict[str, StageRecord]
    needed: list[tuple[str, str, str]]
    arguments: dict[str, Any]
    links: dict[str, str]
    dropped: bool
    started: str
    url: str | None

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.language]


def gather(folder: Path, record: Record, language: str) -> View:
    """Reads a run directory, finished or not; what is damaged counts as absent."""
    config = record.resolved["config"]
    left = training.read(folder / "train")
    found = _verdict(folder)
    measured = subjects.read(folder, record)
    scores = score.scores(measured)
    main = _main(scores, config)
    before = _record(folder / BASELINE) if measured.baseline else None
    beside, beside_items = flips.side_by_side(measured, (config["evaluate"] or {}).get("show") or ())
    word = found.verdict if found else "running"
    return View(
        record=record,
        language=language,
        verdict=word,
        found=found,
        reasons=[sentence(reason, language) for reason in found.reasons] if found else [],
        baseline=measured.baseline,
        anchor=measured.anchor,
        differs=measured.differs,
        against=measured.against,
        changes=changes.compared(before.parts, record.parts) if before and before.parts and record.parts else None,
        scores=scores,
        main=main,
        slices=score.slices(measured, main),
        flips=flips.flips(measured, _one_each(main)),
        beside=beside,
        beside_items=beside_items,
        training=left,
        curves=curves.curves(left.points, training.read(folder / BASELINE / "train").points if before else ()),
        trends=trend.trends(folder, main, record.run, record.commit, word),
        stages={name: record.stages[name] for name in sorted(record.stages, key=_place) if name not in _LATE},
        needed=_needed(record, left, language),
        arguments={"train": config["train"]["args"], "evaluate": (config["evaluate"] or {}).get("args", {})},
        links=tracker.shown(folder),
        dropped=bool(record.stages["train"].outputs.get("dropped")) if "train" in record.stages else False,
        started=moment(record.started),
        url=record.url,
    )


def _main(scores: Sequence[Score], config: Mapping[str, Any]) -> list[Score]:
    """What the rules name first, then what is primary."""
    named = [rule["metric"] for rule in config["gate"]["rules"]]
    first = [one for key in dict.fromkeys(named) for one in scores if one.key == key]
    return [*first, *(one for one in scores if one.primary and one not in first)] or list(scores)


def _one_each(scores: Sequence[Score]) -> list[Score]:
    """A metric of each data set: an item flips once, whatever it is measured by."""
    return list({one.dataset: one for one in reversed(scores) if one.difference and one.directed}.values())[::-1]


def _verdict(folder: Path) -> Verdict | None:
    try:
        return verdict.read(folder)
    except ValueError as error:
        return Verdict.of([verdict.Reason(verdict="invalid", text=str(error))])


def _record(folder: Path) -> Record | None:
    try:
        return records.read(folder)
    except (OSError, ValueError):
        return None


def _place(stage: str) -> int:
    return _ORDER.index(stage) if stage in _ORDER else len(_ORDER)


def _needed(record: Record, left: Training, language: str) -> list[tuple[str, str, str]]:
    """What was estimated and what it came to: memory, time, cost; a row only where there was an estimate, or a bill."""
    words, found = WORDS[language], record.estimate
    seconds = sum(one.seconds for one in record.stages.values() if not one.origin)
    memory, cost, currency = found.get("memory_bytes"), found.get("cost"), str(found.get("currency") or "")
    used = left.memory_gib

    def time_of(length: float | None) -> str:
        return figures.duration(length, words) if length else ""

    rows = [
        ("memory", f"{memory / 2**30:.1f} GiB" if memory else "", f"{used:.1f} GiB" if used else ""),
        ("time", time_of(found.get("seconds")), time_of(seconds)),
        ("gpu_time", "", time_of(record.gpu_seconds)),
        (
            "cost",
            f"{cost:.2f} {currency}" if cost is not None else "",
            f"{record.cost:.2f} {currency}" if record.cost is not None else "",
        ),
    ]
    return [row for row in rows if row[1] or row[2]]


def moment(seconds: float) -> str:
    """A time since 1970, in UTC."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return figures.NONE  # no such year
