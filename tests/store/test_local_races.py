"""The store in a folder, cut off at any moment, and used by several processes at once."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

from swiftci.store.local import Folder
from tests.store.folders import RUN, A, B, contents, leftovers, write
from tests.store.killed import killed


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
