"""Which occasions hold of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.budget import Budget
from swiftci.evidence.occasion import Near, near, occasions, verdict_before
from swiftci.evidence.score import Score
from swiftci.evidence.verdict import Reason, Verdict
from tests.evidence.told import lost, record, score

UP, DOWN, EVEN = (
    score("a.accuracy", *numbers) for numbers in ((0.02, 0.01, 0.03), (-0.02, -0.03, -0.01), (0, -0.1, 0.1))
)
SPENT = Near(key="month", scope="2026-11", amount=81.0, cap=100.0, currency="CNY")


def verdict(word: Any, *, exit: int | None = None, reason: Reason | None = None) -> Verdict:
    found = Verdict.of([reason or Reason(verdict=word, text="so it is")])
    return found if exit is None else Verdict(verdict=word, reasons=found.reasons, exit=exit)


CASES: dict[str, tuple[Verdict | None, list[Score], dict[str, Any], str]] = {
    "passed": (verdict("pass"), [EVEN], {}, "always"),
    "failed a bound": (verdict("fail"), [], {}, "failure always"),
    "failed a comparison": (verdict("fail", reason=lost()), [], {}, "failure regression always"),
    "invalid": (verdict("invalid"), [], {}, "failure always"),
    "no verdict": (None, [], {}, "failure always"),
    "inconclusive": (verdict("inconclusive", exit=0), [], {}, "always"),
    "inconclusive, and that fails": (verdict("inconclusive", exit=3), [], {}, "failure always"),
    "only warned": (verdict("fail", exit=0), [], {}, "failure always"),
    "nothing to do": (verdict("skipped"), [UP], {"before": "fail"}, ""),
    "better": (verdict("pass"), [UP, EVEN], {}, "improvement always"),
    "worse, within the margin": (verdict("pass"), [DOWN], {}, "regression always"),
    "better here and worse there": (verdict("pass"), [UP, DOWN], {}, "regression improvement always"),
    "after a failure": (verdict("pass"), [], {"before": "fail"}, "recovery always"),
    "after an invalid one": (verdict("pass"), [], {"before": "invalid"}, "recovery always"),
    "after a pass": (verdict("pass"), [], {"before": "pass"}, "always"),
    "after an open one": (verdict("pass"), [], {"before": "inconclusive"}, "always"),
    "after an open one that failed": (
        verdict("pass"),
        [],
        {"before": "inconclusive", "strict": True},
        "recovery always",
    ),
    "failed again": (verdict("fail"), [], {"before": "fail"}, "failure always"),
    "dear": (verdict("pass"), [], {"near": [SPENT]}, "budget always"),
}


@pytest.mark.parametrize("case", CASES)
def test_occasions(case: str) -> None:
    found, scores, given, expected = CASES[case]
    more = dict(given)

    assert " ".join(occasions(found, scores, more.pop("near", []), **more)) == expected


ROWS = [
    ("refs/heads/main", "fail"),
    ("refs/pull/12/merge", "pass"),
    ("refs/heads/main", "inconclusive"),
    (None, "invalid"),
]


@pytest.mark.parametrize(
    ("ref", "strict", "expected"),
    [
        ("refs/heads/main", False, "fail"),
        ("refs/heads/main", True, "inconclusive"),
        ("refs/pull/12/merge", False, "pass"),
        ("refs/heads/other", False, ""),
        (None, False, "invalid"),
    ],
)
def test_verdict_before_is_that_of_the_same_ref(ref: str | None, strict: bool, expected: str, tmp_path: Path) -> None:
    rows = [{"run": str(n), "ref": of, "verdict": word, "metrics": {}} for n, (of, word) in enumerate(ROWS)]
    (tmp_path / "trend.json").write_text(json.dumps({"schema": 1, "runs": rows}))

    assert verdict_before(tmp_path, ref, strict=strict) == expected


@pytest.mark.parametrize(
    "text", ["", "[]", '{"runs": 1}', '{"runs": [1]}', '{"runs": [{"ref": null, "verdict": []}]}', "["]
)
def test_damaged_trend_tells_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "trend.json").write_text(text)

    assert verdict_before(tmp_path, None) == ""


@pytest.mark.parametrize(("cost", "expected"), [(None, []), (79.9, []), (80.0, [80.0]), (120.0, [120.0])])
def test_four_fifths_of_a_runs_budget(cost: float | None, expected: list[float]) -> None:
    budget = Budget(gpu_hour=10.0, run=100.0, month=1.0)

    assert [one.amount for one in near(record(cost=cost), budget)] == expected
    assert near(record(cost=cost), None) == ()
