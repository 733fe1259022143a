"""What is said of a data file before a training reads it."""

from pathlib import Path

import pytest

from swiftci.spec.problem import Position, Problem
from swiftci.tools import data_file

ROW = b'{"messages": []}\n'


def check(path: Path) -> tuple[str, list[Problem]]:
    problems: list[Problem] = []
    said = data_file.check_rows(path, "train.args.dataset", Position(file="configs/x.yaml", line=3), problems)
    return said, problems


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ROW, "1 rows"),
        (ROW * 1234, "1,234 rows"),
        (ROW.rstrip(), "1 rows"),
        (b"\n\n" + ROW + b"\r\n" + ROW, "2 rows"),
        ('{"content": "中文 🙂"}\n'.encode(), "1 rows"),
        (ROW * data_file.ROWS_READ, f"{data_file.ROWS_READ:,} rows"),
        (ROW * (data_file.ROWS_READ + 1), f"{data_file.ROWS_READ:,} rows looked at, more follow"),
    ],
)
def test_good_rows_are_counted(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)

    assert check(tmp_path / "a.jsonl") == (said, [])


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", "data-empty", "a.jsonl is empty"),
        (b"\n \n", "data-empty", "a.jsonl holds no row"),
        (ROW + b"this is no JSON\n", "data-format", "a.jsonl:2: is not JSON"),
        (ROW + b'{"a": \n', "data-format", "a.jsonl:2: is not JSON"),
        (b"[1]\n", "data-format", "a.jsonl:1: is list, not an object"),
        (b"3\n", "data-format", "a.jsonl:1: is int, not an object"),
        (b'{"a": "\xff"}\n', "data-format", "a.jsonl:1: is not UTF-8 text"),
        ('{"a": 1}\n{"a": 2}\n'.encode("utf-16"), "data-format", "a.jsonl:1: is not UTF-8 text"),
        (b'{"a":' * 100_000 + b"\n", "data-format", "a.jsonl:1: is nested too deep"),
    ],
)
def test_bad_row_is_named_with_its_line(tmp_path: Path, data: bytes, code: str, words: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)
    _, problems = check(tmp_path / "a.jsonl")

    assert [(one.code, str(one.position)) for one in problems] == [(code, "configs/x.yaml:3:1")]
    assert problems[0].message.startswith(f"train.args.dataset: {words}")


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet"])
def test_other_formats_only_need_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xff" * 1500)

    assert check(tmp_path / name) == ("1,500 bytes", [])


def test_empty_file_of_another_format_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()

    assert check(tmp_path / "a.csv")[1][0].code == "data-empty"


def test_file_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    said, problems = check(tmp_path / "a.jsonl")

    assert said == "unreadable"
    assert problems[0].message.endswith("a.jsonl cannot be read: No such file or directory")
