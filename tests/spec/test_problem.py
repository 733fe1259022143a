"""Problems, exit codes and options, of which everything else is made."""

import dataclasses
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.spec.error import ToolError
from swiftci.spec.exit import MEANING, Exit
from swiftci.spec.option import option, options, written
from swiftci.spec.problem import CODES, Problem, nearest, printable, quoted


def test_code_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(KeyError):
        Problem(code="no-such-code", message="x")


@pytest.mark.parametrize("code", CODES)
def test_code_is_words_with_dashes_and_a_sentence_without_a_stop(code: str) -> None:
    assert code == code.lower().replace("_", "-").replace(" ", "-")
    assert CODES[code] and not CODES[code].endswith(".")


def test_codes_are_in_order() -> None:
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize(
    ("word", "words", "found"),
    [
        ("nmae", ["name", "on"], "name"),
        ("max_stpes", ["max_steps", "save_steps"], "max_steps"),
        ("xyz", ["name", "on"], None),
        ("", ["name"], None),
        ("name", [], None),
    ],
)
def test_nearest(word: str, words: list[str], found: str | None) -> None:
    assert nearest(word, words) == found


@given(st.text(alphabet=st.characters()))
def test_quoted_text_is_short_and_printable(text: str) -> None:
    assert quoted(text).isprintable()
    assert len(quoted(text)) <= 2 + 60 * 6
    assert printable(text).isprintable()


def test_printable_text_stays_as_it_is() -> None:
    assert printable('模型 "a" \\n é') == '模型 "a" \\n é'
    assert printable("a\nb\x1b\u2028\ud800") == "a\\x0ab\\x1b\\u2028\\ud800"


def test_long_text_is_cut_when_quoted() -> None:
    assert quoted("a" * 61) == '"' + "a" * 59 + '…"'
    assert quoted("a" * 60) == '"' + "a" * 60 + '"'


def test_exit_codes_are_the_contract() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "DONE": 0,
        "BUG": 1,
        "CONFIG": 2,
        "REFUSED": 3,
        "TOOL": 4,
        "NETWORK": 5,
        "CAPACITY": 6,
        "INTERRUPTED": 130,
    }
    assert set(MEANING) == set(Exit)


def test_tool_error_ends_by_its_kind() -> None:
    assert ToolError(message="x", kind="network").exit is Exit.NETWORK
    assert ToolError(message="x", kind="memory").exit is Exit.TOOL


@dataclass(frozen=True, kw_only=True)
class Sample:
    needed_thing: str = option("Needed.")
    count: int | None = option("Count.", default=None)
    source: str = option("Source.", default="a", choices=("a", "b"), key="from")
    items: tuple[str, ...] = option("Items.", factory=tuple)
    private: int = dataclasses.field(default=0)


def test_option_is_declared_once_and_all_else_follows() -> None:
    found = {one.name: one for one in options(Sample)}

    assert list(found) == ["needed_thing", "count", "source", "items"]
    assert (found["needed_thing"].key, found["needed_thing"].env) == ("needed-thing", "SWIFTCI_NEEDED_THING")
    assert [one.required for one in found.values()] == [True, False, False, False]
    assert found["count"].types == (int,)
    assert found["source"].choices == ("a", "b")
    assert found["items"].default == ()
    assert written(Sample, "source") == "from"
    assert written(Sample, "count") == "count"
