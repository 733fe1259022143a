"""`swiftci stage`, which a composite action calls: each stage alone, in a process of its own."""

import json
import shutil
from pathlib import Path

import pytest

from tests.fake.repository import Repository, outputs, runner_environ

STAGES = ("download", "train", "evaluate", "gate", "report", "cleanup")


def test_stages_one_by_one_do_what_a_run_does(repository: Repository, tmp_path: Path) -> None:
    environ = runner_environ(tmp_path / "runner")
    for name in STAGES:
        ran = repository.stage(name, **environ)
        assert ran.code == 0, ran.text
    found = outputs((tmp_path / "runner" / "github_output").read_text())

    assert list(repository.states.items()) == [(name, "succeeded") for name in STAGES]
    assert found["run-dir"] == str(repository.folder)
    assert found["artifact"] == "swiftci-tiny-77-1"
    assert found["checkpoint"] == f"{repository.folder}/train/checkpoint-10"
    assert found["dropped"] == "0"
    assert found["verdict"] == "pass"
    assert found["html"] == f"{repository.folder}/report.html"
    assert (tmp_path / "runner" / "summary").read_text().startswith("## ✅ tiny")
    assert repository.record["commit"] == "0123456789abcdef0123456789abcdef01234567"
    assert repository.record["url"] == "https://github.com/team/models/actions/runs/77"


def test_outputs_are_printed_where_there_is_no_runner(repository: Repository) -> None:
    ran = repository.stage("train")

    assert ran.out.endswith(
        f"checkpoint: {repository.folder}/train/checkpoint-10\nsteps: 10\nloss: 5.86507702\ndropped: 0\nresumed: 0\n"
    )


def test_inputs_come_from_an_actions_environment(repository: Repository, tmp_path: Path) -> None:
    environ = {
        "SWIFTCI_CONFIG": "configs/tiny.yaml",
        "SWIFTCI_RUN_DIR": str(tmp_path / "run"),
        "SWIFTCI_SET": "train.args.max_steps=3\n\n  train.args.seed=7  \n",
        "SWIFTCI_SUBJECT": "",
        "SWIFTCI_CHECKPOINT": "",
    }
    for name in ("train", "evaluate"):
        ran = repository.swiftci("stage", name, **environ)
        assert ran.code == 0, ran.text
    flags = repository.calls[0]["argv"]

    assert flags[flags.index("--max_steps") + 1] == "3"
    assert flags[flags.index("--seed") + 1] == "7"
    assert (tmp_path / "run" / "metrics.json").exists()


def test_second_call_of_a_stage_takes_what_is_there(repository: Repository) -> None:
    repository.stage("train")
    ran = repository.stage("train")

    assert ran.code == 0
    assert repository.called == ["train"]
    assert "steps: 10" in ran.out


def test_other_settings_than_the_runs_are_refused(repository: Repository) -> None:
    repository.stage("download")
    ran = repository.stage("train", "--set", "train.args.max_steps=3")

    assert ran.code == 2
    assert f"error[foreign-run]: {repository.folder} belongs to a run with another configuration" in ran.err
    assert "every step of a run the same --config and --set" in ran.err
    assert repository.called == []


def test_evaluation_before_a_training_says_what_to_run(repository: Repository) -> None:
    ran = repository.stage("evaluate")

    assert ran.code == 2
    assert f"evaluate needs the result of train, which {repository.folder} does not hold" in ran.err
    assert "swiftci stage train --config configs/tiny.yaml" in ran.err
    assert repository.called == []


def test_evaluation_of_a_training_that_failed_is_refused(repository: Repository) -> None:
    repository.stage("train", FAKE_SWIFT="nan-gradient")
    ran = repository.stage("evaluate")

    assert ran.code == 2
    assert repository.called == ["train"]


def test_given_checkpoint_needs_no_training(repository: Repository) -> None:
    ran = repository.stage("evaluate", "--checkpoint", "model")
    flags = repository.calls[0]["argv"]

    assert ran.code == 0, ran.text
    assert flags[flags.index("--model") + 1] == str(repository.root / "model")


def test_given_checkpoint_that_changed_is_scored_again(repository: Repository) -> None:
    shutil.copytree(repository.root / "model", repository.root / "other")
    for _ in range(2):
        repository.stage("evaluate", "--checkpoint", "other")
    assert repository.called == ["evaluate"]
    (repository.root / "other" / "model.safetensors").write_bytes(b"other weights")
    repository.stage("evaluate", "--checkpoint", "other")

    assert repository.called == ["evaluate", "evaluate"]


def test_base_model_is_scored_apart(repository: Repository) -> None:
    ran = repository.stage("evaluate", "--subject", "base")
    flags = repository.calls[0]["argv"]

    assert ran.code == 0
    assert repository.states == {"evaluate-base": "succeeded"}
    assert flags[flags.index("--model") + 1] == str(repository.root / "model")
    metrics = json.loads((repository.folder / "metrics.json").read_text())["metrics"]
    assert {one["subject"] for one in metrics} == {"base"}


def test_unknown_subject_is_refused(repository: Repository) -> None:
    ran = repository.stage("evaluate", "--subject", "teacher")

    assert ran.code == 2
    assert "'teacher' is not one of 'candidate', 'base'" in ran.err


def test_unknown_stage_is_refused(repository: Repository) -> None:
    ran = repository.stage("deploy")

    assert ran.code == 2
    assert "deploy" in ran.err


def test_run_directory_of_a_runner_with_a_store_is_the_runs_own(repository: Repository, tmp_path: Path) -> None:
    repository.project["store"] = str(tmp_path / "store")
    repository.write()
    environ = runner_environ(tmp_path / "runner")
    for name in STAGES:
        assert repository.stage(name, **environ).code == 0
    found = outputs((tmp_path / "runner" / "github_output").read_text())

    assert found["run-dir"] == str(tmp_path / "store" / "team" / "models" / "runs" / "tiny-77")
    assert found["kept"].startswith(str(tmp_path / "store" / "team" / "models" / "records" / "tiny"))
    assert not (repository.root / ".swiftci").exists()


def test_failed_gate_is_the_exit_code(repository: Repository) -> None:
    repository.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "at_most": 0.5}]
    repository.write()
    for name in ("train", "evaluate"):
        repository.stage(name)
    ran = repository.stage("gate")

    assert ran.code == 3
    assert "verdict: fail" in ran.out


def test_outputs_are_set_though_the_stage_failed(repository: Repository, tmp_path: Path) -> None:
    """The upload after a failed training needs to know where the logs are."""
    ran = repository.stage("train", FAKE_SWIFT="unknown-tuner", **runner_environ(tmp_path / "runner"))
    found = outputs((tmp_path / "runner" / "github_output").read_text())

    assert ran.code == 4
    assert found == {"run-dir": str(repository.folder), "artifact": "swiftci-tiny-77-1"}
    assert "::error title=swiftci%3A user::ms-swift failed: ms-swift does not know tuner_type" in ran.err


def test_given_checkpoint_on_a_hub_is_scored_again_by_another_run(repository: Repository) -> None:
    """Nobody knows which commit it was."""
    for name in ("a", "b"):
        folder = str(repository.root / ".swiftci/runs" / name)
        assert repository.stage("evaluate", "--checkpoint", "owner/model", "--run-dir", folder).code == 0

    assert repository.called == ["evaluate", "evaluate"]


def test_config_may_move_between_the_run_and_its_verdict(repository: Repository) -> None:
    """A plan finds an earlier result by what decides it, and where the config lies does not."""
    repository.run("--until", "evaluate")
    (repository.root / "configs/moved.yaml").write_bytes((repository.root / "configs/tiny.yaml").read_bytes())
    ran = repository.swiftci("stage", "gate", "--config", "configs/moved.yaml", "--run-dir", str(repository.folder))

    assert ran.code == 0, ran.text


@pytest.mark.parametrize("config", ["configs/nowhere.yaml", "swiftci.yaml", "../outside.yaml", ""])
def test_config_that_is_none_is_refused(repository: Repository, config: str) -> None:
    ran = repository.swiftci("stage", "train", "--config", config)

    assert ran.code == 2
    assert "Traceback" not in ran.err
