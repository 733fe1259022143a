"""The standard error of a mean, with and without clusters."""

import math
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence.spread import standard_error

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=20)


@given(VALUES)
def test_of_values_that_stand_alone_it_is_the_textbooks(values: list[float]) -> None:
    alone = [str(n) for n in range(len(values))]

    assert standard_error(values, alone) == pytest.approx(stdev(values) / math.sqrt(len(values)), abs=1e-9)


@given(st.lists(st.tuples(*[st.floats(-100, 100)] * 3), min_size=2, max_size=10))
def test_of_clusters_of_one_size_it_is_that_of_their_means(groups: list[tuple[float, ...]]) -> None:
    values = [value for group in groups for value in group]
    labels = [str(number) for number, group in enumerate(groups) for _ in group]
    means = [fmean(group) for group in groups]

    assert standard_error(values, labels) == pytest.approx(stdev(means) / math.sqrt(len(means)), abs=1e-9)


@given(VALUES, st.randoms())
def test_order_does_not_count(values: list[float], random: object) -> None:
    labels = [str(n // 3) for n in range(len(values))]
    pairs = list(zip(values, labels, strict=True))
    random.shuffle(pairs)  # type: ignore[attr-defined] # hypothesis gives a random.Random

    found = standard_error([value for value, _ in pairs], [label for _, label in pairs])
    expected = standard_error(values, labels)
    assert (found is None) == (expected is None)
    if found is not None:
        assert found == pytest.approx(expected, abs=1e-9)


def test_of_one_cluster_nothing_can_be_said() -> None:
    assert standard_error([0.0, 1.0, 1.0], ["a"] * 3) is None
