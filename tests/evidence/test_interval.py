"""Intervals against values that were worked out elsewhere."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence.interval import Estimate, estimate, paired

SLEEP_BEFORE = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_AFTER = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
"""Student 1908, the data of the first paired test: mean difference 1.58, t = 4.0621."""


def test_paired_difference_is_students() -> None:
    found = paired(SLEEP_BEFORE, SLEEP_AFTER)

    assert found.mean == pytest.approx(1.58)
    assert found.stderr == pytest.approx(1.58 / 4.0621, rel=1e-4)
    assert found.low == pytest.approx(1.58 - 1.959964 * 0.388959, abs=1e-5)
    assert found.high == pytest.approx(1.58 + 1.959964 * 0.388959, abs=1e-5)


@pytest.mark.parametrize(("right", "items"), [(70, 100), (1, 12), (500, 1000)])
def test_share_of_right_answers_has_its_closed_form(right: int, items: int) -> None:
    found = estimate([1.0] * right + [0.0] * (items - right))
    share = right / items

    assert found.mean == pytest.approx(share)
    assert found.stderr == pytest.approx(math.sqrt(share * (1 - share) / (items - 1)))
    assert found.items == items


def test_one_item_has_no_interval() -> None:
    found = estimate([0.5])

    assert (found.mean, found.stderr, found.low, found.high) == (0.5, None, None, None)


def test_items_of_other_number_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired([1.0, 0.0], [1.0])


def test_interval_holds_the_truth_about_95_times_in_100() -> None:
    draw = random.Random(7)
    held = 0
    for _ in range(1000):
        found = estimate([float(draw.random() < 0.7) for _ in range(200)])
        held += found.low is not None and found.high is not None and found.low <= 0.7 <= found.high

    assert 930 <= held <= 970


def test_pairing_finds_what_two_separate_intervals_hide() -> None:
    draw = random.Random(3)
    before = [float(draw.random() < 0.5) for _ in range(300)]
    after = [1.0 if one == 0 and draw.random() < 0.1 else one for one in before]
    difference, first, second = paired(before, after), estimate(before), estimate(after)

    assert difference.low is not None
    assert difference.low > 0
    assert first.high is not None
    assert second.low is not None
    assert second.low < first.high


FINITE = st.floats(min_value=-1e6, max_value=1e6)


@given(st.lists(FINITE, min_size=2, max_size=30))
def test_difference_of_a_run_with_itself_is_nothing(values: list[float]) -> None:
    assert paired(values, values) == Estimate(mean=0.0, items=len(values), stderr=0.0)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=30))
def test_difference_turns_round_with_its_sides(pairs: list[tuple[float, float]]) -> None:
    before, after = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = paired(before, after), paired(after, before)

    assert there.mean == pytest.approx(-back.mean)
    assert there.stderr == pytest.approx(back.stderr)
