"""What runs share: results by digest, what another left unfinished, and who makes a result when two want it."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.fake.repository import Repository, wait_for


def entry(folder: Path, call: str) -> dict[str, object]:
    return dict(json.loads((folder / "run.json").read_text())["stages"][call])


def test_another_run_takes_what_the_first_made(done: Repository) -> None:
    ran = done.run("--run-dir", "other")

    assert (ran.code, done.called) == (0, [])
    for call in ("evaluate-base", "train", "evaluate"):
        assert f"= {call}: taken from the store, made by run local-" in ran.out
    assert (done.root / "other/train/checkpoint-10/adapter_config.json").is_file()
    assert json.loads((done.root / "other/metrics.json").read_text()) == json.loads(
        (done.folder / "metrics.json").read_text()
    )
    assert ran.out.splitlines()[-1].endswith("verdict: pass")


def test_another_benchmark_is_evaluated_without_a_training(done: Repository) -> None:
    ran = done.run("--run-dir", "other", "--set", "evaluate.args.limit=5", "--until", "gate")

    assert (ran.code, done.called) == (0, ["evaluate-base", "evaluate"])


def test_result_is_not_taken_where_a_version_differs(done: Repository) -> None:
    versions = {"python": "3.11.9", "ms_swift": "4.7.0", "evalscope": "1.14.1", "torch": "2.13.0"}
    done.run("--run-dir", "other", "--until", "train", FAKE_VERSIONS=json.dumps(versions))

    assert done.called == ["evaluate-base", "train"]


def test_damaged_result_is_made_anew(done: Repository) -> None:
    for path in (done.root / ".swiftci/results").glob("*/files/train/checkpoint-10/adapter_config.json"):
        path.write_bytes(b"half")
    done.run("--run-dir", "other", "--until", "train")

    assert done.called == ["train"]


OTHERS = {
    "an output less": {"outputs": {"checkpoint": "train/checkpoint-10", "loss": 1.0, "dropped": 0}},
    "an output more": {"outputs": {"checkpoint": "x", "steps": 1, "loss": 1.0, "dropped": 0, "colour": "red"}},
    "another type": {"outputs": {"checkpoint": "x", "steps": "ten", "loss": 1.0, "dropped": 0}},
    "a time of no size": {"seconds": 10**400},
    "half a pair": {"url": "\ud800"},
    "no number of JSON's": {"exit": float("nan")},
}


@pytest.mark.parametrize("changed", OTHERS.values(), ids=OTHERS)
def test_result_of_another_version_or_hand_is_made_anew(done: Repository, changed: dict[str, object]) -> None:
    for path in (done.root / ".swiftci/results").glob("*/entry.json"):
        data = json.loads(path.read_text())
        if data["entry"]["stage"] == "train":
            path.write_text(json.dumps(data | {"entry": data["entry"] | changed}))
    ran = done.run("--run-dir", "other", "--until", "train")

    assert (ran.code, done.called) == (0, ["train"]), ran.text


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.real)])
def test_of_two_that_want_one_result_one_makes_it(repository: Repository, rounds: int) -> None:
    for number in range(rounds):
        repository.forget()
        argv = ("run", "configs/tiny.yaml", "--until", "train", "--set", f"train.args.seed={number}", "--run-dir")
        both = [repository.start(*argv, f"runs/{number}-{name}") for name in "ab"]
        said = [one.communicate(timeout=120) for one in both]

        assert [one.returncode for one in both] == [0, 0], said
        assert repository.called == ["train"], number
        entries = [entry(repository.root / f"runs/{number}-{name}", "train") for name in "ab"]
        assert entries[0]["execution"] == entries[1]["execution"]
        assert sum(bool(one["origin"]) for one in entries) == 1
        for name in "ab":
            assert (repository.root / f"runs/{number}-{name}/train/checkpoint-10/adapter_config.json").is_file()


def test_one_that_waits_takes_over_from_one_that_is_killed(repository: Repository) -> None:
    argv = ("run", "configs/tiny.yaml", "--until", "train", "--run-dir")
    first = repository.start(*argv, "runs/a", FAKE_HANG="train")
    wait_for(lambda: repository.called == ["train"])
    second = repository.start(*argv, "runs/b")
    assert second.stdout
    while "another run makes this very result; waiting for it" not in (line := second.stdout.readline()):
        assert line, "it did not wait"
    first.kill()
    first.communicate()
    second.communicate(timeout=60)

    assert second.returncode == 0
    assert repository.called == ["train", "train"]


def cut_off(repository: Repository, number: signal.Signals = signal.SIGKILL) -> None:
    """A training that saved step 5, and was ended then."""
    process = repository.start("run", "configs/tiny.yaml", FAKE_HANG="train", FAKE_SAVED="5")
    wait_for(lambda: "train" in repository.called and (repository.folder / "logs/train.log").exists())
    wait_for(lambda: "hanging" in (repository.folder / "logs/train.log").read_text(errors="replace"))
    process.send_signal(number)
    process.communicate(timeout=60)
    repository.forget()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_training_goes_on_from_its_checkpoint(repository: Repository, number: signal.Signals) -> None:
    cut_off(repository, number)
    ran = repository.run("--until", "train")

    assert ran.code == 0, ran.text
    argv = repository.calls[0]["argv"]
    assert argv[argv.index("--resume_from_checkpoint") + 1] == str(repository.folder / "train/checkpoint-5")
    assert "train: going on from step 5 of 10" in ran.out
    assert repository.record["stages"]["train"]["outputs"]["resumed"] == 5


def test_changed_argument_begins_anew(repository: Repository) -> None:
    cut_off(repository)
    repository.run("--until", "train", "--set", "train.args.seed=7")

    assert "--resume_from_checkpoint" not in repository.calls[0]["argv"]


def test_checkpoint_without_an_optimizer_is_said(repository: Repository) -> None:
    cut_off(repository)
    (repository.folder / "train/checkpoint-5/optimizer.pt").unlink()
    ran = repository.run("--until", "train")

    assert "going on from step 5 of 10; checkpoint-5 lacks the optimizer's state" in ran.out


def test_another_run_goes_on_with_what_was_left_unfinished(repository: Repository) -> None:
    cut_off(repository)
    ran = repository.run("--until", "train", "--run-dir", str(repository.root / ".swiftci/runs/tiny-2"))

    assert ran.code == 0, ran.text
    assert "train: going on with what tiny left unfinished" in ran.out
    argv = repository.calls[0]["argv"]
    assert argv[argv.index("--resume_from_checkpoint") + 1].endswith("runs/tiny-2/train/checkpoint-5")
    assert not (repository.folder / "train").exists()


def test_training_that_diverged_is_not_gone_on_with_by_another(repository: Repository) -> None:
    cut_off(repository)
    record = repository.record
    record["stages"]["train"] |= {"state": "failed", "kind": "data"}
    (repository.folder / "run.json").write_text(json.dumps(record))
    ran = repository.run("--until", "train", "--run-dir", str(repository.root / ".swiftci/runs/tiny-2"))

    assert "going on" not in ran.out
    assert (repository.folder / "train/checkpoint-5").exists()


def test_unfinished_run_in_work_is_left_alone(repository: Repository) -> None:
    process = repository.start("run", "configs/tiny.yaml", FAKE_HANG="train", FAKE_SAVED="5")
    wait_for(lambda: "train" in repository.called)
    other = repository.start("run", "configs/tiny.yaml", "--until", "train", "--run-dir", ".swiftci/runs/tiny-2")
    time.sleep(1.5)

    assert repository.called == ["train"]
    assert (repository.folder / "train/checkpoint-5").exists()
    for one in (other, process):
        one.kill()
        one.communicate()


def test_what_a_retry_can_mend_is_tried_again(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("swiftci.tools.retry.FIRST_SECONDS", 30)
    monkeypatch.setattr("swiftci.engine.carry.time.sleep", waited.append)
    (repository.root / "fails").write_text("2")
    ran = repository.run("--until", "train", FAKE_FAILS=str(repository.root / "fails"))

    assert ran.code == 0, ran.text
    assert repository.called == ["train", "train", "train"]
    assert [seconds for seconds in waited if seconds >= 1] == [30, 60]
    assert repository.record["stages"]["train"]["tries"] == 3


def test_retries_have_an_end(repository: Repository) -> None:
    (repository.root / "fails").write_text("9")
    repository.config["limits"] = {"retries": 1}
    repository.write()
    ran = repository.run("--until", "train", FAKE_FAILS=str(repository.root / "fails"))

    assert ran.code == 5
    assert repository.called == ["train", "train"]


def test_history_says_which_run_is_newest(done: Repository) -> None:
    done.run("--force")
    lines = [json.loads(line) for line in (done.root / ".swiftci/history.jsonl").read_text().splitlines()]

    assert [one["name"] for one in lines] == ["tiny", "tiny"]
    assert lines[0]["time"] < lines[1]["time"]
    assert lines[1]["verdict"] == "pass"
    assert set(lines[1]["digests"]) >= {"train", "evaluate", "evaluate-base"}
