"""Rules 1, 2 and 4 of rendering: a value becomes one scalar that all readers take for the same, or is refused."""

import string
from typing import Any

import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from swiftci.config.yaml import parse
from swiftci.workflow.encode import Expression, at, block, comment, environment, flow, scalar

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"])).filter(lambda text: "${{" not in text)
WORDS = [
    "y",
    "N",
    "yes",
    "NO",
    "on",
    "Off",
    "true",
    "False",
    "null",
    "Null",
    "~",
    "",
    "=",
    "<<",
    "-",
    "?",
    ":",
    "#",
    "|",
]
WORDS += ["1", "-1", "010", "0x1F", "0o17", "1_000", "22:30", "1e-4", ".5", ".inf", ".nan", "2026-01-01", "12:30:45"]
WORDS += [
    "a: b",
    "a #b",
    "a:",
    "- a",
    "? a",
    "&a",
    "*a",
    "!a",
    "%a",
    "@a",
    "`a",
    "[a",
    "{a",
    "a,",
    "'a'",
    '"a"',
    "a\\n",
]
WORDS += [
    " a",
    "a ",
    "a\n",
    "a\nb",
    "a\tb",
    "a\r\nb",
    "\0",
    "\x07",
    "\x1b",
    "\x7f",
    "\x85",
    "\x9f",
    "\xa0",
    "\u2028",
    "\u2029",
]
WORDS += [
    "\ufeff",
    "\ufeffa",
    "\ufffe",
    "\uffff",
    "\U0001f600",
    "模型",
    "---",
    "...",
    "--- a",
    "a: ",
    "$",
    "{{",
    "}}",
    "$ {{",
]
WORDS += [
    "main",
    "release/1.0",
    "a b",
    "self-hosted",
    "ubuntu-24.04",
    "_",
    "a+b",
    "a@b",
    "NaN",
    "Infinity",
    "None",
    "a-",
    "%%",
]
WORDS += ["<< a >>", "<% a %>", "<# a #>"]
DATA = st.recursive(
    TEXT | st.sampled_from(WORDS) | st.booleans() | st.none() | st.integers(-(10**18), 10**18),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=10,
)


def ours(text: str) -> Any:
    """What our own reader, by YAML 1.2, takes a text for."""
    node = parse(text, "a.yaml", [])
    assert node
    return node.value


@pytest.mark.parametrize("text", WORDS, ids=map(ascii, WORDS))
def test_text_is_the_same_text_for_every_reader(text: str) -> None:
    line = f"key: {scalar(text)} # comment\n"

    assert yaml.safe_load(line) == {"key": text}
    assert ours(line) == {"key": text}
    assert len(line.splitlines()) == 1


@given(TEXT, TEXT)
def test_any_text_is_one_key_and_one_value_for_every_reader(key: str, value: str) -> None:
    page = f"a:\n  - {scalar(key)}: {scalar(value)}\nz: 1\n"

    assert yaml.safe_load(page) == {"a": [{key: value}], "z": 1}
    assert ours(page) == {"a": [{key: value}], "z": 1}


@given(DATA)
def test_data_in_one_line_is_the_same_for_every_reader(data: Any) -> None:
    line = f"key: {flow(data)}\n"

    assert yaml.safe_load(line) == {"key": data}
    assert ours(line) == {"key": data}
    assert len(line.splitlines()) == 1


@given(TEXT)
def test_what_is_plain_is_plain_to_the_eye(text: str) -> None:
    encoded = scalar(text)

    if not encoded.startswith('"'):
        assert encoded == text
        assert set(text) <= set(string.ascii_letters + string.digits + "_./@+- ")
        assert text == text.strip()


@pytest.mark.parametrize("value", [0.5, float("nan"), b"bytes", object(), {1: "a"}, {"a": 1.5}, [1e3], {"a"}])
def test_what_readers_differ_on_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        flow(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udcff"])
def test_lone_surrogate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        scalar(text)
    with pytest.raises(ValueError, match="surrogate"):
        flow({text: 1})


@pytest.mark.parametrize("text", ["${{ secrets.A }}", "${{", "a${{b", "\n${{"])
def test_expression_in_data_is_refused_everywhere(text: str) -> None:
    for encode in (scalar, flow, comment, lambda it: flow([it]), lambda it: flow({it: 1}), lambda it: block(it, 2)):
        with pytest.raises(ValueError, match=r"expression|not plain lines"):
            encode(text)
    with pytest.raises(ValueError, match="expression"):
        block([text], 2)


@pytest.mark.parametrize("text", ["${{ github.ref }}", "swiftci-a-${{ a.b || c.d }}", "${{ toJSON(needs) }}"])
def test_expression_that_the_plan_made_is_written_as_it_is(text: str) -> None:
    assert scalar(Expression(text)) == text
    assert yaml.safe_load(f"a: {scalar(Expression(text))}\n") == {"a": text}


@pytest.mark.parametrize(
    "text", ["no expression", "a: ${{ b }}", "${{ a }}\nb: c", "${{ a }} # b", "#${{ a }}", "${{ a"]
)
def test_expression_that_would_be_more_than_a_scalar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an expression"):
        scalar(Expression(text))


@given(st.text().filter(lambda text: "${{" not in text))
def test_comment_stays_in_its_line(text: str) -> None:
    page = f"# {comment(text)}\na: 1 # {comment(text)}\n"

    assert page.count("\n") == 2
    assert ours(page) == {"a": 1}
    assert yaml.safe_load(page) == {"a": 1}


@given(st.lists(TEXT, min_size=1, max_size=5), st.integers(2, 12))
def test_block_list_is_the_list(items: list[str], indent: int) -> None:
    page = f"a:{block(items, indent)}\nb: 1\n"

    assert ours(page) == {"a": items, "b": 1}
    assert yaml.safe_load(page) == {"a": items, "b": 1}


@given(st.text(min_size=1))
def test_block_text_is_the_text_or_refused(text: str) -> None:
    try:
        page = f"a: {block(text, 4)}\nb: 1\n"
    except ValueError:
        return

    assert ours(page) == {"a": text + "\n", "b": 1}
    assert yaml.safe_load(page) == {"a": text + "\n", "b": 1}


def test_lines_of_a_block_text_are_written_as_they_are() -> None:
    assert str(block("a: b # c\n- d", 2)) == "|\n  a: b # c\n  - d"


@pytest.mark.parametrize("text", ["", "a\n", " a", "a ", "a\n\nb", "a\n b", "a\tb", "a\rb", "a\x85b", "\u2028"])
def test_block_text_that_yaml_would_change_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not plain lines"):
        block(text, 2)


def test_at_moves_all_lines_but_the_first() -> None:
    assert str(at(Markup("a:\n  b: 1\n\n"), 4)) == "a:\n      b: 1"


def test_only_our_filters_exist() -> None:
    assert set(environment().filters) == {"comment", "at", "block"}
    assert environment().globals == {}
    assert environment().autoescape is True


@pytest.mark.parametrize(
    "source", ["<< a.b >>", "<< nothing >>", "<% if nothing %><% endif %>", "<% for x in nothing %><% endfor %>"]
)
def test_what_is_not_defined_is_an_error(source: str) -> None:
    with pytest.raises(jinja2.UndefinedError, match=r"nothing|'b'"):
        environment().from_string(source).render(a={})


def test_every_value_of_a_template_is_encoded() -> None:
    page = environment().from_string("a: << a >>\nb: << b >> # << c | comment >>\n<< d >>: ${{ e }}\n")

    text = page.render(a="yes: no", b=[True, None, 1, "1"], c="x\ny: z", d="on")

    assert text == 'a: "yes: no"\nb: [true, null, 1, "1"] # x?y: z\n"on": ${{ e }}\n'


def test_float_in_a_template_is_an_error() -> None:
    with pytest.raises(TypeError):
        environment().from_string("a: << a >>").render(a=0.5)
