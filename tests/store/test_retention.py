"""What of a store goes by policy and age, and what never does."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.project import Storage
from swiftci.spec.error import Busy, ToolError
from swiftci.store import record as records
from swiftci.store import removal, retention
from swiftci.store.local import Folder
from swiftci.store.record import Record, StageRecord
from swiftci.store.retention import DAY, Removed, collect
from swiftci.store.retention_bucket import collect as in_bucket
from tests.store.killed import killed

NOW = 2_000_000_000.0
MAIN, PULL = "refs/heads/main", "refs/pull/7/merge"


def digest(letter: str) -> str:
    return letter * 64


def policy(**said: float) -> Storage:
    return Storage(path="/store", **said)  # type: ignore[arg-type] # the three numbers


class Kit:
    """A store to fill; each result has 1000 bytes of weights of its own."""

    def __init__(self, root: Path) -> None:
        self.store = Folder(root / "store")
        self.work = root / "work"
        self.work.mkdir()

    def result(self, letter: str, days: float, *, name: str = "tiny", stage: str = "train", size: int = 1000) -> None:
        (self.work / "weights").write_bytes(letter.encode() * size)
        entry = {"digest": digest(letter), "stage": stage, "name": name, "kept": NOW - days * DAY}
        self.store.keep(digest(letter), entry, self.work, ["weights"])
        (self.work / "weights").unlink()

    def history(self, ref: str | None, verdict: str = "pass", *, name: str = "tiny", **digests: str) -> None:
        named = {call: digest(letter) for call, letter in digests.items()}
        self.store.append({"name": name, "run": "r", "ref": ref, "verdict": verdict, "digests": named})

    def run(
        self, run: str, days: float, *, ref: str | None = PULL, state: str = "succeeded", kept: bool = True
    ) -> Path:
        """A run directory, last written so many days ago, with its record kept."""
        name = "tiny"
        one = Record(name=name, fingerprint=digest("f"), resolved={}, started=NOW - days * DAY, run=run, ref=ref)
        one.stages["train"] = StageRecord(state=state, digest=digest("9"), execution="x", started=0.0)
        folder = self.store.root / "runs" / f"{name}-{run}"
        (folder / "train").mkdir(parents=True)
        (folder / "train" / "weights").write_bytes(b"w" * 500)
        (folder / ".lock").touch()
        records.write(folder, one)
        if kept:
            self.store.put(name, f"{digest('f')[:16]}-{run}", folder, [records.FILE])
        os.utime(folder / records.FILE, (NOW - days * DAY, NOW - days * DAY))
        return folder

    def left(self) -> str:
        return "".join(sorted(path.name[0] for path in (self.store.root / "results").glob("[!.]*")))

    def collect(self, place: Storage | None = None, *, dry: bool = False, now: float = NOW) -> list[Removed]:
        return collect(self.store, place or policy(), dry, now)


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main_needs_a(kit: Kit) -> None:
    kit.history(MAIN, train="a")


def main_went_on_to_b(kit: Kit) -> None:
    kit.history(MAIN, train="a")
    kit.history(MAIN, train="b")


def main_failed_after_a(kit: Kit) -> None:
    kit.history(MAIN, train="a")
    kit.history(MAIN, "fail", train="b")
    kit.history(MAIN, "invalid", download="0")


def others_need_a_and_b(kit: Kit) -> None:
    kit.history("refs/tags/v1", train="a")
    kit.history(None, train="b")
    kit.history(PULL, train="c")


def history_is_damaged_and_the_record_is_not(kit: Kit) -> None:
    with (kit.store.root / "history.jsonl").open("a") as file:
        file.write('{"name": "tiny", "ref": null, "digests": {"tr\n[]\n{"ref": [], "digests": 1}\n')
    folder = kit.run("55", 1, ref=None)
    data = json.loads((folder / "run.json").read_text())
    data["stages"]["train"]["digest"] = digest("a")
    (kit.store.root / "records" / "tiny" / f"{digest('f')[:16]}-55" / "run.json").write_text(json.dumps(data))


KEPT: dict[str, tuple[Storage, Callable[[Kit], None], str]] = {
    "no policy": (policy(), lambda _: None, "abcde"),
    "count": (policy(keep_runs=2), lambda _: None, "cde"),
    "age": (policy(keep_days=25), lambda _: None, "cde"),
    "size": (policy(max_gb=1), lambda _: None, "abcde"),
    "count and age": (policy(keep_runs=1, keep_days=15), lambda _: None, "de"),
    "a branch needs it": (policy(keep_runs=1), main_needs_a, "ade"),
    "a branch needs its newest": (policy(keep_runs=1), main_went_on_to_b, "bde"),
    "a branch needs its newest good one too": (policy(keep_runs=1), main_failed_after_a, "abde"),
    "tags and this machine need theirs": (policy(keep_runs=1), others_need_a_and_b, "abde"),
    "damaged history": (policy(keep_runs=1), history_is_damaged_and_the_record_is_not, "ade"),
}


@pytest.mark.parametrize(("place", "needs", "left"), KEPT.values(), ids=KEPT)
def test_policy_lets_go_what_nobody_needs(kit: Kit, place: Storage, needs: Callable[[Kit], None], left: str) -> None:
    for letter, days in (("a", 40), ("b", 30), ("c", 20), ("d", 10)):
        kit.result(letter, days)
    kit.result("e", 5, name="other")
    needs(kit)
    said = kit.collect(place, dry=True)
    assert kit.left() == "abcde"
    done = kit.collect(place)

    assert kit.left() == left
    assert done == said
    assert kit.collect(place) == []


def test_the_oldest_go_until_the_rest_fits(kit: Kit) -> None:
    for letter, days in (("a", 40), ("b", 30), ("c", 20), ("d", 10)):
        kit.result(letter, days, name=letter, size=400)
    kit.history(MAIN, name="a", train="a")
    done = kit.collect(policy(max_gb=1000e-9))

    assert kit.left() == "ad"
    assert [one.what[8:9] for one in done] == ["b", "c"]
    assert done[0].why.endswith("all weights together take more")


def test_small_results_go_by_age_when_no_record_names_them(kit: Kit) -> None:
    kit.result("a", 40, stage="evaluate")
    kit.result("9", 40, stage="evaluate")
    kit.run("1", 1)

    kit.collect(policy(keep_runs=1))
    assert kit.left() == "9a"
    kit.collect(policy(keep_days=30))
    assert kit.left() == "9"


def test_what_a_running_job_needs_stays(kit: Kit) -> None:
    kit.result("9", 40)
    kit.result("a", 30)
    kit.result("b", 1)
    folder = kit.run("1", 1, kept=False)
    with kit.store.locked(digest("a"), None), locked(folder / ".lock"):
        assert kit.collect(policy(keep_runs=1), dry=True) == []
        assert kit.collect(policy(keep_runs=1)) == []
    kit.collect(policy(keep_runs=1))

    assert kit.left() == "b"


def test_what_a_run_takes_meanwhile_stays(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter, days in (("8", 50), ("9", 40), ("b", 1)):
        kit.result(letter, days)

    def slowly(path: Path) -> None:
        """While the first goes, a run takes the second and another is journaled."""
        shutil_rmtree(path)
        if not (kit.store.root / "runs").exists():
            kit.run("1", 1, kept=False)

    shutil_rmtree = removal.shutil.rmtree
    monkeypatch.setattr(removal.shutil, "rmtree", slowly)
    kit.collect(policy(keep_runs=1))

    assert kit.left() == "9b"


def test_what_becomes_a_branchs_newest_meanwhile_stays(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    for letter, days in (("8", 50), ("9", 40), ("b", 1)):
        kit.result(letter, days)
    rmtree = removal.shutil.rmtree
    monkeypatch.setattr(removal.shutil, "rmtree", lambda path: (rmtree(path), kit.history(MAIN, train="9")))
    kit.collect(policy(keep_runs=1))

    assert kit.left() == "9b"


def test_lock_of_what_went_goes_too(kit: Kit) -> None:
    kit.result("a", 40)
    kit.collect(policy(keep_days=1))

    assert sorted(path.name for path in (kit.store.root / "locks").iterdir()) == ["gc.lock"]


RUNS: dict[str, tuple[dict[str, Any], Storage, bool]] = {
    "finished a week ago": ({"days": 8}, policy(), True),
    "finished just now": ({"days": 6}, policy(), False),
    "finished, its record not kept": ({"days": 8, "kept": False}, policy(), False),
    "finished long ago, its record not kept": ({"days": 31, "kept": False}, policy(), True),
    "failed a week ago": ({"days": 8, "state": "failed"}, policy(), False),
    "failed long ago": ({"days": 31, "state": "failed"}, policy(), True),
    "cut off long ago": ({"days": 31, "state": "running"}, policy(), True),
    "failed, and the policy is shorter": ({"days": 8, "state": "failed"}, policy(keep_days=7), True),
    "failed, and the policy is longer": ({"days": 31, "state": "failed"}, policy(keep_days=60), False),
    "a local run": ({"days": 99, "run": "local-20260101-101010"}, policy(keep_days=1), False),
}


@pytest.mark.parametrize(("run", "place", "goes"), RUNS.values(), ids=RUNS)
def test_run_directory_goes_when_nobody_comes_back(kit: Kit, run: dict[str, Any], place: Storage, goes: bool) -> None:
    folder = kit.run(**{"run": "77", **run})
    with locked(folder / ".lock"):
        assert kit.collect(place) == []
    said = kit.collect(place, dry=True)
    assert folder.exists()

    assert kit.collect(place) == said
    assert folder.exists() is not goes
    assert bool(said) is goes


def another_name(folder: Path) -> None:
    folder.rename(folder.with_name("tiny-78"))


def local_config_with_a_number(folder: Path) -> None:
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(data | {"name": "tiny-77", "run": ""}))


def damaged(folder: Path) -> None:
    (folder / "run.json").write_text("[" * 100_000)


def hostile(folder: Path) -> None:
    data = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(data | {"name": "..", "run": ["77"]}))


def no_record(folder: Path) -> None:
    (folder / "run.json").unlink()


def linked(folder: Path) -> None:
    elsewhere = folder.parents[2] / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)


def linked_record(folder: Path) -> None:
    elsewhere = folder.parents[2] / "elsewhere.json"
    (folder / "run.json").rename(elsewhere)
    (folder / "run.json").symlink_to(elsewhere)


def all_linked(folder: Path) -> None:
    elsewhere = folder.parents[2] / "elsewhere"
    folder.parent.rename(elsewhere)
    folder.parent.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "change",
    [another_name, local_config_with_a_number, damaged, hostile, no_record, linked, linked_record, all_linked],
)
def test_what_is_not_ours_stays(kit: Kit, change: Callable[[Path], None]) -> None:
    kit.run("77", 99)
    change(kit.store.root / "runs" / "tiny-77")
    before = sorted(kit.store.root.parent.rglob("*"))

    assert kit.collect(policy(keep_days=1, keep_runs=1), dry=True) == []
    assert kit.collect(policy(keep_days=1, keep_runs=1)) == []
    assert [path for path in sorted(kit.store.root.parent.rglob("*")) if "locks" not in str(path)] == before


def test_links_in_what_goes_are_not_followed(kit: Kit) -> None:
    (kit.work / "mine").write_text("mine")
    folder = kit.run("77", 99)
    (folder / "train" / "link").symlink_to(kit.work)
    (folder / "link.txt").symlink_to(kit.work / "mine")
    done = kit.collect()

    assert [one.what for one in done] == ["runs/tiny-77"]
    assert (kit.work / "mine").read_text() == "mine"


def test_run_directory_with_the_only_copy_of_a_branchs_weights_stays(kit: Kit) -> None:
    folder = kit.run("77", 99)
    kit.history(MAIN, train="9")
    assert kit.collect() == []
    kit.result("9", 1)
    kit.collect()

    assert not folder.exists()


def test_bytes_are_those_that_the_disk_gets_back(kit: Kit) -> None:
    folder = kit.run("77", 99)
    kit.store.keep(digest("a"), {"stage": "train", "name": "x", "kept": NOW - DAY}, folder, ["train"])
    small = (folder / "run.json").stat().st_size
    alone = kit.collect(dry=True)
    both = kit.collect(policy(keep_days=1), dry=True, now=NOW + 1)
    entry = (kit.store.result(digest("a")) / "entry.json").stat().st_size

    assert [one.bytes for one in alone] == [small]
    assert [one.bytes for one in both] == [entry, small + 500]
    assert kit.collect(policy(keep_days=1), now=NOW + 1) == both


def part(kit: Kit, name: str) -> Path:
    folder = kit.store.root / name
    folder.mkdir(parents=True)
    (folder / "file").write_text("x" * 10)
    return folder


def test_what_killed_processes_left_goes_after_a_day(kit: Kit) -> None:
    left = [
        part(kit, f"results/.{digest('a')}.0123abcd.part"),
        part(kit, f"results/.{digest('a')}.0123abcd.old.part"),
        part(kit, "records/tiny/.ffff-77.0123abcd.part"),
    ]
    part(kit, f"results/{digest('a')}")
    cut = part(kit, "runs/.tiny-77.0123abcd.gc.part")
    mine = [
        part(kit, "results/.mine.part"),
        part(kit, "runs/.tiny-77.0123abcd.part"),
        part(kit, "other/.x.0123abcd.part"),
    ]
    now = left[0].stat().st_mtime
    soon = kit.collect(now=now + DAY / 2)
    assert [(one.what, one.bytes) for one in soon] == [("runs/.tiny-77.0123abcd.gc.part", 10)]
    assert not cut.exists()
    kit.collect(now=now + 2 * DAY)

    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in mine)


def test_part_that_is_still_written_to_is_no_leftover(kit: Kit) -> None:
    folder = part(kit, f"results/.{digest('a')}.0123abcd.part")
    os.utime(folder, (0, 0))
    os.utime(folder / "file", (0, 0))  # as a copy keeps its source's time

    assert kit.collect(now=folder.stat().st_ctime + 60) == []


def test_what_a_kill_took_away_between_two_renames_comes_back(kit: Kit) -> None:
    kit.result("a", 1)
    old = kit.store.root / "results" / f".{digest('a')}.0123abcd.old.part"
    kit.store.result(digest("a")).rename(old)
    part(kit, f"results/.{digest('a')}.0123abcd.part")
    now = old.stat().st_ctime
    assert kit.collect(now=now + 1) == []
    said = kit.collect(dry=True, now=now + 100)
    done = kit.collect(now=now + 100)

    assert done == said
    assert [(one.what, one.state) for one in done] == [(f"results/{digest('a')}", "restored")]
    assert kit.store.find(digest("a")) is not None


def test_what_is_made_anew_meanwhile_is_not_brought_back(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.result("a", 1)
    kit.store.result(digest("a")).rename(kit.store.root / "results" / f".{digest('a')}.0123abcd.old.part")
    jobs = retention._jobs

    def then_made(*arguments: Any) -> list[Any]:
        found = jobs(*arguments)
        kit.result("a", 0)
        return found

    monkeypatch.setattr(retention, "_jobs", then_made)

    assert kit.collect(now=time.time() + 100) == []
    assert (kit.store.find(digest("a")) or {})["kept"] == NOW


def test_only_one_cleans_up_at_a_time(kit: Kit) -> None:
    with kit.store.locked("gc", None), pytest.raises(Busy):
        kit.collect()


def test_nothing_goes_where_the_history_cannot_be_read(kit: Kit) -> None:
    kit.result("a", 40)
    (kit.store.root / "history.jsonl").mkdir()
    with pytest.raises(ToolError, match="cannot be read"):
        kit.collect(policy(keep_days=1))

    assert kit.left() == "a"


def test_what_the_system_refuses_is_told(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.result("a", 40)
    kit.result("b", 40)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path / "file"))

    monkeypatch.setattr(removal.shutil, "rmtree", refuse)
    done = kit.collect(policy(keep_days=1))

    assert [one.state for one in done] == ["failed", "failed"]
    assert done[0].why.endswith("file: Permission denied")


def test_removal_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    for moment in range(1, 100):
        (tmp_path / str(moment)).mkdir()
        kit = Kit(tmp_path / str(moment))
        for letter, days in (("a", 3), ("b", 2)):
            kit.result(letter, days)
        kit.run("77", 8)
        was = killed(lambda kit=kit: kit.collect(policy(keep_runs=1)), moment)  # type: ignore[misc]
        assert (kit.store.find(digest("a")) is None) is not (kit.store.result(digest("a")).exists())
        kit.collect(policy(keep_runs=1))

        names = [path.relative_to(kit.store.root).as_posix() for path in kit.store.root.rglob("*") if path.is_file()]
        assert kit.left() == "b"
        assert not [name for name in names if ".part" in name or name.startswith("runs")]
        if not was:
            break
    assert moment > 6


class Counted(Folder):
    """A store that notes what a bucket would be asked for."""

    asked: list[tuple[str, float]]

    def gc(self, keep: set[str], older_than: float, *, dry: bool) -> tuple[int, int]:
        self.asked.append(("".join(sorted(one[0] for one in keep)), (NOW - older_than) / DAY))
        return len(keep), 10


def test_bucket_is_asked_by_rule_for_what_nobody_needs(kit: Kit) -> None:
    """By count nothing younger than a month goes: of what no record names, nobody knows whose it is."""
    for letter, days in (("a", 40), ("b", 30), ("c", 20)):
        one = Record(name="tiny", fingerprint=digest("f"), resolved={}, started=NOW - days * DAY, run=letter, ref=PULL)
        one.stages["train"] = StageRecord(state="succeeded", digest=digest(letter), execution="x", started=0.0)
        one.stages["evaluate"] = StageRecord(state="succeeded", digest=digest("e"), execution="x", started=0.0)
        one.stages["gate"] = StageRecord(state="failed", digest=digest("9"), execution="x", started=0.0)
        records.write(kit.work, one)
        kit.store.put("tiny", letter, kit.work, [records.FILE])
    kit.history(MAIN, train="a")
    store = Counted(kit.store.root)
    rules = {
        "none": (policy(), [], []),
        "days": (policy(keep_days=7), ["store.keep_days"], [("ae", 7)]),
        "runs": (policy(keep_runs=2), ["store.keep_runs"], [("abce", 30)]),
        "both": (policy(keep_days=7, keep_runs=1), ["store.keep_days", "store.keep_runs"], [("ae", 7), ("ace", 30)]),
    }
    for place, named, asked in rules.values():
        store.asked = []
        found = list(in_bucket(store, place, True, NOW))  # type: ignore[arg-type] # as far as it is asked

        assert [rule for rule, _, _ in found] == named
        assert store.asked == asked
