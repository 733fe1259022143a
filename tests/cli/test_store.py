"""`swiftci store`: what is kept, whether it is whole, and what may go."""

import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import Record, StageRecord
from tests.conftest import Repo

PROJECT = "actions: swiftci/swiftci@v1\n"
A, B, F = "a" * 64, "b" * 64, "f" * 64
START = 1_794_744_000.0


class Store:
    """A store to fill."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self.work = root.parent / "work"

    def run(self, run: str, *, name: str = "tiny", started: float = START, train: str = A, **more: Any) -> None:
        """Keeps a record, with its small files."""
        shutil.rmtree(self.work, ignore_errors=True)
        outputs = {"checkpoint": "train/checkpoint-10", "steps": 10, "loss": 0.5}
        stage = StageRecord(
            state="succeeded", digest=train, execution="x", started=started, seconds=90, outputs=outputs
        )
        one = Record(
            name=name, fingerprint=F, resolved=resolved(name), started=started, run=run, stages={"train": stage}
        )
        one.verdict, one.gpu_seconds, one.ref, one.commit = "pass", 5400.0, "refs/heads/main", "0123456789abcdef"
        records.write(self.work, one)
        (self.work / "run.json").write_text(json.dumps(asdict(one) | more))
        write(self.work, "verdict.json", {"reasons": [{"verdict": "pass", "text": "it is good enough"}]})
        write(self.work, "metrics.json", {"metrics": [metric("qa.f1", 0.25), metric("qa.em", 0.75)]})
        self.folder.put(name, f"{F[:16]}-{run}", self.work, records.SMALL)

    def result(self, digest: str, *, kept: float = START) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        (self.work / "train/checkpoint-10").mkdir(parents=True)
        (self.work / "train/checkpoint-10/weights").write_bytes(b"w" * 1_500_000)
        entry = {"digest": digest, "stage": "train", "name": "tiny", "kept": kept}
        self.folder.keep(digest, entry, self.work, ["train"])


def resolved(name: str) -> dict[str, Any]:
    config = {
        "name": name,
        "train": {"args": {"model": "Qwen/Qwen3-8B", "max_steps": "10"}, "env": {}},
        "evaluate": None,
    }
    return {"config": config | {"gate": [{"metric": "qa.em"}]}, "path": "configs/tiny.yaml", "project": {}}


def metric(key: str, value: object) -> dict[str, Any]:
    dataset, _, name = key.partition(".")
    return {"subject": "candidate", "dataset": dataset, "subset": None, "metric": name, "value": value, "items": 4}


def write(folder: Path, name: str, data: object) -> None:
    (folder / name).write_text(json.dumps(data))


@pytest.fixture
def store(repo: Repo) -> Store:
    repo.write({"swiftci.yaml": PROJECT})
    return Store(repo.root / ".swiftci")


def test_runs_are_listed_newest_first_and_aligned_though_names_are_wide(repo: Repo, store: Store) -> None:
    store.run("77", started=START)
    store.run("78", started=START + 86_400, train=B)
    store.run("1", name="千问", started=START - 60, ref="refs/pull/7/merge", verdict="fail", gpu_seconds=0)
    store.result(A)

    done = repo.swiftci("store", "ls")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "name  run                  when (UTC)        ref           commit    verdict  result      GPU hours  weights",
        "tiny  ffffffffffffffff-78  2026-11-16 12:00  main          01234567  pass     qa.em 0.75        1.5     gone",
        "tiny  ffffffffffffffff-77  2026-11-15 12:00  main          01234567  pass     qa.em 0.75        1.5   1.5 MB",
        "千问  ffffffffffffffff-1   2026-11-15 11:59  pull/7/merge  01234567  fail     qa.em 0.75        0.0   1.5 MB",
    ]
    assert repo.swiftci("store", "ls", "tiny").out.count("\n") == 3


def test_list_is_data_on_request(repo: Repo, store: Store) -> None:
    store.run("77")

    assert json.loads(repo.swiftci("store", "ls", "--format", "json").out) == [
        {
            "name": "tiny",
            "run": f"{F[:16]}-77",
            "started": START,
            "ref": "refs/heads/main",
            "commit": "0123456789abcdef",
            "verdict": "pass",
            "steps": 10,
            "loss": 0.5,
            "metrics": {"qa.em": 0.75},
            "gpu_hours": 1.5,
            "weights": False,
            "weights_bytes": None,
        }
    ]


def test_store_without_runs_says_so(repo: Repo, store: Store) -> None:
    assert repo.swiftci("store", "ls").out == f"{repo.root}/.swiftci keeps no runs\n"
    assert json.loads(repo.swiftci("store", "ls", "--format", "json").out) == []
    assert repo.swiftci("store", "fsck").code == repo.swiftci("store", "gc").code == 0


def test_run_is_shown_in_full(repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"train.args.model": "Qwen/Qwen3-8B", "content of data.jsonl": A, "version of torch": "2.13.0"}
    budget = {"config": resolved("tiny")["config"], "project": {"budget": {"currency": "CNY"}}}
    store.run("77", actor="alice", cost=18.75, versions={"ms_swift": "4.6.0"}, parts=parts, resolved=budget)
    store.result(A)
    monkeypatch.setenv("COLUMNS", "120")

    done = repo.swiftci("store", "show", "tiny")

    assert (done.code, done.err) == (0, "")
    lines = [line.split(maxsplit=1) for line in done.out.splitlines()]
    assert done.out.startswith(f"tiny/{F[:16]}-77: pass\n  pass: it is good enough\n")
    for line in [
        ["by", "alice"],
        ["cost", "18.75 CNY"],
        ["weights", f"{repo.root}/.swiftci/results/{A}/files/train/checkpoint-10 (1.5 MB)"],
        ["train", "succeeded in 2 min"],
        ["qa.em", "0.75"],
        ["ms_swift", "4.6.0"],
        ["train.args.max_steps", "10"],
        ["train.env", "{}"],
    ]:
        assert line in lines
    assert done.out.count("train.args.model") == 1
    assert done.out.split("\n\n")[-1].splitlines() == [
        "what else decides the result",
        f"  content of data.jsonl  {A}",
        "  version of torch       2.13.0",
    ]


@pytest.mark.parametrize("text", ["tiny", f"tiny/{F[:16]}-77", f"{F[:16]}-77", "77"])
def test_run_goes_by_several_names(repo: Repo, store: Store, text: str) -> None:
    store.run("76", started=START - 1)
    store.run("77")

    assert repo.swiftci("store", "show", text).out.startswith(f"tiny/{F[:16]}-77: pass\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["show", "tinny"], "keeps no run \"tinny\"\n  hint: did you mean tiny? runs are kept of other, tiny\n"),
        (["ls", "tinny"], "keeps no run \"tinny\"\n  hint: did you mean tiny?"),
        (["show", "77"], f"\"77\" may be tiny/{F[:16]}-77 or other/{F[:16]}-77\n  hint: name it as NAME/RUN\n"),
        (["show", "../../etc"], "keeps no run \"../../etc\""),
        (["show", "a\0\x1b[2J"], "keeps no run \"a\\x00\\x1b[2J\""),
        (["ls", "*"], "keeps no run \"*\""),
        (["ls", "--path", "/nowhere"], "\"/nowhere\" holds no store\n"),
    ],
)  # fmt: skip
def test_mistake_is_explained(repo: Repo, store: Store, argv: list[str], message: str) -> None:
    store.run("77", started=START + 1)
    store.run("77", name="other")
    store.result(A)

    done = repo.swiftci("store", *argv)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


HOSTILE: dict[str, dict[str, Any]] = {
    "controls": {"ref": "\x1b[2J\nmain", "commit": "\x9b31m", "verdict": "\u202eevil", "actor": "\r"},
    "other types": {"ref": ["x"], "commit": 5, "verdict": {}, "started": "x", "gpu_seconds": [], "stages": []},
    "other types inside": {
        "stages": {"train": 1, "x": None},
        "resolved": [],
        "parts": [],
        "versions": 1,
        "hardware": 0,
    },
    "odd numbers": {"started": 1e300, "gpu_seconds": 10**400, "cost": True, "spent_seconds": -1},
    "odd stage": {"stages": {"train": {"state": "succeeded", "digest": ["x"], "outputs": [], "tries": "many"}}},
    "leads out": {"stages": {"train": {"state": "succeeded", "digest": "../../x", "outputs": {"checkpoint": "/etc"}}}},
    "huge": {"ref": "x" * 1_000_000, "parts": {"y" * 100_000: "z" * 1_000_000}, "actor": "千" * 100_000},
    "deep": {"parts": {"deep": json.loads("[" * 200 + "]" * 200)}},
}


@pytest.mark.parametrize("more", HOSTILE.values(), ids=HOSTILE)
def test_record_of_somebody_elses_making_is_shown_harmlessly(
    repo: Repo, store: Store, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    store.run("77", **more)

    for argv in (["ls"], ["ls", "--format", "json"], ["show", "tiny"]):
        done = repo.swiftci("store", *argv)
        assert (done.code, done.err) == (0, "")
        assert all(c == "\n" or c.isprintable() for c in done.out) or "json" in argv
        assert max(map(len, done.out.splitlines())) < 260 or "json" in argv


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"metrics": [1], "reasons": [2]}', '{"reasons": 3}'])
def test_damaged_small_files_cost_only_what_they_say(repo: Repo, store: Store, text: str) -> None:
    store.run("77")
    for name in ("metrics.json", "verdict.json"):
        (store.folder.root / "records/tiny" / f"{F[:16]}-77" / name).write_text(text)

    assert "10 steps, loss 0.5" in repo.swiftci("store", "ls").out
    assert repo.swiftci("store", "show", "tiny").code == 0


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
    assert "failed  results/aaaaaaaaaaaaaaaa…  weights: Permission denied  0 B" in done.out


def test_store_on_the_gpu_machine_is_named_by_its_path(repo: Repo, store: Store) -> None:
    other = Store(repo.root / "data/team/models")
    other.run("99")

    assert "-99" in repo.swiftci("store", "ls", "--path", "data/team/models").out
    done = repo.swiftci("store", "ls", "--path", "data")
    assert done.code == 2
    assert done.err == 'swiftci: error[usage]: "data" holds no store\n  hint: below it: data/team/models\n'


def test_nothing_is_kept_on_a_runner_without_a_store(repo: Repo, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    done = repo.swiftci("store", "ls")

    assert done.code == 2
    assert "no store is set, so nothing outlives a job" in done.err
