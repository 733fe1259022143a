"""`swiftci stage` in several jobs and attempts of one run, each with its own time."""

import json
import time
from pathlib import Path

from tests.evidence.corpus import edit
from tests.fake.repository import Repository, runner_environ


def test_training_is_ended_before_its_job_would_be(repository: Repository) -> None:
    repository.stage("download")
    edit(repository.folder / "run.json", lambda record: record.update(attempt_started=time.time() - 60 * 710 + 1))
    ran = repository.stage("train", FAKE_HANG="train")

    assert ran.code == 4
    assert "error[preempted]: limits.job_minutes came near at step 31 of 2000, so the training was stopped" in ran.err
    assert "hint: run it again to go on, or raise limits.job_minutes" in ran.err
    assert repository.states["train"] == "partial"


def test_evaluation_is_ended_before_its_job_would_be(repository: Repository) -> None:
    repository.stage("train")
    edit(repository.folder / "run.json", lambda record: record.update(attempt_started=time.time() - 60 * 710 + 1))
    ran = repository.stage("evaluate", FAKE_HANG="evaluate")

    assert ran.code == 4
    assert "error[preempted]: limits.job_minutes came near, so the evaluation was stopped" in ran.err


def test_next_job_goes_on_with_what_the_last_had_no_time_for(repository: Repository, tmp_path: Path) -> None:
    first = dict(runner_environ(tmp_path / "runner")) | {"SWIFTCI_MORE": "true", "GITHUB_JOB": "train"}
    arguments = ("--run-dir", str(repository.folder))
    repository.stage("download", *arguments, **first)
    edit(repository.folder / "run.json", lambda record: record.update(attempt_started=time.time() - 60 * 710 + 1))
    cut = repository.stage("train", *arguments, **first | {"FAKE_HANG": "train", "FAKE_SAVED": "5"})
    left = repository.stage("evaluate", *arguments, **first)
    cleaned = repository.stage("cleanup", *arguments, **first)

    assert (cut.code, left.code, cleaned.code) == (0, 0, 0), cut.text
    assert "limits.job_minutes came near" in cut.out
    assert "step 5 is saved, and the same run goes on from there" in cut.out
    assert "evaluate: left to the next job, which goes on with train" in left.out
    assert "state: partial" in cleaned.out

    repository.forget()
    second = first | {"SWIFTCI_MORE": "", "GITHUB_JOB": "train-2"}
    for name in ("download", "train", "evaluate"):
        assert repository.stage(name, *arguments, **second).code == 0
    cleaned = repository.stage("cleanup", *arguments, **second)

    assert repository.called == ["train", "evaluate"]
    assert "--resume_from_checkpoint" in repository.calls[0]["argv"]
    assert "state: ended" in cleaned.out


def test_run_whose_time_is_used_up_is_not_told_to_go_on(repository: Repository) -> None:
    repository.config["limits"] = {"run_minutes": 1}
    repository.write()
    repository.stage("download")
    edit(repository.folder / "run.json", lambda record: record.update(spent_seconds=60.0))
    ran = repository.stage("train", FAKE_HANG="train")

    assert "hint: raise limits.run_minutes and run it again to go on" in ran.err


def test_forced_run_of_several_jobs_makes_nothing_twice(repository: Repository, tmp_path: Path) -> None:
    """Each job of a workflow run is told to force; what an earlier one of them made is new enough."""
    repository.run("--until", "train")
    repository.forget()
    environ = dict(runner_environ(tmp_path / "runner")) | {"SWIFTCI_FORCE": "true"}
    arguments = ("--run-dir", str(repository.folder))
    first = repository.stage("train", *arguments, **environ | {"FAKE_FAILS": "/nowhere"})
    assert repository.called == ["train"], first.text
    for name in ("download", "train", "evaluate"):
        ran = repository.stage(name, *arguments, **environ | {"GITHUB_JOB": "train-2"})
        assert ran.code == 0, ran.text

    assert repository.called == ["train", "evaluate"]


def test_forced_training_goes_on_in_the_next_job(repository: Repository, tmp_path: Path) -> None:
    environ = dict(runner_environ(tmp_path / "runner")) | {"SWIFTCI_FORCE": "true", "SWIFTCI_MORE": "true"}
    arguments = ("--run-dir", str(repository.folder))
    repository.stage("download", *arguments, **environ)
    edit(repository.folder / "run.json", lambda record: record.update(attempt_started=time.time() - 60 * 710 + 1))
    repository.stage("train", *arguments, **environ | {"FAKE_HANG": "train", "FAKE_SAVED": "5"})
    repository.forget()
    repository.stage("train", *arguments, **environ | {"GITHUB_JOB": "train-2"})

    assert "--resume_from_checkpoint" in repository.calls[0]["argv"]


def test_later_job_looks_at_its_own_machines_tools(repository: Repository, tmp_path: Path) -> None:
    environ = dict(runner_environ(tmp_path / "runner"))
    arguments = ("--run-dir", str(repository.folder))
    for name in ("download", "train"):
        assert repository.stage(name, *arguments, **environ).code == 0
    repository.forget()
    known = repository.record["versions"] | {"ms_swift": "4.7.0"}
    later = environ | {"GITHUB_RUN_ATTEMPT": "2", "FAKE_VERSIONS": json.dumps(known)}
    for name in ("download", "train"):
        assert repository.stage(name, *arguments, **later).code == 0

    assert repository.record["versions"]["ms_swift"] == "4.7.0"
    assert repository.called == ["train"]


def test_new_attempt_of_a_job_has_its_own_time(repository: Repository, tmp_path: Path) -> None:
    environ = dict(runner_environ(tmp_path / "runner"))
    repository.stage("download", **environ)
    edit(repository.folder / "run.json", lambda record: record.update(attempt_started=1.0))
    ran = repository.stage("train", **environ | {"GITHUB_RUN_ATTEMPT": "2"})

    assert ran.code == 0
    assert time.time() - repository.record["attempt_started"] < 60
