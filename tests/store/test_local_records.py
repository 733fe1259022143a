"""Records and history of the store in a folder."""

import multiprocessing
import shutil
from pathlib import Path

import pytest

from swiftci.store.local import Folder
from tests.store.folders import RUN, contents, leftovers
from tests.store.killed import killed


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
