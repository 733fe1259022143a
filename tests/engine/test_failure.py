"""What a user sees when a stage fails; and what still happens after it."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, recorded
from tests.fake.repository import Repository

EXPECTED = Path(__file__).parent / "expected"


def said(repository: Repository, text: str) -> str:
    """What a command printed, without what differs from machine to machine."""
    text = text.replace(str(repository.root), "/repository")
    text = re.sub(r"\(\d+\.\d s\)", "(0.0 s)", text)
    text = re.sub(r"[0-9a-f]{16}-local-\d{8}-\d{6}", "RUN", text)
    return re.sub(r"^(evaluate|train)(-base)?: (step|\d+ items).*\n", "", text, flags=re.MULTILINE)


def replayed(repository: Repository, stage: str, name: str, case: str) -> str:
    """What a user reads of a run whose tool behaves as in a recording, from the failing stage on."""
    ran = repository.run("--until", stage, **{name: case})
    lines = ran.err.splitlines()
    shown = [line for line in lines if not line.startswith("  | ")]
    return said(repository, f"$ exit {ran.code}\n{ran.out}" + "".join(line + "\n" for line in shown))


@pytest.mark.parametrize("case", [case for case in recorded("swift") if not case.startswith("sig")])
def test_recorded_training_is_shown(repository: Repository, case: str, golden: Golden) -> None:
    golden(EXPECTED / "train" / f"{case}.txt", replayed(repository, "train", "FAKE_SWIFT", case))


@pytest.mark.parametrize("case", [case for case in recorded("evalscope") if case != "ok-mcq"])
def test_recorded_evaluation_is_shown(done: Repository, case: str, golden: Golden) -> None:
    done.config["evaluate"]["args"]["limit"] = 3
    done.config["evaluate"]["base"] = False
    if case == "unknown-dataset":
        done.config["evaluate"]["datasets"] = ["gsm8"]
        done.config["gate"] = []
    done.write()

    golden(EXPECTED / "evaluate" / f"{case}.txt", replayed(done, "evaluate", "FAKE_CANDIDATE", case))


def test_failed_tool_shows_its_last_lines_and_its_log(repository: Repository) -> None:
    ran = repository.run("--until", "train", FAKE_SWIFT="unknown-tuner")

    assert "  | ValueError: Unknown tuner_type: loraa\n" in ran.err
    assert f"  log: {repository.folder}/logs/train.log\n" in ran.err
    assert "Unknown tuner_type: loraa" in (repository.folder / "logs" / "train.log").read_text()
    assert ran.err.count("  | ") <= 30


FAILURES: dict[str, tuple[dict[str, str], int, str, dict[str, str]]] = {
    "crash in training": (
        {"FAKE_SWIFT": "unknown-tuner"},
        4,
        "train: ms-swift failed: ms-swift does not know tuner_type: loraa",
        {"train": "failed", "evaluate": "left out"},
    ),
    "training was killed": (
        {"FAKE_SWIFT": "sigkill"},
        4,
        "train: ms-swift failed at step 31 of 2000: was killed (SIGKILL)",
        {"train": "failed", "evaluate": "left out"},
    ),
    "gradients are NaN": (
        {"FAKE_SWIFT": "nan-gradient"},
        4,
        "train: ms-swift ended well, but the gradients are not numbers (NaN), first at step 2",
        {"train": "failed", "evaluate": "left out"},
    ),
    "training stopped early": (
        {"FAKE_SWIFT": "graceful-exit"},
        4,
        "train: ms-swift ended well, but it stopped at step 32 of 2000",
        {"train": "failed", "evaluate": "left out"},
    ),
    "base model is missing": (
        {"FAKE_BASE": "missing-checkpoint"},
        4,
        "evaluate-base: EvalScope failed: ",
        {"evaluate-base": "failed", "train": "left out", "evaluate": "left out"},
    ),
    "half an evaluation": (
        {"FAKE_CANDIDATE": "half-errors"},
        4,
        "evaluate: EvalScope ended well, but general_qa: 6 of 12 items failed",
        {"train": "succeeded", "evaluate": "failed"},
    ),
    "evaluation was stopped": (
        {"FAKE_CANDIDATE": "sigterm"},
        4,
        "evaluate: EvalScope failed: was ended by SIGTERM",
        {"train": "succeeded", "evaluate": "failed"},
    ),
}


@pytest.mark.parametrize(("environ", "code", "reason", "states"), FAILURES.values(), ids=FAILURES)
def test_after_a_failure_gate_report_and_cleanup_still_run(
    repository: Repository, environ: dict[str, str], code: int, reason: str, states: dict[str, str]
) -> None:
    repository.config["evaluate"]["base"] = True
    repository.write()
    ran = repository.run(**environ)
    verdict = json.loads((repository.folder / "verdict.json").read_text())

    assert ran.code == code, ran.text
    for name, state in states.items():
        assert repository.states.get(name, "left out") == state
        assert (f"- {name}: left out after the failure" in ran.out) == (state == "left out")
    assert [repository.states[name] for name in ("gate", "report", "cleanup")] == ["succeeded"] * 3
    assert verdict["verdict"] == "invalid"
    assert verdict["reasons"][0]["text"].startswith(reason)
    assert reason in (repository.folder / "report.html").read_text()
    assert json.loads((repository.folder / "eval_results.json").read_text())["metrics"] == {}
    assert ran.out.splitlines()[-1].endswith("verdict: invalid")


def test_failed_download_names_every_problem_and_spends_no_gpu_time(repository: Repository) -> None:
    repository.config["train"]["args"] |= {"model": "/nowhere/model", "val_dataset": "/nowhere/val.jsonl"}
    repository.write()
    ran = repository.run()

    assert ran.code == 2
    assert "train.args.model: /nowhere/model does not exist on this machine" in ran.err
    assert "train.args.val_dataset: /nowhere/val.jsonl does not exist on this machine" in ran.err
    assert repository.called == []
    assert repository.states["download"] == "failed"
    assert json.loads((repository.folder / "verdict.json").read_text())["verdict"] == "invalid"


def test_failed_gate_is_the_exit_code_and_cleanup_still_runs(repository: Repository) -> None:
    repository.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "at_most": 0.5}]
    repository.write()
    ran = repository.run()

    assert ran.code == 3
    assert repository.states == dict.fromkeys(repository.states, "succeeded")
    assert ran.out.splitlines()[-1] == "general_qa.rouge-l-recall 1 · verdict: fail"


def test_metric_that_was_not_measured_is_invalid(repository: Repository) -> None:
    repository.config["gate"] = [{"metric": "general_qa.f1", "at_least": 0.5}]
    repository.write()
    ran = repository.run("--until", "gate")

    assert ran.code == 4
    assert "invalid: general_qa.f1 was not measured; measured: general_qa.rouge-1-f1" in ran.out


def test_failed_stage_runs_again_and_the_others_do_not(repository: Repository) -> None:
    repository.run(FAKE_CANDIDATE="half-errors")
    repository.forget()
    ran = repository.run()

    assert ran.code == 0
    assert repository.called == ["evaluate"]


def test_failed_evaluation_does_not_leave_the_older_one_behind(done: Repository) -> None:
    done.config["evaluate"]["args"]["limit"] = 3
    done.write()
    ran = done.run(FAKE_CANDIDATE="half-errors")

    assert ran.code == 4
    assert json.loads((done.folder / "eval_results.json").read_text())["metrics"] == {}
    assert json.loads((done.folder / "verdict.json").read_text())["verdict"] == "invalid"


def test_verdict_of_an_earlier_run_is_not_shown_as_this_ones(done: Repository) -> None:
    ran = done.run("--until", "evaluate", "--set", "evaluate.args.limit=3", FAKE_CANDIDATE="half-errors")

    assert ran.code == 4
    assert "verdict: " not in ran.text
    assert "gate" not in done.states
    for name in ("verdict.json", "report.md", "report.html", "eval_results.json"):
        assert not (done.folder / name).exists()


def test_missing_tools_say_what_to_install(repository: Repository) -> None:
    (repository.root / "bin" / "python").unlink()
    ran = repository.run()

    assert ran.code == 4
    assert "no Python that swiftci looked at has ms-swift" in ran.err
    assert "hint: pip install ms-swift evalscope" in ran.err
    assert "`python:` in swiftci.yaml" in ran.err


def test_missing_evalscope_is_found_before_the_training(repository: Repository) -> None:
    ran = repository.run("--until", "evaluate", FAKE_VERSIONS='{"python": "3.11", "ms_swift": "4.6.0"}')

    assert ran.code == 4
    assert "pip install ms-swift evalscope" in ran.err
    assert repository.called == []
    assert repository.states["download"] == "failed"


def test_rows_that_were_dropped_are_reported(repository: Repository) -> None:
    ran = repository.run(FAKE_SWIFT="bad-rows-dropped")

    assert ran.code == 0
    assert "or more rows that it could not use; the log names them" in ran.out
    assert "ms-swift left out rows of the data" in (repository.folder / "report.md").read_text()


def test_early_stop_that_was_asked_for_is_no_failure(repository: Repository) -> None:
    repository.config["train"]["args"]["callbacks"] = ["early_stop"]
    repository.write()

    assert repository.run("--until", "train", FAKE_SWIFT="graceful-exit").code == 0


def test_best_checkpoint_is_evaluated_and_named_relative_to_the_run(repository: Repository) -> None:
    repository.run("--until", "evaluate")
    flags = repository.calls[-1]["argv"]

    assert repository.record["stages"]["train"]["outputs"]["checkpoint"] == "train/checkpoint-10"
    assert (
        json.loads(flags[flags.index("--model-args") + 1])["model_path"] == f"{repository.folder}/train/checkpoint-10"
    )


def test_incomplete_last_checkpoint_is_not_evaluated(repository: Repository) -> None:
    ran = repository.run("--until", "train", FAKE_PART="checkpoint-10/trainer_state.json")

    assert ran.code == 0
    assert repository.record["stages"]["train"]["outputs"]["checkpoint"] == "train/checkpoint-5"


def test_training_without_a_checkpoint_is_a_failure(repository: Repository, tmp_path: Path) -> None:
    """A run whose exit code and log are good, but which saved nothing."""
    assert (CORPUS / "swift" / "ok-full" / "out" / "checkpoint-120" / "trainer_state.json").exists()
    ran = repository.run("--until", "train", FAKE_SWIFT="ok-full", FAKE_PART="checkpoint-120/trainer_state.json")

    assert ran.code == 4
    assert "ms-swift ended well, but it left no complete checkpoint" in ran.err


def test_evaluation_without_a_report_is_a_failure(repository: Repository) -> None:
    ran = repository.run("--until", "evaluate", FAKE_PART="reports/candidate/general_qa.json")

    assert ran.code == 4
    assert "EvalScope ended well, but general_qa: EvalScope wrote no report" in ran.err


@pytest.mark.parametrize("language", ["en", "zh"])
def test_report_of_a_failure_is_in_the_projects_language(repository: Repository, language: str) -> None:
    repository.project["language"] = language
    repository.write()
    repository.run(FAKE_SWIFT="unknown-tuner")

    assert {"en": "invalid", "zh": "无效"}[language] in (repository.folder / "report.md").read_text()
