"""What the GitHub runner gets: outputs, summary, annotations, groups."""

import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.tools import runner
from tests.fake.repository import outputs

NAMES = st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1)


@settings(max_examples=40)  # each example is a file on the disk
@given(st.dictionaries(NAMES, st.text()))
def test_outputs_read_back_as_they_were_written(values: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        runner.write_outputs({"GITHUB_OUTPUT": str(path)}, values)
        text = path.read_bytes().decode()

    assert outputs(text) == values


@pytest.mark.parametrize("value", ["x\nevil<<EOF\n1\nEOF", "swiftci-\n", "a\r\nb", "::set-output name=x::y", ""])
def test_value_cannot_set_another_output(tmp_path: Path, value: str) -> None:
    runner.write_outputs({"GITHUB_OUTPUT": str(tmp_path / "o")}, {"good": value, "after": "1"})

    assert outputs((tmp_path / "o").read_bytes().decode()) == {"good": value, "after": "1"}


def test_outputs_are_added_to_earlier_ones(tmp_path: Path) -> None:
    for number in "12":
        runner.write_outputs({"GITHUB_OUTPUT": str(tmp_path / "o")}, {f"name-{number}": number})

    assert outputs((tmp_path / "o").read_text()) == {"name-1": "1", "name-2": "2"}


def test_without_a_runner_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner.write_outputs({}, {"a": "b"})
    runner.write_summary({}, "# hello")

    assert list(tmp_path.iterdir()) == []


def test_summary_is_appended(tmp_path: Path) -> None:
    for text in ("one", "two"):
        runner.write_summary({"GITHUB_STEP_SUMMARY": str(tmp_path / "s")}, text)

    assert (tmp_path / "s").read_text() == "one\ntwo\n"


@pytest.mark.parametrize("line", ["x" * 99 + "\n", "中文" * 20 + "\n", "x"])
def test_large_summary_is_cut_where_github_would_drop_it(tmp_path: Path, line: str) -> None:
    runner.write_summary({"GITHUB_STEP_SUMMARY": str(tmp_path / "s")}, line * 1_200_000)
    data = (tmp_path / "s").read_bytes()

    assert len(data) <= runner.SUMMARY_MAX_BYTES
    assert data.decode().rstrip().endswith("(cut: the whole report is in the artifact)")


def unescape(text: str) -> str:
    for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_annotation_reads_back_as_it_was_written(message: str, title: str, file: str) -> None:
    line = runner.annotation("error", message, title=title, file=file, line=3, column=7)
    assert "\n" not in line
    assert "\r" not in line
    head, _, text = line.removeprefix("::error ").partition("::")
    properties = dict(part.split("=", 1) for part in head.split(","))

    assert unescape(text) == message
    assert {key: unescape(value) for key, value in properties.items()} == {
        "file": file,
        "line": "3",
        "col": "7",
        "title": title,
    }


def test_annotation_without_a_place() -> None:
    assert runner.annotation("notice", "a%b") == "::notice::a%25b"


def test_group_stops_commands_until_a_word_nobody_knows() -> None:
    out = io.StringIO()
    with runner.group(out, {"GITHUB_ACTIONS": "true"}, "train"):
        print("::set-env name=X::1", file=out)
    first, stop, inside, go, last = out.getvalue().splitlines()

    assert (first, inside, last) == ("::group::train", "::set-env name=X::1", "::endgroup::")
    token = stop.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert go == f"::{token}::"


def test_group_ends_after_a_failure() -> None:
    out = io.StringIO()
    with pytest.raises(KeyError), runner.group(out, {"GITHUB_ACTIONS": "true"}, "train"):
        raise KeyError

    assert out.getvalue().endswith("::\n::endgroup::\n")


def test_group_is_silent_elsewhere() -> None:
    out = io.StringIO()
    with runner.group(out, {}, "train"):
        pass

    assert out.getvalue() == ""
