"""The loss as a Mermaid chart: numbers and our own words, and nothing that its grammar does not know."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence.comment import WORDS
from swiftci.evidence.curves import curves
from swiftci.evidence.mermaid import POINTS_MAX, loss
from swiftci.evidence.points import Point
from tests.evidence.shown import points

GRAMMAR = re.compile(
    r"""%%\{init:\ \{"themeVariables":.*\}\}%%\n
    xychart-beta\n
    \ \ \ \ title\ "[^"\n]+"\n
    \ \ \ \ x-axis\ "[^"\n]+"\ \d+\ -->\ \d+\n
    \ \ \ \ y-axis\ "[^"\n]+"
    (\n\ \ \ \ line\ \[-?\d+(\.\d+)?(,\ -?\d+(\.\d+)?)*\]){1,2}""",
    re.VERBOSE,
)
"""As much of Mermaid's grammar as is used (xychart.jison, 11.17): a number has no exponent."""


def chart(own: Sequence[Point], before: Sequence[Point] = (), language: str = "en") -> str:
    text = loss(curves(own, before), WORDS[language])
    assert text == "" or GRAMMAR.fullmatch(text), text
    return text


def lines(text: str) -> list[list[float]]:
    return [[float(value) for value in line.split(", ")] for line in re.findall(r"line \[(.*)\]", text)]


@pytest.mark.parametrize("language", WORDS)
def test_both_losses_are_drawn(language: str) -> None:
    text = chart(points(20), points(20, 3.0), language)

    assert lines(text)[0][0] == 2.0
    assert lines(text)[1][0] == 3.0
    assert "1 --> 20" in text


def test_long_training_is_thinned_and_keeps_its_shape() -> None:
    [line] = lines(chart(points(5000)))

    assert len(line) == POINTS_MAX
    assert line == sorted(line, reverse=True)


def test_baseline_of_other_steps_is_stretched_to_none() -> None:
    assert len(lines(chart(points(100), points(200)))) == 2
    assert len(lines(chart(points(200), points(100)))) == 1


def test_baseline_that_logged_less_often_is_drawn_between_its_points() -> None:
    rare = [Point(step=n, loss=float(n)) for n in (1, 11, 21)]
    _, before = lines(chart(points(21), rare))

    assert before == [float(n) for n in range(1, 22)]


def test_chart_ends_where_the_loss_does() -> None:
    text = chart(points(100, bad=60), points(100))

    assert "1 --> 59" in text


def test_gap_is_bridged() -> None:
    own = [Point(step=n, loss=float("nan") if n in (4, 5) else 1.0) for n in range(1, 11)]

    assert set(lines(chart(own))[0]) == {1.0}


@pytest.mark.parametrize(
    "own",
    [
        [],
        points(1),
        points(5, bad=1),
        [Point(step=1), Point(step=2)],
        [Point(step=1, loss=1e12), Point(step=2, loss=1.0)],
    ],
    ids=["none", "one", "no number", "no loss", "too large"],
)
def test_nothing_to_draw_is_no_chart(own: list[Point]) -> None:
    assert chart(own) == ""


@given(st.lists(st.floats(allow_nan=True), max_size=30), st.lists(st.floats(), max_size=30))
def test_any_loss_is_within_the_grammar(own: list[float], before: list[float]) -> None:
    chart(
        [Point(step=n, loss=value) for n, value in enumerate(own)],
        [Point(step=2 * n, loss=value) for n, value in enumerate(before)],
    )
