"""What a result is compared with: found in the store, in the repository, by name; measured anew where it must be."""

import json
import shutil
from pathlib import Path

import pytest

from swiftci.evidence import baseline
from tests.engine.comparing import another
from tests.fake.repository import Repository
from tests.fake.tool import value


@pytest.fixture
def repository(compared: Repository) -> Repository:
    return compared


def verdict(repository: Repository) -> dict[str, object]:
    data = json.loads((repository.folder / "verdict.json").read_text())
    return dict(data["reasons"][0]) | {"verdict": data["verdict"], "exit": data["exit"]}


def test_first_run_passes_and_says_that_there_was_nothing_to_compare_with(repository: Repository) -> None:
    assert verdict(repository)["verdict"] == "pass"
    assert verdict(repository)["text"] == "general_qa.rouge-l-recall: there is no baseline to compare with yet"
    assert baseline.read(repository.folder) is None


def test_next_run_is_compared_with_it_question_by_question(repository: Repository) -> None:
    first = repository.record["run"]
    another(repository)
    ran = repository.run()

    found = baseline.read(repository.folder)
    assert found is not None
    assert (found.source, found.run.endswith(first), found.differs) == ("store", True, ())
    assert (verdict(repository)["items"], verdict(repository)["difference"]) == (12, 0.0)
    assert ran.code == 3  # of twelve items nobody can tell
    assert "inconclusive" in ran.text


def test_loss_fails_and_is_not_compared_with_afterwards(repository: Repository) -> None:
    first = repository.record["run"]
    another(repository)
    lost = repository.run(FAKE_CANDIDATE="ok-qa-half")
    another(repository, 14)
    repository.run()

    assert lost.code == 3
    assert "fail: general_qa.rouge-l-recall: 100.0 % → 25.0 % (-75.0 points) against the baseline" in lost.text
    found = baseline.read(repository.folder)
    assert found is not None
    assert found.run.endswith(first)


def test_run_of_the_same_second_is_another_run(repository: Repository) -> None:
    another(repository)
    data = repository.record | {"run": (ahead := "local-29991231-235959")}
    history = repository.root / ".swiftci" / "history.jsonl"
    history.write_text(history.read_text().replace(repository.record["run"], ahead))
    (kept,) = (repository.root / ".swiftci" / "records" / "tiny").iterdir()
    kept.rename(kept.with_name(f"{kept.name[:16]}-{ahead}"))
    data["stages"]["report"]["state"] = "failed"  # so the run goes by its earlier name
    (repository.folder / "run.json").write_text(json.dumps(data))
    repository.run()

    assert repository.record["run"] == ahead
    assert baseline.read(repository.folder) is not None


def test_same_config_again_is_not_compared_with_itself(repository: Repository) -> None:
    repository.run()

    assert baseline.read(repository.folder) is None


def test_run_that_is_named_is_compared_with(repository: Repository, tmp_path: Path) -> None:
    shutil.copytree(repository.folder, tmp_path / "earlier")
    shutil.rmtree(repository.root / ".swiftci")
    another(repository)
    repository.run("--baseline", str(tmp_path / "earlier"))

    found = baseline.read(repository.folder)
    assert found is not None
    assert found.source == "given"


@pytest.mark.parametrize("text", ["nobody", "../..", "", "\n"])
def test_run_that_is_not_there_is_refused_before_anything_is_trained(repository: Repository, text: str) -> None:
    another(repository)
    ran = repository.run("--baseline", text or " ")

    assert ran.code == 2
    assert "there is no run" in ran.text
    assert repository.called == []


def test_committed_baseline_is_used_where_the_store_has_none(repository: Repository) -> None:
    written = repository.swiftci("baseline", "tiny")
    shutil.rmtree(repository.root / ".swiftci")
    another(repository)
    repository.run()

    assert written.code == 0, written.text
    assert "12 items" in written.out
    found = baseline.read(repository.folder)
    assert found is not None
    assert (found.source, found.why) == ("committed", "baselines/tiny of the repository")


def test_anchor_is_compared_with_beside_the_baseline(repository: Repository) -> None:
    repository.swiftci("baseline", "tiny", "--to", "baselines/v1")
    repository.config["gate"]["anchor"] = "baselines/v1"
    another(repository)
    repository.run()

    reasons = json.loads((repository.folder / "verdict.json").read_text())["reasons"]
    assert [(one["against"], one["margin"]) for one in reasons] == [("baseline", 0.02), ("anchor", 0.04)]


def test_anchor_that_is_not_there_is_refused(repository: Repository) -> None:
    repository.config["gate"]["anchor"] = "baselines/v9"
    another(repository)
    ran = repository.run()

    assert ran.code == 2
    assert "baselines/v9" in ran.text


def test_baseline_that_was_measured_otherwise_is_measured_anew(repository: Repository) -> None:
    repository.config["evaluate"]["args"]["generation_config"] = {"max_tokens": 7}
    another(repository)
    ran = repository.run()

    assert repository.called == ["train", "evaluate", "evaluate-baseline"]
    assert verdict(repository)["items"] == 12
    assert verdict(repository)["before"] == 0.25  # as the fake measures it now
    assert ran.code == 0, ran.text
    assert not (repository.folder / "baseline-weights").exists()

    repository.forget()
    again = repository.run()
    assert repository.called == []
    assert "= evaluate-baseline: taken from the store" in again.out
    assert verdict(repository)["before"] == 0.25  # and not what it was measured as then


def test_baseline_that_cannot_be_measured_anew_makes_the_comparison_invalid(repository: Repository) -> None:
    repository.config["evaluate"]["args"]["generation_config"] = {"max_tokens": 7}
    repository.config["gate"]["on_changed_evaluation"] = "invalid"
    another(repository)
    ran = repository.run()

    assert repository.called == ["train", "evaluate"]
    assert ran.code == 4
    assert (
        "general_qa.rouge-l-recall against the baseline: it was measured otherwise "
        "(evaluate.args.generation_config), and gate.on_changed_evaluation is invalid"
    ) in ran.text


def test_baseline_whose_weights_are_gone_makes_the_comparison_invalid(repository: Repository) -> None:
    shutil.rmtree(repository.root / ".swiftci" / "results")
    repository.config["evaluate"]["args"]["generation_config"] = {"max_tokens": 7}
    another(repository)
    ran = repository.run()

    assert ran.code == 4
    assert "the baseline cannot be measured anew" in ran.text
    assert "its weights are not at hand to measure it anew" in ran.text


def test_more_items_are_asked_where_the_first_leave_it_open(repository: Repository) -> None:
    repository.config["evaluate"]["args"]["limit"] = 12
    repository.config["gate"]["extend_to"] = 24
    another(repository)
    ran = repository.run()

    assert repository.called == ["train", "evaluate", "evaluate-baseline", "evaluate"]
    assert [value(one["argv"], "--limit") for one in repository.calls[1:]] == ["12", "24", "24"]
    assert "1 open: going up to 24 items of each subset" in ran.text

    repository.forget()
    repository.run()
    assert repository.called == []


def test_report_of_a_training_that_failed_still_knows_the_baseline(repository: Repository) -> None:
    another(repository)
    ran = repository.run(FAKE_SWIFT="nan-loss")

    assert ran.code == 4
    assert baseline.read(repository.folder) is not None


def test_earlier_runs_make_a_trend(repository: Repository) -> None:
    another(repository)
    repository.run()

    runs = json.loads((repository.folder / "trend.json").read_text())["runs"]
    assert [one["metrics"]["general_qa.rouge-l-recall"]["value"] for one in runs] == [1.0]


def test_damaged_baseline_is_passed_over(repository: Repository) -> None:
    for path in (repository.root / ".swiftci" / "records").glob("tiny/*/items/candidate.jsonl"):
        path.write_text("{")
    another(repository)
    ran = repository.run()

    assert "cannot be compared with" in ran.text
    assert baseline.read(repository.folder) is None


def test_what_the_gate_can_tell_is_said_beforehand(repository: Repository) -> None:
    another(repository)
    repository.run()
    another(repository, 14)
    plan = repository.swiftci("plan", "configs/tiny.yaml")
    ran = repository.run()

    said = "as many items as last time tell a difference of 0.28 or more, and the margin is 0.02"
    assert f"gate: general_qa.rouge-l-recall: {said}" in plan.out
    assert f"general_qa.rouge-l-recall: {said}" in ran.out


def test_directory_of_the_very_run_is_no_other_run(repository: Repository) -> None:
    repository.config["evaluate"]["args"]["generation_config"] = {"max_tokens": 7}
    another(repository)
    ran = repository.run("--baseline", ".swiftci/runs/tiny")

    assert ran.code == 2
    assert '".swiftci/runs/tiny" is the directory of this very run' in ran.text


def test_branch_s_own_run_begins_anew_where_the_old_measurement_cannot_be_repeated(repository: Repository) -> None:
    shutil.rmtree(repository.root / ".swiftci" / "results")
    repository.config["evaluate"]["args"]["generation_config"] = {"max_tokens": 7}
    another(repository)
    ran = repository.run(GITHUB_EVENT_NAME="push")

    assert ran.code == 0, ran.text
    assert verdict(repository)["note"] == "no_baseline"


def test_run_of_another_event_under_the_branch_s_name_is_no_baseline(repository: Repository) -> None:
    history = repository.root / ".swiftci" / "history.jsonl"
    lines = [json.loads(line) | {"event": "issue_comment"} for line in history.read_text().splitlines()]
    history.write_text("".join(json.dumps(line) + "\n" for line in lines))
    another(repository)
    repository.run()

    assert baseline.read(repository.folder) is None
