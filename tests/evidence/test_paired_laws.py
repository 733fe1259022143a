"""What must hold of the paired difference of any answers."""

import math
import random
from dataclasses import astuple, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from swiftci.evidence.match import Pairs
from swiftci.evidence.paired import Paired, paired

VALUES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
ROWS = st.lists(st.tuples(VALUES, VALUES, st.sampled_from("abcdefghijklmnop")), min_size=1, max_size=60)
ANSWERS = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)
ONCE = ROWS.map(lambda rows: [(before, after, str(number)) for number, (before, after, _) in enumerate(rows)])
ANY = st.one_of(ROWS, ONCE, ANSWERS.map(lambda rows: [(*row, str(number)) for number, row in enumerate(rows)]))
Rows = list[tuple[float, float, str]]


def of(rows: Rows) -> Paired:
    before, after, labels = zip(*rows, strict=True)
    return paired(Pairs(before=before, after=after, clusters=labels))


def same(one: Paired, other: Paired) -> bool:
    """But for rounding."""
    return all(
        left == right if isinstance(left, str) else left is right or left == pytest.approx(right, abs=1e-9)
        for left, right in zip(astuple(one), astuple(other), strict=True)
    )


@settings(deadline=None)
@given(ANY)
def test_bounds_and_p_values_agree(rows: Rows) -> None:
    found = of(rows)

    assert (found.floor > 0) == (found.p_better < 0.05)
    assert (found.ceiling < 0) == (found.p_worse < 0.05)
    assert found.low <= found.floor <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.ceiling <= found.high
    assert found.after - found.before == pytest.approx(found.mean, abs=1e-9)
    if found.units > 1:
        assert found.spread >= (found.stderr or 0.0) * math.sqrt(found.items) - 1e-12


@settings(deadline=None)
@given(ANY)
def test_swapping_before_and_after_mirrors_everything(rows: Rows) -> None:
    there, back = of(rows), of([(after, before, label) for before, after, label in rows])
    mirrored = replace(
        back,
        before=back.after,
        after=back.before,
        mean=-back.mean,
        low=-back.high,
        high=-back.low,
        floor=-back.ceiling,
        ceiling=-back.floor,
        p_worse=back.p_better,
        p_better=back.p_worse,
        gained=back.lost,
        lost=back.gained,
    )

    assert same(there, mirrored)


@settings(deadline=None)
@given(ANY, st.randoms(use_true_random=False))
def test_order_of_questions_is_of_no_matter(rows: Rows, order: random.Random) -> None:
    shuffled = order.sample(rows, len(rows))

    assert same(of(rows), of(shuffled))


@settings(deadline=None)
@given(st.one_of(ROWS, ONCE), st.integers(-3, 3))
def test_scale_may_start_anywhere(rows: Rows, start: int) -> None:
    moved = [(before + start, after + start, label) for before, after, label in rows]
    assume(not {value for row in (*rows, *moved) for value in row[:2]} <= {0.0, 1.0})
    here, there = of(rows), of(moved)
    assume(here.mcnemar is None and there.mcnemar is None)

    assert same(here, replace(there, before=here.before, after=here.after))


@settings(deadline=None)
@given(ROWS, st.integers(2, 4))
def test_asking_a_cluster_the_same_again_is_no_news(rows: Rows, times: int) -> None:
    twice, more = of(rows * 2), of(rows * 2 * times)

    assert more.floor == pytest.approx(twice.floor, abs=1e-9)
    assert more.ceiling == pytest.approx(twice.ceiling, abs=1e-9)
