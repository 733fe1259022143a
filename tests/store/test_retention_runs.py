"""Which run directories of a store go, and what beside them is not ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.project import Storage
from swiftci.store.retention import DAY
from tests.store.kit import MAIN, NOW, Kit, digest, locked, policy

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
