"""`swiftci store fsck` and `gc`: whether what is kept is whole, and what may go."""

import os
import time
from pathlib import Path

import pytest

from tests.cli.stores import PROJECT, START, A, B, F, Store
from tests.conftest import Repo


def test_damaged_record_is_left_out_and_fsck_tells_it(repo: Repo, store: Store) -> None:
    store.run("76")
    store.run("77")
    (store.folder.root / "records/tiny" / f"{F[:16]}-76" / "run.json").write_text("[" * 100_000)

    assert repo.swiftci("store", "ls").out.count("\n") == 2
    done = repo.swiftci("store", "fsck")

    assert done.code == 4
    assert done.out == (
        f"error: records/tiny/{F[:16]}-76: its run.json cannot be read (it is nested too deeply); "
        f"what it said is lost: remove it\n{repo.root}/.swiftci: 1 fault (--deep reads every byte)\n"
    )


def test_fsck_reads_every_byte_on_request(repo: Repo, store: Store) -> None:
    store.result(A)
    weights = store.folder.result(A) / "files/train/checkpoint-10/weights"
    weights.write_bytes(b"x" * weights.stat().st_size)

    assert repo.swiftci("store", "fsck").code == 0
    done = repo.swiftci("store", "fsck", "--deep")

    assert done.code == 4
    assert "has another content than it was kept with; remove it, and the next run makes it again\n" in done.out


def test_leftovers_are_notices(repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.folder.root / "results" / f".{A}.0123abcd.part").mkdir(parents=True)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    done = repo.swiftci("store", "fsck", "--deep")

    assert done.code == 0
    assert done.out.splitlines() == [
        f"notice: results/.{A}.0123abcd.part: a killed process left it; `swiftci store gc` removes it",
        f"{repo.root}/.swiftci: sound",
    ]


def test_gc_says_what_would_go_and_then_removes_it(repo: Repo, store: Store) -> None:
    repo.write({"swiftci.yaml": f"{PROJECT}store: {{path: /data, keep_runs: 1}}\n"})
    store.result(A, kept=START)
    store.result(B, kept=START + 1)

    said = repo.swiftci("store", "gc", "--dry-run")
    assert said.code == 0
    assert said.out.splitlines() == [
        "would go  results/aaaaaaaaaaaaaaaa…  store.keep_runs is 1, and tiny has newer ones  1.5 MB",
        f"{repo.root}/.swiftci: 1.5 MB would be freed",
    ]
    assert store.folder.find(A) is not None
    done = repo.swiftci("store", "gc")

    assert done.out.splitlines() == [
        "removed  results/aaaaaaaaaaaaaaaa…  store.keep_runs is 1, and tiny has newer ones  1.5 MB",
        f"{repo.root}/.swiftci: 1.5 MB freed",
    ]
    assert (store.folder.find(A), store.folder.find(B) is None) == (None, False)
    assert repo.swiftci("store", "gc").out == f"{repo.root}/.swiftci: nothing to remove\n"


def test_gc_beside_another_is_refused(repo: Repo, store: Store) -> None:
    with store.folder.locked("gc", None):
        done = repo.swiftci("store", "gc")

    assert done.code == 6
    assert "another swiftci cleans up" in done.err


def test_gc_that_could_not_remove_says_so(repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"swiftci.yaml": f"{PROJECT}store: {{path: /data, keep_days: 1}}\n"})
    store.result(A, kept=1.0)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "weights")

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    done = repo.swiftci("store", "gc")

    assert done.code == 4
    assert "failed  results/aaaaaaaaaaaaaaaa…  weights: Permission denied  0 bytes" in done.out
