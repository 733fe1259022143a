"""swiftci told to stop, or killed, in every stage; and what the next run makes of it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fake.repository import Repository, alive, wait_for

KILL, INT, TERM = signal.SIGKILL, signal.SIGINT, signal.SIGTERM
CALLS = ("download", "evaluate-base", "train", "evaluate", "gate", "report", "cleanup")
TOOLS = ("evaluate-base", "train", "evaluate")


@dataclass
class Stuck:
    """A swiftci that stands still within a stage."""

    repository: Repository
    process: "subprocess.Popen[str]"
    read: int

    def stop(self, number: signal.Signals) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        self.process.send_signal(number)
        drain = threading.Thread(target=self._drain)
        drain.start()
        _, error = self.process.communicate(timeout=20)
        drain.join()
        return self.process.returncode, error

    def _drain(self) -> None:
        while os.read(self.read, 65536):
            pass

    def no_child_is_left(self) -> bool:
        return not any(alive(one["pid"]) for one in self.repository.calls)


@contextmanager
def stuck(repository: Repository, call: str) -> Iterator[Stuck]:
    """Runs swiftci, which in `call` waits for what never comes: a pipe with no reader, a file with no writer, a tool.

    All calls before the first tool that hangs are as `repository` has them.
    """
    folder = repository.folder
    read, write = os.pipe()
    environ = dict(repository.environ)
    if call == "download":
        os.set_blocking(write, False)
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        os.write(write, b"x" * 4096)
        os.set_blocking(write, True)
    elif call in TOOLS:
        environ["FAKE_HANG"] = call
        journal = json.loads((folder / "run.json").read_text())
        del journal["stages"][call]
        (folder / "run.json").write_text(json.dumps(journal))
        shutil.rmtree(repository.root / ".swiftci" / "results")
    else:
        pipe = (
            folder
            / {
                "gate": "metrics.json",
                "report": "train/logging.jsonl",
                "cleanup": "train/checkpoint-1/trainer_state.json",
            }[call]
        )
        pipe.parent.mkdir(exist_ok=True)
        if pipe.exists():
            pipe.rename(f"{pipe}.aside")
        os.mkfifo(pipe)
    if call == "report":  # an unchanged one would not be written again
        (folder / "verdict.json").unlink()
    process = subprocess.Popen(
        repository.argv("run", "configs/tiny.yaml"),
        cwd=repository.root,
        env=environ,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    try:
        if call == "cleanup":
            wait_for(lambda: closed(pipe))  # the report asks for checkpoints, too
        wait_for(lambda: repository.states.get(call) == "running")
        if call in TOOLS:
            log = {"train": "train", "evaluate": "evaluate-candidate"}.get(call, call)
            wait_for(lambda: "hanging" in text(folder / "logs" / f"{log}.log"))
        elif call != "download":
            wait_for(lambda: waits(process.pid))
        yield Stuck(repository, process, read)
    finally:
        process.kill()
        os.close(read)
    if call in ("gate", "report", "cleanup"):
        pipe.unlink()
        if Path(f"{pipe}.aside").exists():
            Path(f"{pipe}.aside").rename(pipe)
        if call == "cleanup":
            pipe.parent.rmdir()


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def closed(pipe: Path) -> bool:
    """Whether a reader waited for the pipe, and was told that nothing comes."""
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def waits(pid: int) -> bool:
    """Whether a process sleeps, as one does that opens a pipe which nobody writes to."""
    for _ in range(3):
        time.sleep(0.02)
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            return False
    return True


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "number", [pytest.param(INT, marks=pytest.mark.real), TERM, KILL], ids=["SIGINT", "SIGTERM", "SIGKILL"]
)
def test_stopped_run_goes_on_with_the_first_stage_that_had_not_succeeded(
    done: Repository, call: str, number: signal.Signals
) -> None:
    with stuck(done, call) as one:
        code, error = one.stop(number)
        wait_for(one.no_child_is_left, 5)
    entry = done.record["stages"][call]
    if number is KILL:
        assert (code, error, entry["state"]) == (-KILL, "", "running")
    else:
        assert (code, error) == (130, f"swiftci: stopped by {number.name}\n")
        assert (entry["state"], entry["error"], entry["exit"]) == ("interrupted", f"stopped by {number.name}", 130)
    done.forget()
    ran = done.run()

    assert ran.code == 0, ran.text
    assert done.called == {"train": ["train", "evaluate"]}.get(call, [call] if call in TOOLS else [])
    assert set(done.states.values()) == {"succeeded"}
    assert not list(done.folder.rglob("*.part"))


@pytest.mark.parametrize("number", [INT, TERM])
def test_stop_before_the_first_stage_leaves_no_record(repository: Repository, number: signal.Signals) -> None:
    """A large model's digest takes minutes; here a data set that is a pipe takes for ever."""
    (repository.root / "data" / "train.jsonl").unlink()
    os.mkfifo(repository.root / "data" / "train.jsonl")
    process = repository.start("run", "configs/tiny.yaml")
    wait_for((repository.folder / ".lock").exists)
    wait_for(lambda: waits(process.pid))
    process.send_signal(number)
    _, error = process.communicate(timeout=20)

    assert (process.returncode, error) == (130, f"swiftci: stopped by {number.name}\n")
    assert not (repository.folder / "run.json").exists()


def test_tool_that_will_not_end_is_killed_by_the_second_signal(done: Repository, tmp_path: Path) -> None:
    done.environ |= {"FAKE_DEAF": "1", "FAKE_CHILD": str(tmp_path / "child")}
    with stuck(done, "train") as one:
        one.process.send_signal(INT)
        time.sleep(0.2)  # two that come at once are one
        code, _ = one.stop(INT)
        wait_for(one.no_child_is_left, 5)

    assert code == 130
    wait_for(lambda: not alive(int(text(tmp_path / "child"))), 5)


def test_child_of_a_tool_is_gone_after_a_stop(done: Repository, tmp_path: Path) -> None:
    done.environ["FAKE_CHILD"] = str(tmp_path / "child")
    with stuck(done, "train") as one:
        one.stop(TERM)

    wait_for(lambda: not alive(int(text(tmp_path / "child"))), 5)


def test_stop_of_a_whole_group_is_no_other_than_of_swiftci(done: Repository) -> None:
    """A terminal's Ctrl-C reaches every process of the group; the tool is not in it and is told once."""
    with stuck(done, "train") as one:
        assert os.getpgid(one.repository.calls[-1]["pid"]) != os.getpgid(one.process.pid)
        code, _ = one.stop(INT)

    assert code == 130


def test_training_starts_from_nothing_after_a_kill(done: Repository) -> None:
    """ms-swift would add to the log that the earlier try left."""
    with stuck(done, "train") as one:
        one.stop(KILL)
        wait_for(one.no_child_is_left, 5)
    left = (done.folder / "train" / "logging.jsonl").read_text().count("\n")
    done.run("--until", "train")

    assert left == 31
    assert (done.folder / "train" / "logging.jsonl").read_text().count("\n") == 14


def test_answers_of_an_interrupted_evaluation_do_not_count(done: Repository) -> None:
    """EvalScope would add to the predictions that the earlier try left."""
    with stuck(done, "evaluate") as one:
        one.stop(KILL)
        wait_for(one.no_child_is_left, 5)
    predictions = done.folder / "eval" / "candidate" / "predictions" / "candidate" / "general_qa_items.jsonl"
    left = predictions.read_text().count("\n")
    done.run("--until", "evaluate")

    assert 0 < left < 12
    assert predictions.read_text().count("\n") == 12


def test_evidence_of_an_earlier_training_does_not_outlive_an_interrupted_one(done: Repository) -> None:
    with stuck(done, "train") as one:
        one.stop(TERM)
    ran = done.stage("gate")

    assert ran.code == 4
    assert "invalid: train: stopped by SIGTERM" in ran.out
