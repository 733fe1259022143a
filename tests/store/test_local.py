"""The store in a folder: results by digest, records, history; whole or not there, for several processes at once."""

import json
import multiprocessing
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.store.local import Folder, is_digest
from tests.store.killed import killed

A, B = "a" * 64, "b" * 64
RUN = '{"schema": 1, "name": "tiny"}'


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory with a checkpoint, logs, and what nobody keeps."""
    folder = tmp_path / "run"
    write(folder, {"train/checkpoint-1/weights": "old weights", "logs/train.log": "log", "run.json": RUN, ".lock": ""})
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(store: Folder) -> list[str]:
    return [path.name for path in store.root.rglob("*.part")]


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


def test_result_that_is_cut_off_at_any_moment_is_whole_or_not_there(tmp_path: Path) -> None:
    for moment in range(1, 100):
        place = tmp_path / str(moment)
        write(place / "run", {"train/weights": "new", "train/more": "", "run.json": RUN})
        store = Folder(place / "store")
        was = killed(lambda store=store, place=place: store.keep(A, {"n": 1}, place / "run", ["train"]), moment)
        found = store.take(A, place / "new")

        assert (found == {"n": 1}) is (contents(place / "new") == {"train/weights": b"new", "train/more": b""})
        assert found is not None or was
        assert store.fsck(deep=True) == []
        store.keep(A, {"n": 2}, place / "run", ["train"])
        assert store.find(A) == {"n": 2}
        if not was:
            break
    assert moment > 5


def test_replacing_that_is_cut_off_at_any_moment_leaves_one_of_both(tmp_path: Path) -> None:
    """But for the moment between two renames, after which the earlier one can be brought back."""
    lost = 0
    for moment in range(1, 100):
        place = tmp_path / str(moment)
        write(place / "run", {"train/weights": "weights", "run.json": RUN})
        store = Folder(place / "store")
        store.keep(A, {"n": 1}, place / "run", ["train"])
        was = killed(lambda store=store, place=place: store.keep(A, {"n": 2}, place / "run", ["train"]), moment)
        found = store.find(A)

        assert found in ({"n": 1}, {"n": 2}) or (found is None and any(".old.part" in one for one in leftovers(store)))
        assert store.fsck(deep=True) == []
        lost += found is None
        if not was:
            break
    assert moment > 5
    assert lost == 1


def test_taking_that_is_cut_off_at_any_moment_leaves_whole_files(tmp_path: Path, store: Folder, run: Path) -> None:
    store.keep(A, {}, run, ["train", "logs"])
    for moment in range(1, 100):
        new = tmp_path / f"new-{moment}"
        was = killed(lambda new=new: store.take(A, new), moment)
        there = {name: data for name, data in contents(new).items() if not name.endswith(".part")}

        assert there.items() <= {"train/checkpoint-1/weights": b"old weights", "logs/train.log": b"log"}.items()
        if not was:
            break
    assert moment > 5


def make(root: str, made: Any, ready: Any) -> None:
    """What two runs of one fingerprint do."""
    store = Folder(Path(root) / "store")
    for number in range(10):
        digest = f"{number:064x}"
        ready.wait()
        with store.lock(digest, lambda: None) as alone:
            assert alone
            if store.find(digest) is None:
                with made.get_lock():
                    made.value += 1
                store.keep(digest, {}, Path(root) / "run", ["run.json"])


def test_of_two_processes_one_makes_a_result_and_the_other_finds_it(tmp_path: Path, run: Path, store: Folder) -> None:
    fork = multiprocessing.get_context("fork")
    made, ready = fork.Value("i", 0), fork.Barrier(2)
    both = [fork.Process(target=make, args=(str(tmp_path), made, ready)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)

    assert [one.exitcode for one in both] == [0, 0]
    assert made.value == 10
    assert leftovers(store) == []


def keep(root: str, ready: Any) -> None:
    """What two runs do where a filesystem has no locks."""
    for number in range(15):
        ready.wait()
        Folder(Path(root) / "store").keep(f"{number:064x}", {}, Path(root) / "run", ["train", "logs"])


def test_two_processes_may_keep_the_same_at_once(tmp_path: Path, run: Path, store: Folder) -> None:
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(2)
    both = [fork.Process(target=keep, args=(str(tmp_path), ready)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)

    assert [one.exitcode for one in both] == [0, 0]
    assert all(store.find(f"{number:064x}") == {} for number in range(15))
    assert store.fsck(deep=True) == []
    assert leftovers(store) == []


def test_lock_is_waited_for_and_said(store: Folder) -> None:
    said, held = [], threading.Event()

    def second() -> None:
        with store.lock(A, lambda: said.append("waiting")) as alone:
            said.append(str(alone))

    with store.lock(A, lambda: None):
        other = threading.Thread(target=second)
        other.start()
        held.wait(0.1)
        assert said == ["waiting"]
        with store.locked(A, None) as alone, store.locked(B, None) as another:
            assert (alone, another) == (False, True)
    other.join(10)

    assert said == ["waiting", "True"]


def test_lock_that_was_removed_while_it_was_waited_for_is_made_anew(store: Folder) -> None:
    """Else the one that waited would hold a lock that nobody else can see."""
    path, order = store.root / "locks" / f"{A}.lock", []

    def second() -> None:
        with store.lock(A, lambda: order.append("waiting")), store.locked(A, None) as again:
            order.append(f"{path.exists()} {again}")

    with store.lock(A, lambda: None):
        other = threading.Thread(target=second)
        other.start()
        while not order:
            pass
        path.unlink()
    other.join(10)

    assert order == ["waiting", "True False"]


def test_record_is_put_brought_and_listed(store: Folder, run: Path, tmp_path: Path) -> None:
    kept = store.put("tiny", "ffff-1", run, ["run.json", "logs", "missing"])
    store.put("tiny-2", "ffff-1", run, ["run.json"])
    store.bring("tiny", "ffff-1", tmp_path / "new")

    assert kept == store.root / "records/tiny/ffff-1"
    assert contents(tmp_path / "new") == {"run.json": RUN.encode(), "logs/train.log": b"log"}
    assert (kept / "run.json").stat().st_nlink == 1  # it goes on to be written
    assert [(one.name, one.run, one.data["schema"]) for one in store.records()] == [
        ("tiny", "ffff-1", 1),
        ("tiny-2", "ffff-1", 1),
    ]
    assert [one.name for one in store.records("tiny")] == ["tiny"]


def test_record_is_replaced_as_a_whole(store: Folder, run: Path) -> None:
    store.put("tiny", "ffff-1", run, ["run.json", "logs"])
    store.put("tiny", "ffff-1", run, ["run.json"])

    assert contents(store.root / "records") == {"tiny/ffff-1/run.json": RUN.encode()}
    assert leftovers(store) == []


def test_record_that_cannot_be_put_leaves_the_earlier_one(store: Folder, run: Path) -> None:
    store.put("tiny", "ffff-1", run, ["run.json", "logs"])
    (run / "logs/loop").symlink_to("loop")
    with pytest.raises(shutil.Error):
        store.put("tiny", "ffff-1", run, ["run.json", "logs"])

    assert "tiny/ffff-1/logs/train.log" in contents(store.root / "records")
    assert leftovers(store) == []


def test_record_that_is_cut_off_at_any_moment_is_whole_or_not_there(tmp_path: Path, run: Path) -> None:
    for moment in range(1, 100):
        store = Folder(tmp_path / str(moment))
        was = killed(lambda store=store: store.put("tiny", "ffff-1", run, ["run.json", "logs"]), moment)

        there = [contents(store.root / "records" / one.name / one.run) for one in store.records()]
        assert there in ([], [{"run.json": RUN.encode(), "logs/train.log": b"log"}])
        assert there or was
        if not was:
            break
    assert moment > 4


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100_000])
def test_damaged_record_does_not_hide_the_others(store: Folder, run: Path, text: str) -> None:
    bad = store.put("tiny", "ffff-1", run, ["run.json"])
    store.put("tiny", "ffff-2", run, ["run.json"])
    assert bad is not None
    (bad / "run.json").write_text(text, encoding="latin-1")

    assert [one.run for one in store.records()] == ["ffff-2"]


def test_history_keeps_its_order_and_a_damaged_line_costs_only_itself(store: Folder) -> None:
    store.append({"n": 1, "text": "千\u2028\n"})
    with (store.root / "history.jsonl").open("ab") as file:
        file.write(b'[]\n\xff\n{"n": ')  # the last was cut off
    store.append({"n": 2})

    assert list(store.history()) == [{"n": 1, "text": "千\u2028\n"}, {"n": 2}]


def append(root: str, number: int) -> None:
    for count in range(50):
        Folder(Path(root)).append({"by": number, "count": count, "text": "x" * 5000})


def test_two_processes_append_to_one_history(store: Folder) -> None:
    fork = multiprocessing.get_context("fork")
    both = [fork.Process(target=append, args=(str(store.root), number)) for number in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    found = list(store.history())

    assert len(found) == 100
    assert all([line["count"] for line in found if line["by"] == number] == list(range(50)) for number in range(2))


def test_empty_store_holds_nothing(tmp_path: Path) -> None:
    store = Folder(tmp_path / "nowhere")

    assert store.find(A) is None
    assert list(store.records()) == list(store.history()) == store.fsck(deep=True) == []
    assert not store.root.exists()


def test_digest_is_told_from_other_names() -> None:
    assert is_digest(A)
    assert not any(map(is_digest, ("a" * 63, "A" * 64, f"{A}\n", "..")))
