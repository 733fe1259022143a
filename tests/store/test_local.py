"""Results in a folder, by digest: what is kept, what is taken, what damage costs."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.store.local import Folder, is_digest
from tests.store.folders import A, B, contents, leftovers, write


def test_result_is_found_and_taken_by_its_digest(store: Folder, run: Path, tmp_path: Path) -> None:
    store.keep(A, {"state": "succeeded"}, run, ["train/checkpoint-1", "logs/train.log"])

    assert store.find(A) == {"state": "succeeded"}
    assert store.take(A, tmp_path / "new") == {"state": "succeeded"}
    assert contents(tmp_path / "new") == {"train/checkpoint-1/weights": b"old weights", "logs/train.log": b"log"}
    assert store.find(B) is store.take(B, tmp_path / "other") is None
    assert not (tmp_path / "other").exists()


def test_result_takes_no_room_of_its_own(store: Folder, run: Path, tmp_path: Path) -> None:
    store.keep(A, {}, run, ["train"])
    store.take(A, tmp_path / "new")

    assert (run / "train/checkpoint-1/weights").stat().st_nlink == 3


def test_result_outlives_the_run_that_made_it(store: Folder, run: Path, tmp_path: Path) -> None:
    store.keep(A, {}, run, ["train"])
    shutil.rmtree(run)
    store.take(A, tmp_path / "new")

    assert contents(tmp_path / "new") == {"train/checkpoint-1/weights": b"old weights"}


def test_taken_files_replace_those_that_were_there_in_both_places(store: Folder, run: Path, tmp_path: Path) -> None:
    write(tmp_path / "new", {"logs/train.log": "another log", "mine": "mine"})
    before = os.open(tmp_path / "new/logs/train.log", os.O_RDONLY)
    store.keep(A, {}, run, ["logs"])
    store.take(A, tmp_path / "new")

    assert contents(tmp_path / "new") == {"logs/train.log": b"log", "mine": b"mine"}
    assert os.read(before, 100) == b"another log"  # what another result holds by a link is not written to
    os.close(before)


def test_result_is_replaced_as_a_whole(store: Folder, run: Path, tmp_path: Path) -> None:
    store.keep(A, {"n": 1}, run, ["train", "logs"])
    (run / "train/checkpoint-1/weights").unlink()
    write(run, {"train/checkpoint-2/weights": "new"})
    store.keep(A, {"n": 2}, run, ["train"])

    assert store.take(A, tmp_path / "new") == {"n": 2}
    assert contents(tmp_path / "new") == {"train/checkpoint-2/weights": b"new"}
    assert leftovers(store) == []


def test_result_without_links_is_copied(store: Folder, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    store.keep(A, {}, run, ["train"])
    assert store.take(A, run.parent / "new") == {}

    assert contents(run.parent / "new") == {"train/checkpoint-1/weights": b"old weights"}


def gone(folder: Path) -> None:
    (folder / "files/train/checkpoint-1/weights").unlink()


def cut_off(folder: Path) -> None:
    gone(folder)
    (folder / "files/train/checkpoint-1/weights").write_text("old")


def entry(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "entry.json").write_text(text, encoding="latin-1")


TEXTS = ("", "{", "[]", "\xff", '{"entry": [], "files": {}}', '{"entry": {}}', "[" * 100_000)
FILES: tuple[object, ...] = ([], {"x": 1}, {"x": [1, 2, 3]}, {"a\0b": [1, ""]}, {"x" * 5000: [1, ""]})


@pytest.mark.parametrize(
    "damage",
    [gone, cut_off, shutil.rmtree, *map(entry, [*TEXTS, *(json.dumps({"entry": {}, "files": one}) for one in FILES)])],
)
def test_damaged_result_is_none(store: Folder, run: Path, damage: Callable[[Path], object]) -> None:
    store.keep(A, {}, run, ["train"])
    damage(store.result(A))

    assert store.find(A) is None
    assert store.take(A, run.parent / "new") is None
    assert not (run.parent / "new").exists()


@pytest.mark.parametrize("name", ["../outside", "x/../../outside"])
def test_result_that_leads_out_of_the_run_is_none(store: Folder, run: Path, name: str) -> None:
    store.keep(A, {}, run, ["train"])
    write(store.result(A), {"outside": "evil", "files/x/y": ""})
    entry(json.dumps({"entry": {}, "files": {name: [4, ""]}}))(store.result(A))

    assert store.take(A, run.parent / "new") is None
    assert not (run.parent / "outside").exists()


def test_links_are_kept_when_they_stay_inside(store: Folder, run: Path) -> None:
    (run / "train/latest").symlink_to("checkpoint-1")
    (run / "train/evil").symlink_to("/etc/passwd")
    (run / "train/up").symlink_to("../../up")
    store.keep(A, {}, run, ["train"])
    kept = store.result(A) / "files/train"

    assert sorted(path.name for path in kept.iterdir()) == ["checkpoint-1", "latest"]
    assert str((kept / "latest").readlink()) == "checkpoint-1"


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)
TREE = st.dictionaries(
    NAME, st.recursive(st.binary(max_size=20), lambda inner: st.dictionaries(NAME, inner, max_size=3)), max_size=4
)


def planted(folder: Path, tree: dict[str, Any]) -> None:
    folder.mkdir()
    for name, one in tree.items():
        planted(folder / name, one) if isinstance(one, dict) else (folder / name).write_bytes(one)


@settings(max_examples=30)
@given(tree=TREE)
def test_what_is_kept_is_what_is_taken(tree: dict[str, Any]) -> None:
    with TemporaryDirectory() as place:
        root, store = Path(place), Folder(Path(place) / "store")
        planted(root / "run", tree)
        store.keep(A, {"tree": list(tree)}, root / "run", list(tree))

        assert store.take(A, root / "new") == {"tree": list(tree)}
        assert contents(root / "new") == contents(root / "run")
        assert store.fsck(deep=True) == []


def test_empty_store_holds_nothing(tmp_path: Path) -> None:
    store = Folder(tmp_path / "nowhere")

    assert store.find(A) is None
    assert list(store.records()) == list(store.history()) == store.fsck(deep=True) == []
    assert not store.root.exists()


def test_digest_is_told_from_other_names() -> None:
    assert is_digest(A)
    assert not any(map(is_digest, ("a" * 63, "A" * 64, f"{A}\n", "..")))
