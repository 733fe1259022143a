"""Cleaning up a store that others use meanwhile, or where the system refuses."""

from pathlib import Path

import pytest

from swiftci.spec.error import Busy, ToolError
from swiftci.store import removal
from tests.store.kit import MAIN, Kit, digest, locked, policy


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
