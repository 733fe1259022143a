"""Differences of metrics that are no mean: scipy's bootstrap to the last digit, and what must hold of any."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from swiftci.evidence.bca import BCa
from swiftci.evidence.bootstrap import RESAMPLES, paired_statistic
from swiftci.evidence.paired import Paired
from swiftci.evidence.statistic import Statistic, statistic

EXACT = 1e-9
MEAN = Statistic(row=lambda scores: (scores["x"], 1.0), value=lambda sums: sums[..., 0] / sums[..., 1])


def of(metric: str) -> Statistic:
    found = statistic(metric)
    assert found is not None
    return found


def rates(items: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Error rates before and after, and how many words each item has."""
    draw = np.random.default_rng(seed)
    before = draw.random(items)
    return before, np.clip(before + draw.normal(0.01, 0.1, items), 0, 1), draw.integers(1, 20, items) * 1.0


def weighted(before: np.ndarray, after: np.ndarray, weights: np.ndarray, alpha: float = 0.05) -> Paired:
    first, second = (np.stack([values * weights, weights], axis=1).tolist() for values in (before, after))
    return paired_statistic(first, second, of("wer-weighted_mean").value, alpha=alpha)


def scipys(data: tuple[np.ndarray, ...], alternative: str, level: float) -> stats._resampling.BootstrapResult:
    def difference(before: np.ndarray, after: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
        old, new = ((values * weights).sum(axis) / weights.sum(axis) for values in (before, after))
        return new - old

    return stats.bootstrap(
        data,
        difference,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(0),
        alternative=alternative,
        confidence_level=level,
    )


@pytest.mark.parametrize("items", [20, 150])
def test_bounds_are_scipys(items: int) -> None:
    data = rates(items)
    found = weighted(*data, alpha=0.02)
    two_sided = scipys(data, "two-sided", 0.95)

    assert found.method == "bca"
    assert (found.low, found.high) == pytest.approx(tuple(two_sided.confidence_interval), abs=EXACT)
    assert found.stderr == pytest.approx(two_sided.standard_error, abs=EXACT)
    assert found.floor == pytest.approx(scipys(data, "greater", 0.98).confidence_interval.low, abs=EXACT)
    assert found.ceiling == pytest.approx(scipys(data, "less", 0.98).confidence_interval.high, abs=EXACT)
    assert found.mean == pytest.approx(np.average(data[1], weights=data[2]) - np.average(data[0], weights=data[2]))


@pytest.mark.parametrize("seed", range(4))
def test_p_values_are_where_the_bounds_reach_nothing(seed: int) -> None:
    data = rates(100, seed)
    found = weighted(*data)

    assert weighted(*data, alpha=found.p_better).floor == pytest.approx(0, abs=1e-6)
    assert weighted(*data, alpha=found.p_worse).ceiling == pytest.approx(0, abs=1e-6)


def test_mean_is_as_students_in_many_questions() -> None:
    before, after, _ = rates(600)
    found = paired_statistic([(one, 1) for one in before], [(one, 1) for one in after], MEAN.value)
    expected = stats.ttest_rel(after, before)

    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()), abs=2e-4)
    assert 2 * min(found.p_better, found.p_worse) == pytest.approx(expected.pvalue, abs=0.01)


def test_few_questions_have_students_word_too() -> None:
    data = rates(8)
    found, bca = weighted(*data), scipys(data, "two-sided", 0.95).confidence_interval
    half = stats.t.ppf(0.975, 7) * (found.stderr or 0.0)

    assert found.low == pytest.approx(min(bca.low, found.mean - half), abs=EXACT)
    assert found.high == pytest.approx(max(bca.high, found.mean + half), abs=EXACT)


def test_bound_beyond_the_last_draw_is_not_surer_than_its_p_value() -> None:
    skewed = BCa(0.08, np.linspace(0.01, 1, 999), np.zeros(50)).bounds(0.05)

    assert skewed.p_better > 0.05
    assert skewed.floor == 0.0


def test_clusters_are_drawn_whole() -> None:
    before, after, weights = rates(60)
    first, second = (np.stack([values * weights, weights], axis=1) for values in (before, after))
    labels = [str(number % 30) for number in range(60)]
    found = paired_statistic(first.tolist(), second.tolist(), of("wer-weighted_mean").value, clusters=labels)
    merged = paired_statistic(
        (first[:30] + first[30:]).tolist(), (second[:30] + second[30:]).tolist(), of("wer-weighted_mean").value
    )

    assert (found.units, found.items) == (30, 60)
    assert (found.low, found.high, found.p_better) == (merged.low, merged.high, merged.p_better)
    assert found.spread == pytest.approx(merged.spread * math.sqrt(2))


def answers(gold: list[int], predicted: list[int]) -> list[tuple[float, ...]]:
    return [of("f1").row({"f1/gold": g, "f1/predicted": p}) for g, p in zip(gold, predicted, strict=True)]


def test_no_difference_seen_is_none_proven() -> None:
    rows = answers([1, 0] * 10, [1, 0] * 10)
    found = paired_statistic(rows, rows, of("f1").value)

    assert (found.mean, found.stderr, found.gained, found.lost) == (0.0, 0.0, 0, 0)
    assert found.floor <= -0.1191
    assert found.ceiling >= 0.1191
    assert min(found.p_better, found.p_worse) >= 0.5
    assert found.spread > 0


def test_questions_that_move_the_metric_are_counted() -> None:
    gold = [1, 0] * 50
    before, after = list(gold), list(gold)
    after[0], after[1], after[2], before[4] = 0, 1, 0, 0
    found = paired_statistic(answers(gold, before), answers(gold, after), of("f1").value)

    assert (found.gained, found.lost, found.method) == (1, 3, "score")
    assert found.floor < found.mean < 0 < found.ceiling


def test_one_alone_tells_nothing() -> None:
    found = paired_statistic([(1.0, 2.0)], [(2.0, 2.0)], of("wer-weighted_mean").value)

    assert (found.stderr, found.floor, found.ceiling, found.p_better) == (None, -math.inf, math.inf, 1.0)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        paired_statistic([], [], of("f1").value)


ANSWERS = st.lists(st.tuples(*[st.sampled_from([0, 1])] * 3), min_size=1, max_size=60)


@settings(deadline=None, max_examples=40)
@given(ANSWERS, st.sampled_from(["f1", "mcc"]))
def test_bounds_and_p_values_agree_and_mirror(rows: list[tuple[int, int, int]], metric: str) -> None:
    gold, old, new = (list(column) for column in zip(*rows, strict=True))
    there, back = (
        paired_statistic(answers(gold, first), answers(gold, second), of(metric).value)
        for first, second in ((old, new), (new, old))
    )

    assert (there.floor > 0) == (there.p_better < 0.05)
    assert (there.ceiling < 0) == (there.p_worse < 0.05)
    assert there.low <= there.floor <= there.ceiling <= there.high
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert (there.low, there.floor, there.p_better) == pytest.approx(
        (-back.high, -back.ceiling, back.p_worse), abs=1e-9
    )
