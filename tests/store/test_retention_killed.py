"""What killed processes left in a store goes, comes back, or is finished."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from swiftci.store import retention
from swiftci.store.retention import DAY
from tests.store.killed import killed
from tests.store.kit import NOW, Kit, digest, policy


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
