"""How a problem looks: the caret stands under the place, and no text moves the terminal."""

from pathlib import Path

import pytest

from swiftci.cli.output import as_annotation, as_json, ordered, show_busy, show_tool_error, text
from swiftci.spec.error import Busy, ToolError
from swiftci.spec.problem import Position, Problem


def problem(source: str, column: int, width: int = 1, message: str = "wrong", hint: str = "") -> Problem:
    place = Position(file="a.yaml", line=7, column=column, source=source, width=width)
    return Problem(code="wrong-value", message=message, position=place, hint=hint)


@pytest.mark.parametrize(
    ("source", "column", "width", "shown"),
    [
        ("name: a b", 7, 3, ["    7 | name: a b", "      |       ^~~"]),
        ("name: a b", 7, 1, ["    7 | name: a b", "      |       ^"]),
        ("name: a b", 7, 99, ["    7 | name: a b", "      |       ^~~"]),
        ("name: a", 8, 1, ["    7 | name: a", "      |        ^"]),
        ("\tname: a", 2, 4, ["    7 | \tname: a", "      | \t^~~~"]),
        ("模型: a", 5, 1, ["    7 | 模型: a", "      |       ^"]),
        ("ｎａ: a", 5, 1, ["    7 | ｎａ: a", "      |       ^"]),
        ("a: \x1b[31mred", 4, 1, ["    7 | a: �[31mred", "      |    ^"]),
        ("a" * 160, 4, 1, ["    7 | " + "a" * 160, "      |    ^"]),
        ("a" * 161, 4, 1, []),
        ("a", 161, 1, []),
        ("  ", 1, 1, []),
        ("", 1, 1, []),
    ],
)
def test_caret_stands_under_the_place(source: str, column: int, width: int, shown: list[str]) -> None:
    assert text(problem(source, column, width)).split("\n")[1:] == shown


def test_no_character_moves_the_terminal() -> None:
    odd = problem("a\x1b]0;title\x07", 1, message="found \x1b[2J\r\n", hint="not \x9b1m\u2028\u202e")

    assert all(line.isprintable() for line in text(odd).split("\n"))


def test_problem_without_a_place_is_swiftcis() -> None:
    found = Problem(code="no-config", message="nothing here", hint="look there", severity="notice")

    assert text(found) == "swiftci: notice[no-config]: nothing here\n  hint: look there"
    assert as_annotation(found) == "::notice title=swiftci%3A no-config::nothing here%0Alook there"
    assert as_json(found)["file"] is None


def test_problems_are_shown_by_place_and_once() -> None:
    one, two = problem("", 2), problem("", 1)
    other = Problem(code="empty", message="b", position=Position(file="b.yaml"))
    nowhere = Problem(code="no-config", message="c")

    assert ordered([other, one, two, one, nowhere]) == [nowhere, two, one, other]


def test_tool_error_shows_last_lines_reason_hint_and_log(capsys: pytest.CaptureFixture[str]) -> None:
    error = ToolError(
        message="ms-swift failed: out of memory",
        kind="memory",
        hint="lower per_device_train_batch_size",
        returncode=137,
        tail=("loading", "CUDA out of memory"),
        log=Path("run/logs/train.log"),
    )

    show_tool_error(error, {})

    assert capsys.readouterr().err == (
        "  | loading\n  | CUDA out of memory\n"
        "swiftci: error[memory]: ms-swift failed: out of memory (exit code 137)\n"
        "  hint: lower per_device_train_batch_size\n"
        "  log: run/logs/train.log\n"
    )


def test_failures_are_annotations_on_a_runner(capsys: pytest.CaptureFixture[str]) -> None:
    show_tool_error(ToolError(message="failed", hint="again"), {"GITHUB_ACTIONS": "true"})
    show_busy(Busy("in use"), {"GITHUB_ACTIONS": "true"})

    assert capsys.readouterr().err == (
        "swiftci: error[tool]: failed\n  hint: again\n::error title=swiftci%3A tool::failed%0Aagain\n"
        "swiftci: error[busy]: in use\n::error title=swiftci%3A busy::in use\n"
    )
