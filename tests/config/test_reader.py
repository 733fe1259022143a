"""The reader against arbitrary text, YAML's own rules, and PyYAML where a file is ms-swift's."""

import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from swiftci.config.cron import is_cron
from swiftci.config.swift_yaml import read_arguments
from swiftci.config.yaml import MAX_DEPTH, MAX_NODES, core, parse
from swiftci.spec.problem import Problem

CORE = {
    "": None,
    "~": None,
    "null": None,
    "NULL": None,
    "nuLL": "nuLL",
    "true": True,
    "False": False,
    "TRUE": True,
    "tRue": "tRue",
    "on": "on",
    "yes": "yes",
    "n": "n",
    "0": 0,
    "-19": -19,
    "+12": 12,
    "010": 10,
    "0o17": 15,
    "0o8": "0o8",
    "0x1F": 31,
    "0X1F": "0X1F",
    "0b11": "0b11",
    "1_000": "1_000",
    "22:30": "22:30",
    "2026-01-01": "2026-01-01",
    "1.5": 1.5,
    ".5": 0.5,
    "1.": 1.0,
    "1e-4": 0.0001,
    "1E3": 1000.0,
    "+.5e-1": 0.05,
    ".": ".",
    "e1": "e1",
    "1e": "1e",
    ".inf": math.inf,
    "-.INF": -math.inf,
    "+.Inf": math.inf,
    ".iNf": ".iNf",
    "inf": "inf",
    "=": "=",
    "<<": "<<",
    "9" * 500: math.inf,
}
"""Examples of YAML 1.2.2, section 10.3, and the differences to YAML 1.1."""


@pytest.mark.parametrize("text", CORE, ids=[text[:12] or "nothing" for text in CORE])
def test_core_schema(text: str) -> None:
    found = core(text)

    assert found == CORE[text]
    assert type(found) is type(CORE[text])


def test_not_a_number_is_a_number() -> None:
    assert math.isnan(core(".NaN"))


@given(st.text(alphabet=st.characters(), max_size=60) | st.text(alphabet="-:[]{}&*!|>'\"%#, \n\tab0~", max_size=60))
def test_no_text_brings_the_reader_down(text: str) -> None:
    problems: list[Problem] = []

    node = parse(text, "a.yaml", problems)

    assert (node is None) <= bool(problems)
    for problem in problems:
        assert problem.position
        assert 1 <= problem.position.line <= max(1, len(text.splitlines()))
        assert problem.position.column >= 1
        assert problem.message.isprintable()


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufffe\uffff$"))


@given(
    st.recursive(
        TEXT | st.booleans() | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    ).filter(lambda data: data is not None)
)
def test_json_is_read_as_json(data: object) -> None:
    problems: list[Problem] = []

    node = parse(json.dumps(data, ensure_ascii=False), "a.yaml", problems)

    assert problems == []
    assert node
    assert node.value == data


SCALARS = (
    st.sampled_from(["yes", "No", "on", "OFF", "010", "0x10", "0b11", "1_000", "22:30", "1e-4", "1.0e-4", ".5", "~x"])
    | st.sampled_from(["2026-01-01", "1.", "+5", "-0", "0o17", "1:2:3", "190:20:30.15", ".inf", "-.INF", ".nan"])
    | st.from_regex(r"\A[-+]?[0-9_.:exob]{1,8}\Z").filter(lambda text: text[-1] != ":" and not text.startswith("- "))
)


@pytest.fixture(scope="module")
def included(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("included") / "sft.yaml"


@given(text=SCALARS)
def test_scalar_of_an_included_file_is_what_ms_swift_would_pass_on(included: Path, text: str) -> None:
    try:
        value = yaml.safe_load(f"key: {text}\n")["key"]
    except (yaml.YAMLError, ValueError, OverflowError):
        return  # ms-swift would not start
    included.write_text(f"key: {text}\n")

    node = read_arguments(included, "sft.yaml", [])

    assert node
    assert node.entries["key"].text == (text if value is None else str(value))


@pytest.mark.parametrize(
    ("fits", "bursts"),
    [
        ("[" + "x," * (MAX_NODES - 1) + "]", "[" + "x," * MAX_NODES + "]"),
        (
            "{" + "".join(f"k{i}: v," for i in range(9_999)) + "}",
            "{" + "".join(f"k{i}: v," for i in range(10_000)) + "}",
        ),
        ("[&a [" + "x," * 9_998 + "], *a]", "[&a [" + "x," * 9_998 + "], *a, x, x]"),
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
        ("{a: " * MAX_DEPTH + "}" * MAX_DEPTH, "{a: " * (MAX_DEPTH + 1) + "}" * (MAX_DEPTH + 1)),
    ],
    ids=["list", "map", "alias", "lists", "maps"],
)
def test_size_and_depth_are_counted_exactly(fits: str, bursts: str) -> None:
    problems: list[Problem] = []

    assert parse(fits, "a.yaml", problems)
    assert problems == []
    assert parse(bursts, "a.yaml", problems) is None
    assert [problem.code for problem in problems] == ["bomb"]


CRON = [
    "* * * * *",
    "0 2 * * 1",
    "*/15 0-6,22 1,15 JAN-mar SUN",
    "59 23 31 12 6",
    "20/15 * * * *",
    "0 0 1-7/2 */3 mon-Fri",
    "0 0 1 1 0",
]


@pytest.mark.parametrize("text", CRON)
def test_cron_time(text: str) -> None:
    assert is_cron(text)


def test_node_at_a_path() -> None:
    node = parse("gate: [{metric: a}, b]", "a.yaml", [])
    assert node

    found = [node.at(path) for path in ("gate.0.metric", "gate.1", "gate.2", "gate.x", "gate.0.none.more", "none")]

    assert [one.text if one else None for one in found] == ["a", "b", None, None, None, None]
