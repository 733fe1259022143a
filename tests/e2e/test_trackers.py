"""The trackers' own clients, for real: W&B and SwanLab write to disk, MLflow to a stand-in."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import swiftci
from tests.standin import mlflow

pytestmark = pytest.mark.real

SHORT = ("train.args.max_steps=2", "train.args.save_steps=2", "train.args.logging_steps=1", "evaluate=none", "gate=[]")
KEY = "a-tracker-key-that-nobody-may-see"


def sets(*values: str) -> list[str]:
    return [word for value in (*SHORT, *values) for word in ("--set", value)]


def test_wandb_and_swanlab_get_the_runs_id_and_leave_the_repository_clean(repository: Path) -> None:
    before = {path.name for path in repository.iterdir()}
    values = sets("train.args.report_to=[wandb, swanlab]", "train.args.swanlab_mode=local")

    done = swiftci(repository, "run", "configs/tiny.yaml", *values, WANDB_MODE="offline")

    assert done.returncode == 0, done.stdout + done.stderr
    folder = repository / ".swiftci/runs/tiny"
    run = json.loads((folder / "tracker.json").read_text())["id"]
    assert [path.name.endswith(run) for path in (folder / "tracker/wandb").glob("offline-run-*")] == [True]
    assert [path.name.endswith(run) for path in (folder / "tracker/swanlog").glob("run-*")] == [True]
    assert {path.name for path in repository.iterdir()} == before | {".swiftci"}


def test_mlflow_gets_the_metrics_and_the_report_links_its_run(repository: Path) -> None:
    (repository / "swiftci.yaml").write_text(
        (repository / "swiftci.yaml").read_text().replace("{hub: HF_TOKEN}", "{tracker: MLFLOW_TRACKING_TOKEN}")
    )
    with mlflow.server(KEY) as server:
        values = sets("train.args.report_to=mlflow", f"train.env.MLFLOW_TRACKING_URI={server.url}")

        done = swiftci(repository, "run", "configs/tiny.yaml", *values, MLFLOW_TRACKING_TOKEN=KEY)

        assert done.returncode == 0, done.stdout + done.stderr
        assert server.refused == 0
        (run,) = server.runs
        assert {one for one, _, _ in server.metrics} == {run}
        assert "loss" in {key for _, key, _ in server.metrics}
    folder = repository / ".swiftci/runs/tiny"
    assert f"{server.url}/#/experiments/1/runs/{run}" in (folder / "report.md").read_text()
    for path in folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_a_tracker_without_its_key_is_told_before_a_model_is_loaded(repository: Path) -> None:
    done = swiftci(repository, "run", "configs/tiny.yaml", *sets("train.args.report_to=swanlab"))

    assert done.returncode == 4
    assert "SWANLAB_API_KEY is not set" in done.stderr
    assert not (repository / ".swiftci/runs/tiny/logs/train.log").exists()
