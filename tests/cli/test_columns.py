"""Texts side by side: widths, line breaks, and what a model's answer cannot do to a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.cli.columns import display_width, harmless, side_by_side, wrap


def test_columns_stand_side_by_side() -> None:
    assert side_by_side(["base", "tuned"], ["one two\nthree", "工具在架子上。"], 66).splitlines() == [
        "base                            │ tuned",
        "─" * 31 + " │ " + "─" * 31,
        "one two                         │ 工具在架子上。",
        "three                           │",
    ]


def test_narrow_terminal_has_one_below_the_other() -> None:
    assert side_by_side(["base", "tuned"], ["a b c d e f g", "x"], 10) == (
        "base\n──────────\na b c d e\nf g\n\ntuned\n──────────\nx"
    )


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 10, [""]),
        ("one two three", 7, ["one two", "three"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("工具都在架子上", 6, ["工具都", "在架子", "上"]),
        ("工具都在，架子", 8, ["工具都", "在，架子"]),
        ("  indented words here", 12, ["  indented", "words here"]),
        ("a\n\nb", 10, ["a", "", "b"]),
        ("e\u0301" * 4, 2, ["e\u0301e\u0301", "e\u0301e\u0301"]),
        ("\tx", 10, ["    x"]),
    ],
)
def test_lines_are_broken_where_readers_expect_it(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("a\rb\x08", "a\\x0db\\x08"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\ud800", "\\ud800"),
        ("a\u3000b\u00a0c", "a  b c"),
        ("zalgo" + "\u0301" * 50, "zalgo" + "\u0301" * 3),
        ("line\r\nend", "line\nend"),
        ("\u2028x", "\\u2028x"),
    ],
)
def test_answer_cannot_move_a_terminal(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.text(), st.integers(min_value=2, max_value=40))
def test_no_line_is_wider_than_its_column(text: str, width: int) -> None:
    lines = wrap(text, width)

    assert all(display_width(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)
    assert "".join("".join(lines).split()) == "".join(harmless(text).split())


def test_long_line_takes_no_long_time() -> None:
    assert len(wrap("word " * 100_000, 40)) == 12_500
