"""How metrics come from items, against what EvalScope 1.14.1 and lm-evaluation-harness 0.4.13 made of the same."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import fmean

import numpy as np
import pytest

from swiftci.evidence import scores
from swiftci.evidence.aggregate import PerQuestion, how
from swiftci.evidence.metric import Item
from swiftci.evidence.statistic import Statistic, statistic
from tests.evidence.corpus import CORPUS

ANSWERS = {
    "0": ("ABAA", "1011"),
    "1": ("BBBA", "0001"),
    "2": (" CC ", "0110"),
    "3": ("    ", "0000"),
    "4": ("DDDD", "1111"),
}
"""What five questions were answered with, four times each, and what was right of it."""


def item(values: Mapping[str, float], index: str = "0", prediction: str = "") -> Item:
    return Item(
        dataset="d",
        subset="s",
        index=index,
        prompt="p",
        scores=dict(values),
        prediction=prediction,
        target="",
        question="",
    )


def asked_often() -> list[Item]:
    return [
        item({"accuracy": float(right[time])}, f"{question}/{time}", said[time])
        for question, (said, right) in ANSWERS.items()
        for time in range(4)
    ]


def over_questions(metric: str, items: list[Item]) -> float:
    found, questions = how(metric, items), defaultdict(list)
    assert isinstance(found, PerQuestion)
    for one in items:
        questions[one.index.partition("/")[0]].append(one)
    return fmean(value for asked in questions.values() if (value := found.of(asked)) is not None)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("accuracy", 0.5),
        ("accuracy-1-pass_at_k", 0.5),
        ("accuracy-2-pass_at_k", 2 / 3),
        ("accuracy-3-pass_at_k", 0.75),
        ("accuracy-1-vote_at_k", 0.4),
        ("accuracy-2-vote_at_k", 0.6),
        ("accuracy-4-vote_at_k", 0.6),
        ("accuracy-2-pass_hat_k", 1 / 3),
        ("accuracy-3-pass_hat_k", 0.25),
        ("accuracy-4-bayes_at_n", 0.5),
    ],
)
def test_answers_to_a_question_are_one_value(metric: str, value: float) -> None:
    items = asked_often()[::-1]  # reviews come as the answers do

    assert over_questions(metric, items) == pytest.approx(value, abs=1e-12)


def test_recorded_run_has_the_values_of_its_report() -> None:
    read = scores.read(CORPUS / "evalscope" / "ok-pass-at-k" / "out", "candidate", ("humaneval",))
    found = {one.metric: one.value for one in read.metrics if one.subset is None}

    assert {"accuracy", "accuracy-2-pass_at_k", "accuracy-3-pass_at_k"} <= found.keys()
    for metric, value in found.items():
        assert over_questions(metric, read.items) == pytest.approx(value, abs=1e-4)


def test_question_asked_too_seldom_has_no_value() -> None:
    items = asked_often()
    found = how("accuracy-5-pass_at_k", items)

    assert isinstance(found, PerQuestion)
    assert found.of(items[:4]) is None


@pytest.mark.parametrize(
    "metric", ["rouge", "rouge-2-pass_at_k", "accuracy-weighted_mean", "f1", "auroc-noul-decision", ""]
)
def test_metric_that_items_do_not_make_up_has_no_way(metric: str) -> None:
    assert how(metric, asked_often()) is None
    assert how(metric, []) is None


def test_value_that_items_carry_comes_before_a_statistic_of_that_name() -> None:
    assert isinstance(how("f1", [item({"f1": 0.5})]), PerQuestion)
    assert isinstance(how("f1", [item({"f1/gold": 1.0, "f1/predicted": 0.0})]), Statistic)


def test_classes_beyond_yes_and_no_have_no_f1() -> None:
    assert how("f1", [item({"f1/gold": 1.0, "f1/predicted": 2.0})]) is None


YES_NO = [(1, 1)] * 5 + [(0, 1)] * 2 + [(1, 0)] * 3 + [(0, 0)] * 6
TEXTS = [(-30.5, 12), (-8.25, 4), (-101.0, 37)]
STATED = [(0.95, 1), (0.9, 1), (0.85, 0), (0.3, 0), (0.35, 1), (0.1, 0), (0.05, 0), (1.0, 0)]
SOLUTIONS = [(key, value) for key, values in (("correct_acc", (1, 1, 0, 1)), ("error_acc", (1, 0))) for value in values]
CALLS = [(1, 1, 1)] * 4 + [(1, 1, 0)] * 2 + [(0, 1, 1)] + [(1, 0, 0)] * 2 + [(0, 0, 0)] * 3


def parts(name: str, columns: tuple[str, ...], rows: list[tuple[float, ...]]) -> list[Item]:
    keys = [f"{name}/{column}" if column else name for column in columns]
    return [item(dict(zip(keys, map(float, row), strict=True))) for row in rows]


def flags(rows: list[tuple[int, ...]]) -> list[Item]:
    keys = ("should_call_tool", "finish_reason_tool_call", "successful_tool_call")
    return [item(dict(zip(keys, map(float, row), strict=True))) for row in rows]


@pytest.mark.parametrize(
    ("metric", "items", "value"),
    [
        ("wer-weighted_mean", parts("wer", ("", "weight"), [(0.5, 4), (0, 10), (1.5, 2), (0.25, 8)]), 7 / 24),
        ("points-clipped_mean", parts("points", ("",), [(-0.8,), (0.3,), (-0.1,)]), 0.0),
        ("points-clipped_mean", parts("points", ("",), [(0.8,), (0.3,), (-0.2,)]), 0.3),
        ("f1", parts("f1", ("gold", "predicted"), YES_NO), 0.6666666666666666),
        ("f1-noul-decision", parts("f1", ("gold", "predicted"), YES_NO), 0.6666666666666666),
        ("precision-noul-decision", parts("precision", ("gold", "predicted"), YES_NO), 5 / 7),
        ("recall-noul-decision", parts("recall", ("gold", "predicted"), YES_NO), 5 / 8),
        ("mcc", parts("mcc", ("gold", "predicted"), YES_NO), 0.3779644730092272),
        ("mcc", parts("mcc", ("gold", "predicted"), [(1, 1), (0, 1)]), 0.0),
        ("ece-10-noul-binary-decision", parts("ece", ("probability", "outcome"), STATED), 0.275),
        ("word_perplexity", parts("word_perplexity", ("log_likelihood", "weight"), TEXTS), 13.96832760558351),
        ("bits_per_byte", parts("bits_per_byte", ("log_likelihood", "weight"), TEXTS), 3.8040873955515595),
        ("perplexity", parts("perplexity", ("log_likelihood",), [(-1.5,), (-0.25,), (-3.0,)]), 4.871165999245474),
        ("simple_f1_score", [item({key: value}) for key, value in SOLUTIONS], 0.6),
        ("tool_call_f1", flags(CALLS), 12 / 15),
        ("trigger_similarity", flags(CALLS), 12 / 15),
        ("schema_accuracy", flags(CALLS), 5 / 7),
    ],
)
def test_metric_of_all_questions_is_the_tools_own(metric: str, items: list[Item], value: float) -> None:
    found = how(metric, items)

    assert isinstance(found, Statistic)
    sums = np.array([found.question([one]) for one in items]).sum(axis=0)
    assert float(found.value(sums)) == pytest.approx(value, abs=1e-12)
    assert found.value(np.stack([sums, sums])) == pytest.approx([value, value])


def test_question_asked_often_adds_each_answer() -> None:
    found = statistic("wer-weighted_mean")
    assert found is not None

    assert found.question(parts("wer", ("", "weight"), [(0.5, 4), (0.25, 8)])) == (4.0, 12.0)
