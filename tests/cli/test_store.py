"""`swiftci store ls` and `show`: what is kept, and that hostile or damaged records do no harm."""

import json
from typing import Any

import pytest

from tests.cli.stores import START, A, B, F, Store, resolved
from tests.conftest import Repo


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
