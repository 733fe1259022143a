"""Runs to tell of: a view with as much in it as a message looks at."""

from types import SimpleNamespace
from typing import Any, cast

from swiftci.evidence.paired import Paired
from swiftci.evidence.score import Score
from swiftci.evidence.verdict import Override, Reason, Verdict
from swiftci.evidence.view import View
from swiftci.store.record import Record

RUN = "https://github.com/team/models/actions/runs/4711"


def record(**changes: Any) -> Record:
    found: dict[str, Any] = {
        "name": "qwen3-4b-zh",
        "fingerprint": "f" * 64,
        "resolved": {},
        "started": 1000.0,
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "ref": "refs/pull/12/merge",
        "event": "pull_request",
        "actor": "li-lei",
        "url": RUN,
        "swiftci": "0.1.0",
        "run": "4711",
    }
    return Record(**{**found, **changes})


def score(key: str, mean: float, low: float, high: float, **changes: Any) -> Score:
    """A difference with its interval; `lower` where less is better."""
    lower = bool(changes.get("lower"))
    better = None if low <= 0 <= high else (low > 0) != lower
    difference = cast(Paired, SimpleNamespace(mean=mean, low=low, high=high))
    found: dict[str, Any] = {
        "key": key,
        "dataset": key.partition(".")[0],
        "metric": key.partition(".")[2],
        "difference": difference,
        "against": "baseline",
        "primary": True,
        "better": better,
        "ratio": True,
    }
    return Score(**{**found, **changes})


def lost(metric: str = "ceval.accuracy") -> Reason:
    """A comparison that failed."""
    return Reason(
        verdict="fail",
        text="",
        metric=metric,
        value=0.681,
        items=1000,
        margin=0.02,
        against="baseline",
        before=0.713,
        difference=-0.032,
        floor=-0.05,
        ceiling=-0.011,
        note="lost",
    )


def view(
    language: str, *reasons: Reason, scores: tuple[Score, ...] = (), found: Verdict | None = None, **of: Any
) -> View:
    """`found` is what the reasons come to, unless it is given."""
    whole = found or (Verdict.of(reasons) if reasons else None)
    made = SimpleNamespace(
        record=record(**of),
        language=language,
        found=whole,
        verdict=whole.verdict if whole else "running",
        reasons=[_said(one, language) for one in whole.reasons] if whole else [],
        scores=[*scores],
        main=[*scores],
        url=of.get("url", RUN),
    )
    return cast(View, made)


SAID = {
    "cmmlu": ("cmmlu.accuracy is 0.71 over 1000 items; it should be at least 0.6", "cmmlu.accuracy 为 0.71（1000 题）"),
    "ceval": ("ceval.accuracy is 0.58 over 1346 items; it should be at least 0.6", "ceval.accuracy 为 0.58（1346 题）"),
    "gsm8k": ("gsm8k.accuracy: anything from -25.0 to +15.0 is possible", "gsm8k.accuracy：-25.0 至 +15.0 都有可能"),
}
"""What is said of a data set's rule, in English and Chinese; a reason of no metric stays as it is."""


def _said(reason: Reason, language: str) -> str:
    known = SAID.get(reason.metric.partition(".")[0])
    return known[language == "zh"] if known else reason.text


OVERRIDE = Override(by="han-meimei", reason="known, see #7", commit="0123", at="2026-11-20", url=RUN)
