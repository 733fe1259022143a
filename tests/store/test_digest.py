"""Digests of files and folders, and their memory."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.store.digest import Digests, of_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "model"
    (root / "sub").mkdir(parents=True)
    (root / "config.json").write_text("{}")
    (root / "sub" / "weights").write_text("w" * 1000)
    return root


def digest(tmp_path: Path, path: Path) -> str:
    return Digests(tmp_path / "memory.json").of(path)


def test_digest_of_a_file_is_its_contents(tmp_path: Path, folder: Path) -> None:
    assert digest(tmp_path, folder / "config.json") == hashlib.sha256(b"{}").hexdigest()


def test_folder_elsewhere_with_the_same_files_is_the_same(tmp_path: Path, folder: Path) -> None:
    first = digest(tmp_path, folder)
    folder.rename(tmp_path / "moved")

    assert digest(tmp_path, tmp_path / "moved") == first


def rewrite(folder: Path) -> None:
    (folder / "sub" / "weights").write_text("v" * 1000)


def rename(folder: Path) -> None:
    (folder / "sub" / "weights").rename(folder / "sub" / "other")


def move(folder: Path) -> None:
    (folder / "sub" / "weights").rename(folder / "weights")


def add(folder: Path) -> None:
    (folder / "tokenizer.json").touch()


def remove(folder: Path) -> None:
    (folder / "config.json").unlink()


@pytest.mark.parametrize("change", [rewrite, rename, move, add, remove])
def test_change_of_a_folder_changes_its_digest(tmp_path: Path, folder: Path, change: Any) -> None:
    before = digest(tmp_path, folder)
    change(folder)

    assert digest(tmp_path, folder) != before


def test_hidden_files_do_not_count(tmp_path: Path, folder: Path) -> None:
    before = digest(tmp_path, folder)
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").write_text("x")
    (folder / "sub" / ".lock").write_text("x")

    assert digest(tmp_path, folder) == before


def test_folder_inside_a_hidden_one_counts(tmp_path: Path) -> None:
    """A hub's cache lies in ~/.cache; only names below the model's own folder are hidden."""
    model = tmp_path / ".cache" / "model"
    model.mkdir(parents=True)
    (model / "weights").write_text("a")
    before = digest(tmp_path, model)
    (model / "weights").write_text("bb")

    assert digest(tmp_path, model) != before


def test_link_to_a_file_counts_as_the_file(tmp_path: Path, folder: Path) -> None:
    """A hub's cache keeps links to blobs."""
    (tmp_path / "blob").write_text("one")
    (folder / "linked").symlink_to(tmp_path / "blob")
    before = digest(tmp_path, folder)
    (tmp_path / "blob").write_text("two!")

    assert digest(tmp_path, folder) != before


def test_broken_link_and_pipe_do_not_break(tmp_path: Path, folder: Path) -> None:
    before = digest(tmp_path, folder)
    (folder / "broken").symlink_to("nowhere")
    (folder / "round").symlink_to("round")
    os.mkfifo(folder / "pipe")

    assert digest(tmp_path, folder) == before


def test_missing_file_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        digest(tmp_path, tmp_path / "nowhere")


# ---------------------------------------------------------------------------------------------- memory


def test_file_that_did_not_change_is_not_read_again(tmp_path: Path, folder: Path) -> None:
    """Weights are large: their digest is remembered by size, time and inode."""
    before = digest(tmp_path, folder / "sub" / "weights")
    memory = json.loads((tmp_path / "memory.json").read_text())
    ((_, mark),) = memory.items()
    mark[3] = "remembered"
    (tmp_path / "memory.json").write_text(json.dumps(memory))

    assert before != "remembered"
    assert digest(tmp_path, folder / "sub" / "weights") == "remembered"


def test_change_of_the_same_size_is_noticed(tmp_path: Path, folder: Path) -> None:
    path = folder / "sub" / "weights"
    before = digest(tmp_path, path)
    path.write_text("v" * 1000)

    assert digest(tmp_path, path) != before


def test_file_put_in_place_with_the_old_time_is_noticed(tmp_path: Path, folder: Path) -> None:
    path = folder / "sub" / "weights"
    before, times = digest(tmp_path, path), path.stat()
    (tmp_path / "new").write_text("v" * 1000)
    os.utime(tmp_path / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    (tmp_path / "new").replace(path)

    assert digest(tmp_path, path) != before


DAMAGED = ["", "{", "[]", "3", '{"PATH": 3}', '{"PATH": []}', '{"PATH": [1, 2]}', "\xff"]
DAMAGED += ['{"x": NaN}', '{"x": "\\ud800"}', "[" * 100_000, '{"a":' * 400 + "1" + "}" * 400]


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_memory_is_forgotten(tmp_path: Path, folder: Path, text: str) -> None:
    path = folder / "config.json"
    (tmp_path / "memory.json").write_text(text.replace("PATH", str(path)), encoding="latin-1")

    assert digest(tmp_path, path) == hashlib.sha256(b"{}").hexdigest()
    assert str(path) in json.loads((tmp_path / "memory.json").read_text())


def test_memory_is_not_rewritten_for_nothing(tmp_path: Path, folder: Path) -> None:
    digest(tmp_path, folder)
    before = (tmp_path / "memory.json").stat().st_ino
    digest(tmp_path, folder)

    assert (tmp_path / "memory.json").stat().st_ino == before


# ---------------------------------------------------------------------------------------------- data


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_order_of_keys_does_not_count(data: dict[str, Any]) -> None:
    assert of_data(data) == of_data(dict(reversed(data.items())))


@given(st.lists(st.text()), st.lists(st.text()))
def test_different_data_have_different_digests(one: list[str], other: list[str]) -> None:
    assert (of_data(one) == of_data(other)) == (one == other)


def test_text_that_is_no_unicode_has_a_digest() -> None:
    assert of_data("\ud800") != of_data("\ud801")


def test_what_python_writes_beside_a_plugin_does_not_count(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "reward.py").write_text("x = 1")
    before = Digests(tmp_path / "memory").of(plugin)
    (plugin / "__pycache__").mkdir()
    (plugin / "__pycache__/reward.pyc").write_bytes(b"x")

    assert Digests(tmp_path / "memory").of(plugin) == before


def test_file_whose_name_is_no_text_is_remembered_too(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.bin")).write_bytes(b"weights")
    first = Digests(tmp_path / "memory.json").of(folder)

    assert Digests(tmp_path / "memory.json").of(folder) == first
