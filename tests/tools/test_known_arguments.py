"""The recorded lists of the tools' arguments."""

from pathlib import Path

import pytest

from swiftci.tools import evalscope, known_arguments, swift

CORPUS = Path(__file__).parents[1] / "corpus"


def flags(case: Path) -> set[str]:
    """The names of the arguments of a recorded command."""
    words = (case / "argv.txt").read_text(encoding="utf-8").splitlines()
    return {word[2:].replace("-", "_") for word in words if word.startswith("--")}


@pytest.mark.parametrize("case", sorted((CORPUS / "swift").iterdir()), ids=lambda case: case.name)
def test_arguments_that_ms_swift_took_are_known(case: Path) -> None:
    assert flags(case) - known_arguments.of("sft").names.keys() == (
        {"no_such_arg"} if case.name == "unknown-flag" else set()
    )


@pytest.mark.parametrize("case", sorted((CORPUS / "evalscope").iterdir()), ids=lambda case: case.name)
def test_arguments_that_evalscope_took_are_known(case: Path) -> None:
    assert flags(case) <= known_arguments.of("eval").names.keys()


def test_argument_of_an_older_ms_swift_is_not_known() -> None:
    assert "train_type" not in known_arguments.of("sft").names


def test_arguments_that_swiftci_sets_exist() -> None:
    assert {*swift.OWNED, *swift.DEFAULTS} <= known_arguments.of("sft").names.keys()
    assert {*evalscope.OWNED, *evalscope.SWITCHES} <= known_arguments.of("eval").names.keys()


def test_lists_name_their_versions() -> None:
    assert (known_arguments.of("sft").tool, known_arguments.of("sft").version) == ("ms-swift", "4.6.0")
    assert (known_arguments.of("eval").tool, known_arguments.of("eval").version) == ("EvalScope", "1.14.1")
