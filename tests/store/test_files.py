"""Writes are whole or not at all."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.store import files

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_text_is_written_as_it_is(tmp_path: Path) -> None:
    files.write_text(tmp_path / "new" / "deep" / "a", "one\r\n中文\n\ttwo")

    assert (tmp_path / "new" / "deep" / "a").read_bytes() == "one\r\n中文\n\ttwo".encode()


def test_old_text_is_replaced(tmp_path: Path) -> None:
    for text in ("first and longer", "second"):
        files.write_text(tmp_path / "a", text)

    assert (tmp_path / "a").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        files.write_text(tmp_path / "a", "new\ud800")

    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_file_that_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write_text(tmp_path / "a", "new")

    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_reader_never_sees_half_a_file_though_the_writer_is_killed(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from swiftci.store.files import write_text
for letter in "ab" * 100_000: write_text(Path(sys.argv[1]), letter * 300_000)
"""
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a")])
        while not (tmp_path / "a").exists():
            time.sleep(0.01)
        until = time.monotonic() + 0.1
        while time.monotonic() < until:
            whole((tmp_path / "a").read_text())
        process.send_signal(signal.SIGKILL)
        process.wait()
        whole((tmp_path / "a").read_text())


def whole(text: str) -> None:
    assert text in ("a" * 300_000, "b" * 300_000)


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from swiftci.store.files import write_text
for _ in range(60): write_text(Path(sys.argv[1]), sys.argv[2] * 300_000)
"""
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "a"), letter]) for letter in "ab"]
    for writer in writers:
        assert writer.wait() == 0

    whole((tmp_path / "a").read_text())
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@settings(max_examples=25)  # each example is a file on the disk
@given(JSON)
def test_json_survives_its_file(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    files.write_json(path, data)

    assert json.loads(path.read_text(encoding="utf-8")) == data


@settings(max_examples=25)  # each example is a file on the disk
@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=4))
def test_rows_survive_their_file(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    path = tmp_path_factory.mktemp("rows") / "a.jsonl"
    files.write_rows(path, rows)

    assert files.read_rows(path) == rows


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_number_that_no_other_reader_knows_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "a", {"x": value})

    assert not list(tmp_path.iterdir())


def test_row_that_is_no_object_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"a": 1}\n\n[1]\n')
    with pytest.raises(ValueError, match="line 3 is not an object"):
        files.read_rows(tmp_path / "a")
