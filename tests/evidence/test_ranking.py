"""Rankings: what holds of every one, and what is a tie."""

import math
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swiftci.evidence.match import Question, Questions
from swiftci.evidence.measured import Measured
from swiftci.evidence.ranking import Entry, Ranking, compare, rank

VALUE = st.floats(0, 1, allow_nan=False)


@st.composite
def entry(draw: st.DrawFn, model: str) -> Entry:
    """A model with answers to some of forty questions, or with nothing but a score."""
    answers = draw(st.dictionaries(st.integers(0, 39), st.sampled_from([0.0, 1.0, 0.5, math.nan]), max_size=40))
    spread = draw(st.sampled_from([None, 0.0, 0.01, 0.2]))
    value = Measured(mean=draw(VALUE), items=draw(st.integers(1, 1000)), stderr=spread, ratio=True)
    questions: Questions = {
        (str(number),): Question(one, draw(st.sampled_from(["", "a"]))) for number, one in answers.items()
    }
    return Entry(model=model, value=value, questions=questions)


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    return [draw(entry(model)) for model in draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=4))]


def asked(values: Sequence[float], start: int = 0) -> Questions:
    return {(f"{number:04}",): Question(one, "") for number, one in enumerate(values, start)}


def scored(model: str, values: Sequence[float], start: int = 0) -> Entry:
    mean = sum(values) / len(values)
    value = Measured(mean=mean, items=len(values), stderr=None, ratio=True, units=len(values))
    return Entry(model=model, value=value, questions=asked(values, start))


def places(found: Ranking) -> dict[str, int]:
    return {row.model: row.rank for row in found.rows}


@settings(max_examples=40)
@given(entries(), st.randoms(use_true_random=False), st.booleans())
def test_order_of_the_input_does_not_matter(given: list[Entry], random: "object", lower: bool) -> None:
    shuffled = list(given)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # it is a Random

    assert repr(rank(shuffled, lower=lower)) == repr(rank(given, lower=lower))


@settings(max_examples=60)
@given(entries(), st.booleans())
def test_being_better_is_antisymmetric_and_the_rank_counts_it(given: list[Entry], lower: bool) -> None:
    found = rank(given, lower=lower)

    for row in found.rows:
        others = [one.model for one in given if one.model != row.model]
        for other in others:
            there, back = found.between(row.model, other), found.between(other, row.model)
            assert (there.better, back.better) in {(True, False), (False, True), (None, None)}
            assert repr(back.turned) == repr(there)
        assert row.rank == 1 + sum(found.between(other, row.model).better is True for other in others)
        assert set(row.ties) == {other for other in others if found.between(row.model, other).better is None}
    assert [row.rank for row in found.rows] == sorted(row.rank for row in found.rows)


@settings(max_examples=40)
@given(entries())
def test_lower_is_higher_the_other_way_round(given: list[Entry]) -> None:
    up, down = rank(given), rank(given, lower=True)

    for first, second in permutations([one.model for one in given], 2):
        better = up.between(first, second).better
        assert down.between(first, second).better is (None if better is None else not better)


@given(entry("a"), entry("b"), st.booleans())
@example(scored("a", [1.0] * 40), scored("b", [0.0] * 40), False)
def test_comparison_and_its_interval_agree(first: Entry, second: Entry, lower: bool) -> None:
    found = compare(first, second, lower=lower)

    if found.low is None or found.high is None:
        assert found.better is None
    else:
        assert found.low <= found.mean <= found.high
        assert (found.better is None) == (found.low <= 0 <= found.high)
    assert bool(found.items) != bool(found.why)


def test_question_by_question_tells_apart_what_intervals_do_not() -> None:
    base = [float(number % 2) for number in range(400)]
    better = [1.0 if number % 20 == 0 else one for number, one in enumerate(base)]
    one, other = scored("one", better), scored("other", base)

    paired = compare(one, other)
    apart = compare(Entry(model="one", value=one.value), Entry(model="other", value=other.value))

    assert (paired.better, paired.items) == (True, 400)
    assert (apart.better, apart.items) == (None, 0)
    assert apart.why


def test_other_questions_are_compared_by_their_intervals() -> None:
    found = compare(scored("a", [1.0] * 300), scored("b", [0.0] * 300, start=1000))

    assert (found.better, found.items) == (True, 0)
    assert found.why == "only 0 of 300 items were the same there"


def test_a_tie_is_not_transitive() -> None:
    values = [[float(number % 10 < right) for number in range(300)] for right in (7, 6, 5)]
    spread = [Measured(mean=sum(one) / 300, items=300, stderr=None, ratio=True, units=300) for one in values]
    found = rank([Entry(model=name, value=value) for name, value in zip("abc", spread, strict=True)])
    wide = rank(
        [
            Entry(model=name, value=Measured(mean=m, items=9, stderr=0.03))
            for name, m in zip("abc", (0.7, 0.63, 0.56), strict=True)
        ]
    )

    assert places(found) == {"a": 1, "b": 2, "c": 3}
    assert places(wide) == {"a": 1, "b": 1, "c": 2}
    assert [row.ties for row in wide.rows] == [("b",), ("a", "c"), ("b",)]


@pytest.mark.parametrize("count", [0, 1])
def test_one_model_or_none_needs_no_comparison(count: int) -> None:
    found = rank([scored("a", [1.0, 0.0])][:count])

    assert [(row.rank, row.model, row.ties) for row in found.rows] == [(1, "a", ())][:count]
