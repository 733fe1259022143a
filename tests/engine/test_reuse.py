"""What a second run does again, and what it takes from the first."""

import json
from collections.abc import Callable

import pytest

from tests.engine.conftest import EVERYTHING
from tests.fake.repository import Repository

Change = Callable[[Repository], None]


def test_second_run_does_nothing_again(done: Repository) -> None:
    ran = done.run("--until", "gate")

    assert ran.code == 0
    assert done.called == []
    for name in ("evaluate-base", "train", "evaluate"):
        assert f"= {name}: as before" in ran.out


def test_gate_is_always_judged_anew(done: Repository) -> None:
    done.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "at_most": 0.5}]
    done.write()
    ran = done.run("--until", "gate")

    assert ran.code == 3
    assert done.called == []
    assert "fail: general_qa.rouge-l-recall is 1 over 12 items; it should be at most 0.5" in ran.out


def test_own_result_with_outputs_of_another_version_is_made_anew(done: Repository) -> None:
    record = done.record
    record["stages"]["train"]["outputs"]["colour"] = "red"
    (done.folder / "run.json").write_text(json.dumps(record))
    ran = done.run("--until", "train")

    assert ran.code == 0, ran.text
    assert "= train: taken from the store" in ran.out  # which has a sound one


def arguments(key: str, value: object) -> Change:
    def change(repository: Repository) -> None:
        repository.config["train"]["args"][key] = value
        repository.write()

    return change


def evaluation(key: str, value: object) -> Change:
    def change(repository: Repository) -> None:
        repository.config["evaluate"]["args"][key] = value
        repository.write()

    return change


def content(path: str) -> Change:
    def change(repository: Repository) -> None:
        with (repository.root / path).open("a") as file:
            file.write("\n" + '{"messages": []}')

    return change


def versions(**changed: str) -> Change:
    def change(repository: Repository) -> None:
        known = {"python": "3.11.9", "ms_swift": "4.6.0", "evalscope": "1.14.1", "torch": "2.13.0"}
        known |= {"transformers": "5.19.0", "peft": "0.20.0", "trl": "0.29.0", "datasets": "4.8.4"}
        repository.environ["FAKE_VERSIONS"] = json.dumps(known | changed)

    return change


def removed(path: str) -> Change:
    def change(repository: Repository) -> None:
        (repository.root / path).unlink()

    return change


def on_and_limits(repository: Repository) -> None:
    repository.config |= {"on": {"push": ["main"]}, "limits": {"job_minutes": 99}}
    repository.write()


def keys_turned_round(repository: Repository) -> None:
    args = repository.config["train"]["args"]
    repository.config["train"]["args"] = dict(reversed(args.items()))
    repository.write()


CHANGES: dict[str, tuple[Change, list[str]]] = {
    "training argument": (arguments("max_steps", 11), ["train", "evaluate"]),
    "evaluation argument": (evaluation("limit", 5), ["evaluate-base", "evaluate"]),
    "training data": (content("data/train.jsonl"), ["train", "evaluate"]),
    "model": (content("model/config.json"), EVERYTHING),
    "evaluation data": (content("data/heldout/items.jsonl"), ["evaluate-base", "evaluate"]),
    "version of ms-swift": (versions(ms_swift="4.7.0"), ["train", "evaluate"]),
    "version of EvalScope": (versions(evalscope="1.15.0"), ["evaluate-base", "evaluate"]),
    "version of torch": (versions(torch="3.0"), EVERYTHING),
    "triggers and limits": (on_and_limits, []),
    "order of keys": (keys_turned_round, []),
    "another file": (content("README.md"), []),
}


@pytest.mark.parametrize(("change", "again"), CHANGES.values(), ids=CHANGES)
def test_change_runs_again_what_it_decides(done: Repository, change: Change, again: list[str]) -> None:
    change(done)
    ran = done.run("--until", "gate")

    assert ran.code == 0, ran.text
    assert done.called == again


def test_override_on_the_command_line_counts_as_a_change(done: Repository) -> None:
    assert done.run("--until", "gate", "--set", "train.args.max_steps=9").code == 0
    assert done.called == ["train", "evaluate"]
    assert "9" in done.calls[0]["argv"]


def test_way_back_costs_nothing(done: Repository) -> None:
    """A run directory holds one result; the store keeps the others."""
    done.run("--until", "gate", "--set", "train.args.max_steps=9")
    done.forget()
    ran = done.run()

    assert (ran.code, done.called) == (0, [])
    assert "= train: taken from the store, made by run local-" in ran.out
    assert sorted(path.name for path in (done.folder / "train").glob("checkpoint-*")) == ["checkpoint-10"]


def test_force_makes_a_kept_result_anew(done: Repository) -> None:
    done.run("--until", "gate", "--set", "train.args.max_steps=9")
    done.forget()
    done.run("--until", "train", "--force")
    done.run("--until", "gate")

    assert done.called == ["evaluate-base", "train", "evaluate"]


def test_force_runs_everything_again(done: Repository) -> None:
    assert done.run("--until", "gate", "--force").code == 0
    assert done.called == EVERYTHING


def test_newer_training_makes_an_older_evaluation_worthless(done: Repository) -> None:
    assert done.run("--until", "train", "--force").code == 0
    done.forget()
    assert done.run("--until", "gate").code == 0

    assert done.called == ["evaluate"]


def test_answers_of_an_older_training_are_not_gone_on_with(done: Repository) -> None:
    """EvalScope leaves this file, and the recording does not have it."""
    snapshot = done.folder / "eval/candidate/configs/task_config.yaml"
    snapshot.parent.mkdir()
    snapshot.write_text("model: model\n")
    done.run("--until", "train", "--force")
    done.forget()
    done.run("--until", "gate")

    assert done.called == ["evaluate"]
    assert "--use-cache" not in done.calls[0]["argv"]


def test_checkpoint_that_was_deleted_comes_from_the_store(done: Repository) -> None:
    (done.folder / "train" / "checkpoint-10" / "adapter_config.json").unlink()
    ran = done.run("--until", "gate")

    assert (ran.code, done.called) == (0, []), ran.text
    assert (done.folder / "train" / "checkpoint-10" / "adapter_config.json").is_file()


def test_checkpoint_that_is_not_whole_any_more_is_made_anew(done: Repository) -> None:
    """The store's file is the very same one, and cut off with it."""
    for path in (done.root / ".swiftci").rglob("checkpoint-10/adapter_config.json"):
        path.write_bytes(b"half")
    ran = done.run("--until", "gate")

    assert ran.code == 0, ran.text
    assert done.called == ["train", "evaluate"]


def test_metrics_that_were_deleted_come_from_the_store(done: Repository) -> None:
    before = (done.folder / "metrics.json").read_text()
    (done.folder / "metrics.json").unlink()
    ran = done.run("--until", "gate")

    assert (ran.code, done.called) == (0, []), ran.text
    assert json.loads((done.folder / "metrics.json").read_text()) == json.loads(before)


def test_unchanged_run_answers_with_the_report_that_is_there(done: Repository) -> None:
    page = (done.folder / "report.html").stat().st_mtime_ns
    ran = done.run()

    assert (ran.code, done.called) == (0, [])
    assert "= report: as before" in ran.out
    assert (done.folder / "report.html").stat().st_mtime_ns == page
    assert ran.out.splitlines()[-1].endswith("verdict: pass")


def test_another_language_makes_a_new_report(done: Repository) -> None:
    done.project["language"] = "zh"
    done.write()
    ran = done.run()

    assert (ran.code, done.called) == (0, [])
    assert 'lang="zh"' in (done.folder / "report.html").read_text()[:300]


def test_changed_rule_makes_a_new_report_and_nothing_else(done: Repository) -> None:
    done.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "at_least": 0.9}]
    done.write()
    ran = done.run()

    assert (ran.code, done.called) == (0, [])
    assert "0.9" in (done.folder / "report.md").read_text()
    assert "= report" not in ran.out


def test_run_directory_may_be_moved(done: Repository) -> None:
    done.folder.rename(done.root / "elsewhere")
    ran = done.run("--until", "gate", "--run-dir", "elsewhere")

    assert ran.code == 0
    assert done.called == []


def test_calls_of_an_earlier_plan_leave_the_journal(done: Repository) -> None:
    done.config["evaluate"]["base"] = False
    done.write()
    done.run("--until", "gate")

    assert "evaluate-base" not in done.states
    assert done.called == []
