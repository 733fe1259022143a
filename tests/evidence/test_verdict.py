"""What the gate's rules say."""

import math
from pathlib import Path
from typing import get_args

import pytest

from swiftci.config.gate import Gate, Rule
from swiftci.evidence import verdict
from swiftci.evidence.judge import Evidence, judge
from swiftci.evidence.metric import Metric
from swiftci.evidence.verdict import Reason, Verdict, Word
from swiftci.spec.exit import Exit


def measured(value: float) -> list[Metric]:
    return [Metric(subject="candidate", dataset="ceval", subset=None, metric="accuracy", value=value, items=200)]


def judged(rules: list[Rule], metrics: list[Metric]) -> Verdict:
    return judge(Gate(rules=tuple(rules)), Evidence(metrics={"candidate": metrics}, items={}))


@pytest.mark.parametrize(
    ("value", "at_least", "at_most", "word"),
    [
        (0.6, 0.6, None, "pass"),
        (0.5999, 0.6, None, "fail"),
        (0.6, None, 0.6, "pass"),
        (0.6001, None, 0.6, "fail"),
        (0.6, 0.5, 0.7, "pass"),
        (0.8, 0.5, 0.7, "fail"),
        (0.0, 0.0, None, "pass"),
        (0.0, None, 0.0, "pass"),
        (-1.0, 0.0, None, "fail"),
        (math.nan, 0.5, None, "invalid"),
        (math.inf, 0.5, None, "invalid"),
        (-math.inf, None, 0.5, "invalid"),
    ],
)
def test_rule_is_judged(value: float, at_least: float | None, at_most: float | None, word: str) -> None:
    rule = Rule(metric="ceval.accuracy", at_least=at_least, at_most=at_most)

    assert judged([rule], measured(value)).verdict == word


def test_reason_says_what_was_found_and_what_was_expected() -> None:
    found = judged([Rule(metric="ceval.accuracy", at_least=0.6, at_most=0.9)], measured(0.51234))

    assert found.reasons[0].text == (
        "ceval.accuracy is 0.5123 over 200 items; it should be at least 0.6 and at most 0.9"
    )
    assert found.reasons[0].value == 0.51234


def test_what_was_not_measured_never_passes() -> None:
    found = judged([Rule(metric="ceval.f1", at_least=0.0)], measured(0.9))

    assert (found.verdict, found.exit) == ("invalid", Exit.TOOL)
    assert found.reasons[0].text == "ceval.f1 was not measured; measured: ceval.accuracy"
    assert "measured: nothing" in judged([Rule(metric="a.b", at_most=1)], []).reasons[0].text


@pytest.mark.parametrize(
    ("words", "worst", "code"),
    [
        ((), "pass", 0),
        (("pass", "pass"), "pass", 0),
        (("pass", "fail"), "fail", 3),
        (("inconclusive", "pass"), "inconclusive", 3),
        (("inconclusive", "fail"), "fail", 3),
        (("fail", "invalid", "pass"), "invalid", 4),
        (("skipped",), "skipped", 0),
    ],
)
def test_verdict_is_the_worst_of_its_reasons(words: tuple[Word, ...], worst: str, code: int) -> None:
    found = Verdict.of([Reason(verdict=word, text="x") for word in words])

    assert (found.verdict, found.exit) == (worst, code)


def test_every_verdict_has_an_exit_code() -> None:
    assert set(verdict.EXITS) == set(get_args(Word))


def test_verdict_survives_its_file(tmp_path: Path) -> None:
    found = judged([Rule(metric="ceval.accuracy", at_least=0.6), Rule(metric="x.y", at_most=1)], measured(0.5))
    verdict.write(tmp_path, found)

    assert verdict.read(tmp_path) == found


def test_no_file_no_verdict(tmp_path: Path) -> None:
    assert verdict.read(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"reasons": [3], "verdict": "pass", "exit": 0}', "\xff"])
def test_damaged_verdict_is_said_to_be(tmp_path: Path, text: str) -> None:
    (tmp_path / verdict.FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ValueError):
        verdict.read(tmp_path)
