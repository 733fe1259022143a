"""Intervals of single scores, subsets that are shown to differ, trends and curves."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import curves, figures, measured, points, score, subjects, trend
from swiftci.evidence.metric import Item
from swiftci.evidence.points import Point
from swiftci.evidence.words import WORDS
from tests.evidence.rundir import Run, recorded
from tests.fake.repository import Repository


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    return recorded(tmp_path / "run", repository)


def items(values: list[float], *, subset: str = "s", clusters: int = 0, start: int = 0) -> list[Item]:
    return [
        Item(
            dataset="qa",
            subset=subset,
            index=str(n),
            prompt=f"{subset}-{n}",
            scores={"accuracy": value},
            prediction="",
            target="",
            question="",
            cluster=f"c{n % clusters}" if clusters else "",
        )
        for n, value in enumerate(values, start)
    ]


def first(run: Run, values: list[float], **more: Any) -> measured.Measured:
    run.scored("candidate", items(values, **more))
    found = score.scores(subjects.read(run.folder, run.record))[0].candidate
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([1.0] * 10, 0.7225, 1.0),
        ([0.0] * 10, 0.0, 0.2775),
        ([1.0] * 8 + [0.0] * 2, 0.4902, 0.9433),
        ([1.0] * 81 + [0.0] * 182, 0.2553, 0.3662),
    ],
)
def test_right_and_wrong_answers_have_wilsons_interval(run: Run, values: list[float], low: float, high: float) -> None:
    """The figures are statsmodels 0.15's proportion_confint(method="wilson"); the last is Newcombe's of 1998."""
    found = first(run, values)

    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_is_that_of_statsmodels() -> None:
    from statsmodels.stats import proportion

    for units in (1, 7, 164, 11_000):
        for right in {0, 1, units // 3, units}:
            expected = proportion.proportion_confint(right, units, method="wilson")
            assert measured.wilson(right / units, units) == pytest.approx(expected, abs=1e-12)


def test_shares_stay_within_what_they_can_be(run: Run) -> None:
    found = first(run, [0.99, 0.98, 0.2])

    assert found.high == 1.0
    assert found.low is not None
    assert 0.0 <= found.low < found.mean


def test_value_beyond_a_share_is_not_held_to_one(run: Run) -> None:
    found = first(run, [4.0, 5.0, 1.0])

    assert not found.ratio
    assert found.high is not None
    assert found.high > 5


def test_answers_that_are_all_alike_still_have_a_width(run: Run) -> None:
    """ROUGE gives 0.999995 for a right answer; and clusters count once."""
    assert (first(run, [0.999995] * 12).low or 1) < 0.8
    assert (first(run, [1.0] * 40, clusters=5).low or 1) < 0.6


def test_subset_is_shown_to_be_worse_only_among_all_of_them(run: Run) -> None:
    """Six of twenty lost are shown alone, and not among forty subsets; twenty of twenty are."""
    before = [one for n in range(40) for one in items([1.0] * 20, subset=f"s{n}")]
    after = []
    for n in range(40):
        lost = 20 if n == 7 else 6 if n < 2 else 0
        after += items([0.0] * lost + [1.0] * (20 - lost), subset=f"s{n}")
    run.scored("base", before)
    run.scored("candidate", after)
    found = subjects.read(run.folder, run.record)
    (one,) = score.slices(found, score.scores(found))

    assert [part.subset for part in one.worse] == ["s7"]
    alone = next(part for part in one.parts if part.subset == "s1")
    assert alone.difference is not None
    assert alone.difference.high < 0
    assert alone.difference.p_worse < score.SHOWN


def test_where_less_is_better_a_fall_is_shown_as_better(run: Run) -> None:
    for subject, value in (("base", 1.0), ("candidate", 0.0)):
        both = [one for name in "ab" for one in items([value] * 30, subset=name)]
        run.scored(subject, both, "lower_is_better")
    found = subjects.read(run.folder, run.record)
    (one,) = score.slices(found, score.scores(found))

    assert one.whole.better is True
    assert (len(one.improved), len(one.worse)) == (2, 0)


# ---------------------------------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("number", "ratio", "value", "change"),
    [
        (0.7132, True, "71.3 %", "+71.3"),
        (0.0, True, "0.0 %", "0"),
        (-0.0232, True, "-2.3 %", "-2.3"),
        (0.0001, True, "0.0 %", "0"),
        (12.3456, False, "12.35", "+12.35"),
        (None, True, "–", "–"),
        (math.nan, True, "nan", "+nan"),
    ],
)
def test_numbers_are_written_for_people(number: float | None, ratio: bool, value: str, change: str) -> None:
    assert figures.value(number, ratio=ratio) == value
    assert figures.change(number, ratio=ratio) == change


@pytest.mark.parametrize(
    ("seconds", "en", "zh"), [(12.3, "12 s", "12 秒"), (600, "10 min", "10 分钟"), (9000, "2.5 h", "2.5 小时")]
)
def test_durations_are_written_for_people(seconds: float, en: str, zh: str) -> None:
    assert [figures.duration(seconds, WORDS[language]) for language in ("en", "zh")] == [en, zh]


# ---------------------------------------------------------------------------------------------- trend


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ({"value": 0.5, "stderr": 0.1, "items": 20}, (0.5, 0.1)),
        ({"value": 0.5}, (0.5, None)),
        (0.5, (0.5, None)),
        ({"value": None}, None),
        ({"value": "0.5"}, None),
        ({"value": 7.0}, None),
        ([], None),
        (True, None),
    ],
)
def test_trend_takes_what_is_a_value(run: Run, metric: Any, expected: tuple[float, float | None] | None) -> None:
    key = "general_qa.rouge-l-recall"
    rows = [{"run": "1", "commit": None, "verdict": "pass", "metrics": {key: metric}}, {"run": 2}, None]
    (run.folder / "trend.json").write_text(json.dumps({"schema": 1, "runs": rows}))
    shown = score.scores(subjects.read(run.folder, run.record))[:1]
    found = trend.trends(run.folder, shown, "2", "c" * 40, "pass")

    assert [(one.value.mean, one.value.stderr) for each in found for one in each.stops[:-1]] == (
        [expected] if expected else []
    )


# ---------------------------------------------------------------------------------------------- curves


def test_thinned_points_keep_ends_extremes_and_what_is_no_number() -> None:
    steps = [Point(step=n, loss=math.sin(n), grad_norm=1.0) for n in range(100_000)]
    steps[40_000] = Point(step=40_000, loss=math.nan, grad_norm=math.nan)
    steps[50_000] = Point(step=50_000, loss=99.0, grad_norm=1.0)
    steps[60_000] = Point(step=60_000, loss=-99.0, grad_norm=1.0)
    kept = points.thinned(steps)

    assert len(kept) < 5000
    assert {0, 40_000, 50_000, 60_000, 99_999} <= {one.step for one in kept}
    assert [one.step for one in kept] == sorted(one.step for one in kept)


def test_few_points_are_all_kept() -> None:
    steps = [Point(step=n, loss=float(n)) for n in range(50)]

    assert points.thinned(steps) == steps
    assert points.thinned([]) == []


def test_steps_without_a_number_are_stretches() -> None:
    bad = {3, 4, 5, 9}
    (loss,) = curves.curves([Point(step=n, loss=math.nan if n in bad else 1.0) for n in range(12)], ())

    assert loss.bad == ((3, 5), (9, 9))
    assert {step for line in loss.lines for step, _ in line.points} == set(range(12)) - bad


def test_loss_that_is_zero_beside_a_gradient_that_is_no_number_was_none() -> None:
    assert math.isnan(Point(step=1, loss=0.0, grad_norm=math.nan).true_loss or 0)
    assert Point(step=1, loss=0.0, grad_norm=1.0).true_loss == 0.0
    assert Point(step=1, loss=2.5, grad_norm=math.inf).true_loss == 2.5


def test_what_only_the_baseline_logged_is_no_curve_of_this_run() -> None:
    drawn = curves.curves([Point(step=1, loss=1.0)], [Point(step=1, loss=1.0, memory_gib=20.0)])

    assert [one.name for one in drawn] == ["loss"]
    assert [line.own for line in drawn[0].lines] == [False, True]


def test_reward_goes_by_the_tools_own_name() -> None:
    (drawn,) = curves.curves([Point(step=1, reward=0.5, reward_key="rewards/accuracies")], ())

    assert drawn.name == "rewards/accuracies"


def test_log_is_read_in_one_piece_or_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "logging.jsonl"
    lines = [json.dumps({"loss": 1.0, "n": n}) for n in range(2500)]
    path.write_text("\n".join([*lines[:1200], '{"cut', "{}, {}", "", *lines[1200:], '{"half": 1']))

    assert [row["n"] for row in points.rows(path)] == list(range(2500))


def test_history_in_the_summary_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "logging.jsonl"
    history = [{"loss": 1.0, "step": n, "text": "]"} for n in range(10_000)]
    path.write_text(json.dumps({"last_model_checkpoint": "c", "log_history": history, "memory": 7}) + "\n")

    assert list(points.rows(path)) == [{"last_model_checkpoint": "c", "log_history": [], "memory": 7}]
