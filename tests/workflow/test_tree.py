"""A rendered workflow is read back by the rules of the general reader, and what swiftci never writes is refused."""

from pathlib import Path

import pytest

from swiftci.config.yaml import parse
from swiftci.workflow.tree import read_tree

HERE = Path(__file__).parent
WORKFLOWS = [*HERE.glob("golden/*.yml"), *HERE.parents[1].glob("examples/*/.github/workflows/*.yml")]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_what_the_general_reader_finds(path: Path) -> None:
    node = parse(path.read_text(), path.name, [])

    assert node
    assert read_tree(path.read_text()) == node.value


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = 'on: yes\na: [1, 0o17, 1.5, -.inf, null, ~, "1", 22:30, true, .]\nb:\n'

    assert read_tree(text) == {
        "on": "yes",
        "a": [1, 15, 1.5, float("-inf"), None, None, "1", "22:30", True, "."],
        "b": None,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "twice"),
        ("a: {b: 1, b: 1}\n", "twice"),
        ("1: a\n", "no text"),
        ("[a]: b\n", "no text"),
        ("a: &b 1\n", "anchor"),
        ("a: &b [1]\n", "anchor"),
        ("a: *b\n", "alias"),
        ("a: !!str 1\n", "tag"),
        ("a: !x {}\n", "tag"),
        ("a: 1\n---\nb: 2\n", "2 documents"),
        ("", "0 documents"),
        ("a: [\n", "expected"),
        ("a: \x07\n", "control characters"),
    ],
)
def test_what_swiftci_never_writes_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tree(text)
