"""Paired differences against statsmodels, scipy and evalconfidence; what they have to say of next to nothing."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from evalconfidence import ItemResult, compare, power, standard_error
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from swiftci.evidence.match import Pairs
from swiftci.evidence.paired import detectable, holm, needed, paired

EXACT = 1e-9


def pairs(before: Sequence[float], after: Sequence[float], clusters: Sequence[str] | None = None) -> Pairs:
    labels = clusters or [str(number) for number in range(len(before))]
    return Pairs(before=tuple(map(float, before)), after=tuple(map(float, after)), clusters=tuple(labels))


def flips(items: int, gained: int, lost: int) -> Pairs:
    """Right and wrong answers, of which so many flip each way."""
    before = [0.0] * gained + [1.0] * lost + [1.0] * (items - gained - lost)
    after = [1.0] * gained + [0.0] * lost + [1.0] * (items - gained - lost)
    return pairs(before, after)


def judged(items: int, seed: int = 1) -> Pairs:
    """Values such as a judge gives, each model's its own."""
    draw = np.random.default_rng(seed)
    before = draw.random(items)
    return pairs(before, before + draw.normal(0.02, 0.2, items))


def differences(found: Pairs) -> np.ndarray:
    return np.subtract(found.after, found.before)


def results(values: Sequence[float], model: str, clusters: Sequence[str] | None = None) -> list[ItemResult]:
    labels = clusters or [None] * len(values)
    return [
        ItemResult(item_id=str(number), model_id=model, score=float(value), cluster_id=label)
        for number, (value, label) in enumerate(zip(values, labels, strict=True))
    ]


@pytest.mark.parametrize("items", [100, 137, 1000])
def test_many_values_have_students_interval(items: int) -> None:
    sample = judged(items)
    found = paired(sample, alpha=0.02)
    two_sided = stats.ttest_rel(sample.after, sample.before)
    above, below = (stats.ttest_1samp(differences(sample), 0, alternative=side) for side in ("greater", "less"))
    other = compare(results(sample.after, "after"), results(sample.before, "before"), alpha=0.05)

    assert found.method == "t"
    assert (found.low, found.high) == pytest.approx(two_sided.confidence_interval(0.95), abs=EXACT)
    assert (found.low, found.high) == pytest.approx(other.ci_diff, abs=EXACT)
    assert found.floor == pytest.approx(above.confidence_interval(0.98).low, abs=EXACT)
    assert found.ceiling == pytest.approx(below.confidence_interval(0.98).high, abs=EXACT)
    assert (found.p_better, found.p_worse) == pytest.approx((above.pvalue, below.pvalue), abs=EXACT)
    assert 2 * min(found.p_better, found.p_worse) == pytest.approx(other.p_value, abs=EXACT)
    assert (found.before, found.after) == pytest.approx((np.mean(sample.before), np.mean(sample.after)))
    assert found.spread == pytest.approx(differences(sample).std(ddof=1))


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 9), (12, 2), (14, 11), (30, 60)])
def test_mcnemar_is_exact(gained: int, lost: int) -> None:
    found = paired(flips(200, gained, lost))
    expected = mcnemar([[200 - gained - lost, lost], [gained, 0]], exact=True).pvalue

    assert found.mcnemar == pytest.approx(expected, abs=EXACT)
    assert (found.gained, found.lost, found.method) == (gained, lost, "score")
    if gained + lost <= 25:  # with more, evalconfidence approximates
        sample = flips(200, gained, lost)
        other = compare(results(sample.after, "after"), results(sample.before, "before"))
        assert found.mcnemar == pytest.approx(other.p_value, abs=EXACT)


def test_one_sided_score_test_of_no_difference_is_mcnemars_z() -> None:
    found = paired(flips(1000, 40, 70))

    assert found.p_worse == pytest.approx(stats.norm.sf(30 / math.sqrt(110)), abs=EXACT)
    assert found.p_better == pytest.approx(1 - found.p_worse, abs=EXACT)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("size", [2, 5])
def test_clusters_are_as_a_regression_has_them(binary: bool, size: int) -> None:
    draw = np.random.default_rng(size)
    labels = [str(number) for number in range(40) for _ in range(size)]
    shared = np.repeat(draw.normal(0, 0.3, 40), size)
    after = (draw.random(40 * size) < 0.6 + shared) * 1.0 if binary else shared + draw.random(40 * size)
    before = (draw.random(40 * size) < 0.6) * 1.0 if binary else draw.random(40 * size)
    found = paired(pairs(before, after, labels), alpha=0.025)
    fitted = OLS(after - before, np.ones(40 * size)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(labels, int)}, use_t=True
    )
    other = standard_error(results(after - before, "after", labels), cluster="cluster_id")

    assert (found.method, found.units, found.items) == ("cluster-t", 40, 40 * size)
    assert found.stderr == pytest.approx(fitted.bse[0], abs=EXACT)
    assert found.stderr == pytest.approx(other.se_clustered, abs=EXACT)
    assert (found.low, found.high) == pytest.approx(fitted.conf_int(0.05)[0], abs=EXACT)
    assert (found.floor, found.ceiling) == pytest.approx((found.low, found.high), abs=EXACT)
    assert 2 * min(found.p_better, found.p_worse) == pytest.approx(fitted.pvalues[0], abs=EXACT)
    assert found.mcnemar is None


def test_error_of_unequal_clusters_is_a_regressions_too() -> None:
    draw = np.random.default_rng(2)
    labels = [str(number) for number in range(30) for _ in range(1 + number % 7)]
    values = draw.random(len(labels))
    found = paired(pairs(np.zeros(len(labels)), values, labels))
    fitted = OLS(values, np.ones(len(labels))).fit(cov_type="cluster", cov_kwds={"groups": np.array(labels, int)})

    assert found.stderr == pytest.approx(fitted.bse[0], abs=EXACT)
    assert found.high - found.mean > stats.t.ppf(0.975, 29) * fitted.bse[0]  # they count as fewer


def test_giant_among_clusters_leaves_nothing_known() -> None:
    labels = ["giant"] * 500 + [str(number) for number in range(10)]
    found = paired(pairs(np.zeros(510), np.linspace(0, 1, 510), labels))

    assert (found.floor, found.ceiling, found.p_better) == (-math.inf, math.inf, 1.0)


@pytest.mark.parametrize("items", [6, 9, 13])
def test_few_values_are_permuted_exactly(items: int) -> None:
    sample = judged(items, seed=items)
    found = paired(sample)

    assert found.method == "permutation"
    assert found.p_better == pytest.approx(permuted(differences(sample)), abs=EXACT)
    assert found.p_worse == pytest.approx(permuted(-differences(sample)), abs=EXACT)


@pytest.mark.parametrize("items", [6, 9, 13])
def test_bounds_of_few_values_are_where_the_permutation_test_turns(items: int) -> None:
    sample = differences(judged(items, seed=items))
    found = paired(judged(items, seed=items))

    assert permuted(sample - found.floor + 1e-9) < 0.05 <= permuted(sample - found.floor - 1e-9)
    assert permuted(found.ceiling - sample + 1e-9) < 0.05 <= permuted(found.ceiling - sample - 1e-9)


def permuted(values: np.ndarray) -> float:
    found = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", alternative="greater", vectorized=True, n_resamples=9999
    )
    return float(found.pvalue)


@pytest.mark.parametrize("items", [14, 40, 99])
def test_more_values_are_permuted_at_random(items: int) -> None:
    sample = judged(items, seed=items)
    found = paired(sample)

    assert found.p_better == pytest.approx(permuted(differences(sample)), abs=0.02)


def test_permutation_does_not_depend_on_chance_or_order() -> None:
    sample = judged(40)
    before, after = (values[1::2] + values[::2] for values in (sample.before, sample.after))
    found, turned = paired(sample), paired(replace(sample, before=before, after=after))
    back = paired(replace(sample, before=sample.after, after=sample.before))

    assert (found.floor, found.p_better) == pytest.approx((turned.floor, turned.p_better), abs=1e-12)
    assert (found.floor, found.p_better) == pytest.approx((-back.ceiling, back.p_worse), abs=1e-12)


def test_permutation_knows_nothing_from_next_to_nothing() -> None:
    """0.1 + 0.2 - 0.3 is not 0 to a computer."""
    sample = [0.1, 0.2, -0.3, 0.4, -0.7, 0.6]
    fine, whole = (paired(pairs([0.0] * 6, [scale * value for value in sample])) for scale in (1, 10))

    assert (fine.p_better, fine.p_worse) == (whole.p_better, whole.p_worse)


@pytest.mark.parametrize(
    ("sample", "half"),
    [
        (flips(20, 0, 0), 0.1192),
        (flips(1000, 0, 0), 0.002698),
        (pairs([0.5] * 20, [0.5] * 20), 0.1192),
        (pairs([1.0, 0.5] * 100, [1.0, 0.5] * 100, [str(number // 10) for number in range(200)]), 0.1192),
        (pairs([40.0, 60.0] * 10, [40.0, 60.0] * 10), 20 * 0.11916),
    ],
    ids=["20 answers", "1000 answers", "20 values", "20 clusters", "values of another scale"],
)
def test_no_difference_seen_is_none_proven(sample: Pairs, half: float) -> None:
    found = paired(sample)

    assert (found.floor, found.ceiling) == pytest.approx((-half, half), rel=1e-3)
    assert found.low < found.floor
    assert found.method == "score"
    assert min(found.p_better, found.p_worse) >= 0.5
    assert found.spread > 0
    assert needed(found.spread, 0.02) > found.items or found.floor > -0.02


def test_same_step_everywhere_has_an_interval_too() -> None:
    found = paired(pairs([0.5] * 20, [0.6] * 20))

    assert found.mean == pytest.approx(0.1)
    assert found.floor == pytest.approx(0.1 - 1.1 * 0.11916, abs=1e-4)
    assert 0.05 < found.p_better < 0.1
    assert found.p_worse > 0.9


@pytest.mark.parametrize("lost", [1, 5, 9])
def test_few_changed_values_are_not_taken_for_the_whole_truth(lost: int) -> None:
    """Student's t would be sure, within a thousandth, of a question in a hundred that changed by a hundredth."""
    found = paired(pairs([0.5] * 200, [0.49] * lost + [0.5] * (200 - lost)))

    assert found.ceiling >= paired(flips(200, 0, lost)).ceiling
    assert found.floor <= paired(flips(200, 0, lost)).floor
    assert found.ceiling >= found.mean


def test_clusters_without_a_difference_leave_it_open_how_much_more_would_tell() -> None:
    labels = [str(number // 10) for number in range(200)]
    found = paired(pairs([1.0] * 200, [1.0] * 200, labels))

    assert found.spread == pytest.approx(math.sqrt(1 / 22 * 10))


@pytest.mark.parametrize(
    "sample",
    [pairs([0.0], [1.0]), pairs([0.2], [0.7]), pairs([0.0, 1.0, 0.5], [1.0, 1.0, 0.5], ["a", "a", "a"])],
    ids=["one answer", "one value", "one cluster"],
)
def test_one_alone_tells_nothing(sample: Pairs) -> None:
    found = paired(sample)

    assert found.stderr is None
    assert (found.low, found.high, found.floor, found.ceiling) == (-math.inf, math.inf, -math.inf, math.inf)
    assert (found.p_better, found.p_worse, found.units) == (1.0, 1.0, 1)


def test_nothing_to_compare_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        paired(pairs([], []))


def test_values_that_cancel_are_no_difference() -> None:
    found = paired(pairs([0.1 + 0.2] * 50, [0.3] * 50))

    assert (found.gained, found.lost, found.mean) == (0, 0, 0.0)


@pytest.mark.parametrize("items", [40, 400])
def test_bounds_move_with_the_difference(items: int) -> None:
    sample = judged(items)
    moved = paired(replace(sample, after=tuple(value + 0.125 for value in sample.after)))
    found = paired(sample)

    assert (moved.floor, moved.ceiling) == pytest.approx((found.floor + 0.125, found.ceiling + 0.125))


@pytest.mark.parametrize(
    "ps", [[0.03], [0.01, 0.04, 0.03], [0.04, 0.01, 0.01, 0.9], [0.5, 0.6, 0.7], [0.0, 1.0, 1e-9, 0.02, 0.02]]
)
def test_holm_is_statsmodels(ps: list[float]) -> None:
    assert holm(ps) == pytest.approx(list(multipletests(ps, method="holm")[1]), abs=EXACT)


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@pytest.mark.parametrize(("spread", "distance"), [(0.346, 0.02), (0.346, 0.03), (1.2, 0.5), (0.1, -0.05)])
@pytest.mark.parametrize("alpha", [0.05, 0.025])
def test_needed_items_are_those_of_a_power_analysis(spread: float, distance: float, alpha: float) -> None:
    size = NormalIndPower().solve_power(abs(distance) / spread, alpha=alpha, power=0.8, ratio=0, alternative="larger")
    other = power(mde=abs(distance), baseline_var=spread**2, alpha=2 * alpha)

    found = needed(spread, distance, alpha=alpha)

    assert found == math.ceil(size - 1e-6) == other.n_required
    assert detectable(spread, found, alpha=alpha) <= abs(distance) < detectable(spread, found - 1, alpha=alpha)
    assert detectable(spread, 500, alpha=alpha) == pytest.approx(
        power(n=500, baseline_var=spread**2, alpha=2 * alpha).mde_detectable, abs=EXACT
    )
