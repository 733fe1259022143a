"""`swiftci run` with the real ms-swift and EvalScope on a tiny model."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import swiftci

pytestmark = pytest.mark.real

TOKEN = "hf_this-is-a-secret-that-must-not-be-seen"


def test_a_config_becomes_a_trained_evaluated_and_judged_model(repository: Path) -> None:
    done = swiftci(repository, "run", "configs/tiny.yaml", HF_TOKEN=TOKEN)

    assert done.returncode == 0, done.stdout + done.stderr
    folder = repository / ".swiftci/runs/tiny"
    results = json.loads((folder / "eval_results.json").read_text())
    assert results["verdict"] == "pass"
    assert results["metrics"]["general_qa.rouge-l-recall"] >= 0.5
    assert (folder / "train/checkpoint-100/model.safetensors").is_file()
    assert not (folder / "train/checkpoint-50").exists()
    assert "<svg" in (folder / "report.html").read_text()
    seen = done.stdout + done.stderr
    for path in folder.rglob("*"):
        seen += path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    assert TOKEN not in seen

    again = swiftci(repository, "run", "configs/tiny.yaml")

    assert again.returncode == 0
    assert [line for line in again.stdout.splitlines() if line.startswith("= ")] == [
        f"= {stage}: as before, nothing of its inputs changed"
        for stage in ("evaluate-base", "train", "evaluate", "report")
    ]


def test_an_adapter_is_trained_and_scored_on_its_base(repository: Path) -> None:
    argv = (
        "--set",
        "train.args.tuner_type=lora",
        "--set",
        "train.args.max_steps=4",
        "--set",
        "train.args.save_steps=4",
    )

    done = swiftci(repository, "run", "configs/tiny.yaml", "--set", "evaluate.base=false", *argv)

    assert done.returncode == 3, done.stdout + done.stderr  # four steps teach nothing, and the gate says so
    folder = repository / ".swiftci/runs/tiny"
    assert (folder / "train/checkpoint-4/adapter_model.safetensors").is_file()
    assert json.loads((folder / "verdict.json").read_text())["verdict"] == "fail"


def test_an_argument_that_ms_swift_refuses_is_shown_with_its_own_words(repository: Path) -> None:
    argv = ("--set", "evaluate.base=false", "--set", "train.args.lr_scheduler_type=cosinee")

    done = swiftci(repository, "run", "configs/tiny.yaml", *argv)

    assert done.returncode == 4
    assert "cosinee is not a valid SchedulerType" in done.stderr
    assert "train.log" in done.stderr
