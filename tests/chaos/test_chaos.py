"""A few of the kills of `make chaos`: against the fake tools, and the real ones on the tiny model."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from swiftci.store.files import write_text
from swiftci.tools import program
from tests.chaos import checks, lab
from tests.chaos.chaos import Chaos
from tests.chaos.lab import Lab
from tests.chaos.points import (
    BEING_STARTED,
    HALF,
    JUST_NOW,
    NOT_YET,
    PHASES,
    PREDICTIONS,
    RUNS,
    Kill,
    at,
    journal,
    saving,
    scoring,
)
from tests.fake.repository import WITHOUT_CHARTS, Repository, make

FAKE = (
    journal("download=running", NOT_YET),
    HALF,
    journal("train=running", JUST_NOW, "TERM", then=True),
    journal("train=succeeded", NOT_YET),
    at("store write", "a result's third file being linked", r"/results/\..*\.part/", event="os.link", nth=3),
    at("store write", "the training's entry.json not yet in place", r"> .*/entry\.json$"),
    at("store write", "the training's result not yet in place", r"> .*/results/[0-9a-f]+$", "TERM"),
    journal("evaluate=succeeded", JUST_NOW, then=True),
    at("report", "report.md not yet in place", r"> .*/report\.md$", "TERM"),
    at("report", "report.html not yet in place", r"> .*/report\.html$"),
    at("store write", "the run's record half copied", r"/records/.*\.part/report\.html$", event="open"),
    at("store write", "a line of history.jsonl half written", r"/history\.jsonl$", event="open", tear=["", '{"ti']),
)
REAL = (
    journal("train=running", JUST_NOW, then=True),
    saving(3, "the weights cut in half", "/adapter_config.json$", cut="adapter_model.safetensors", tool=True),
    saving(6, "trainer_state.json half written", "/trainer_state.json$", tear=["", '{"best_gl']),
    at("training", "logging.jsonl taken back, not yet in place", r"> .*/train/logging\.jsonl$"),
    scoring("an answer half written", PREDICTIONS, nth=9, tear=["*.jsonl", '{"index": 5, "mod']),
)


def violations(one: Lab, kills: Sequence[Kill], reference: checks.Outcome) -> list[str]:
    """What was lost, done twice or left behind when a run is killed that often on its way."""
    chaos = Chaos("chaos", one, random.Random(4))
    for kill in kills:
        chaos.kill(kill)
    ended = chaos.finish(reference)
    return [f"{hit.kill.what}: {fault}" for hit in chaos.hits for fault in hit.faults] + ended


def fake(root: Path) -> Lab:
    repository = make(root)
    environ = repository.environ | {"PYTHONPATH": str(lab.FAULT)}
    command = (sys.executable, "-c", WITHOUT_CHARTS)
    return Lab(root=root, config="configs/tiny.yaml", name="tiny", environ=environ, command=command)


@pytest.mark.real
def test_run_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path) -> None:
    whole = Chaos("whole", fake(tmp_path / "whole" / "repository"), random.Random(4))
    assert whole.finish(None) == []

    assert violations(fake(tmp_path / "cut" / "repository"), FAKE, checks.outcome(whole.lab)) == []


def test_every_phase_is_killed_at_least_three_times_and_thirty_times_in_all() -> None:
    kills = [kill for run in RUNS.values() for kill in run]

    assert len(kills) >= 30
    assert all(sum(kill.phase == phase for kill in kills) >= 3 for phase in PHASES)
    assert {kill.signal for kill in kills} == {"KILL", "TERM", "both", "runner"}


def test_tool_whose_log_cannot_be_written_is_heard_all_the_same(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", "echo No space left on device; exit 3"]

    ended = program.run(argv, log=Path("/dev/full"), env={}, cwd=tmp_path)

    assert (ended.returncode, ended.tail) == (3, ("No space left on device",))


def test_tool_ends_when_swiftci_is_killed_while_it_starts_it(tmp_path: Path) -> None:
    text = "from pathlib import Path; from swiftci.tools import program\n"
    text += "program.run(['/bin/sleep', '60'], log=Path('log'), env=__import__('os').environ, cwd=Path())"
    one = Lab(root=tmp_path, environ=lab.environment())
    point = json.dumps({**(BEING_STARTED.faulted() or {}), "fired": str(tmp_path / "fired")})

    ran = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, env=one.env(CHAOS=point))

    try:
        assert ran.returncode == -signal.SIGKILL
        assert checks.gone(tmp_path, 3) is not None
    finally:
        for pid in checks.alive(tmp_path):
            os.kill(pid, signal.SIGKILL)


def test_half_a_checkpoint_goes_where_the_disk_is_full(repository: Repository) -> None:
    ran = repository.stage("train", FAKE_SWIFT="disk-full")

    assert ran.code == 4, ran.text
    assert repository.record["stages"]["train"]["kind"] == "disk"
    assert [path.name for path in (repository.folder / "train").glob("checkpoint-*")] == ["checkpoint-5"]


def test_file_that_a_full_disk_does_not_take_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match=r"No space left on device: .*/run.json") as raised:
        write_text(tmp_path / "run.json", "{}")
    assert raised.value.filename == str(tmp_path / "run.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.real
def test_training_that_is_killed_while_it_saves_ends_with_the_same_losses_and_weights(tmp_path: Path) -> None:
    model = lab.model("tiny", tmp_path)
    whole = Chaos("whole", lab.make(tmp_path / "whole", model, "tiny"), random.Random(4))
    assert whole.finish(None) == []

    assert violations(lab.make(tmp_path / "cut", model, "tiny"), REAL, checks.outcome(whole.lab)) == []

    argv = whole.lab.argv("run", whole.lab.config, "--force", "--until", "train")
    subprocess.run(argv, cwd=whole.lab.root, env=whole.lab.env(), check=True, stdout=subprocess.DEVNULL)
    steps, _ = checks.steps_logged(whole.lab.folder / "logs/train.log", b"")
    assert steps == list(range(1, 13)), "forced, it goes on with nothing"
