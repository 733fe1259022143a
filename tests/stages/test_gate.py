"""The gate: what failed, was skipped or was not measured never passes."""

import itertools
import json
from typing import Any

import pytest

from swiftci.evidence import metric, verdict
from swiftci.evidence.metric import Metric
from swiftci.spec.problem import ConfigError
from swiftci.stages import gate
from swiftci.store.record import StageRecord
from tests.fake.repository import Repository
from tests.stages.stand import Heard, context

GOOD = {"train": "succeeded", "evaluate": "succeeded"}
RESULTS = ("success", "failure", "cancelled", "skipped")


def needs(plan: str = "success", train: str = "success", **outputs: str) -> str:
    """What `toJSON(needs)` gives the verdict job."""
    jobs = {
        "plan": {"result": plan, "outputs": {"go": "true", "reason": ""} | outputs if plan == "success" else {}},
        "train": {"result": train, "outputs": {"artifact": "12"} if train == "success" else {}},
    }
    return json.dumps(jobs, indent=2)


def judged(
    repository: Repository, text: str | None = None, states: dict[str, str] = GOOD, value: float | None = 0.9
) -> tuple[Any, ...]:
    """Verdict, exit code and first reason of a run with these states and this score."""
    found = context(repository, states)
    if value is not None:
        one = Metric(
            subject="candidate", dataset="general_qa", subset=None, metric="rouge-l-recall", value=value, items=9
        )
        metric.write(found.folder, "candidate", [one], [])
    outputs = gate.run(gate.Inputs(needs=text), found)
    kept = verdict.read(found.folder)
    assert kept is not None
    assert (kept.verdict, kept.exit) == (outputs.verdict, outputs.exit)
    return outputs.verdict, outputs.exit, kept.reasons[0].text if kept.reasons else ""


def test_good_result_passes(repository: Repository) -> None:
    assert judged(repository)[:2] == ("pass", 0)


def test_every_reason_is_told(repository: Repository) -> None:
    found = context(repository, {"train": "failed", "evaluate": "interrupted"})
    gate.run(gate.Inputs(), found)

    assert isinstance(found.progress, Heard)
    assert found.progress.lines == ["invalid: train: failed", "invalid: evaluate: was interrupted"]


def test_poor_result_fails(repository: Repository) -> None:
    assert judged(repository, value=0.1)[:2] == ("fail", 3)


def test_no_result_is_invalid(repository: Repository) -> None:
    assert judged(repository, value=None)[:2] == ("invalid", 4)


def test_result_of_the_base_model_is_not_the_candidates(repository: Repository) -> None:
    found = context(repository, GOOD)
    one = Metric(subject="base", dataset="general_qa", subset=None, metric="rouge-l-recall", value=1.0, items=9)
    metric.write(found.folder, "base", [one], [])

    assert gate.run(gate.Inputs(), found).verdict == "invalid"


def test_result_of_a_subset_is_not_the_data_sets(repository: Repository) -> None:
    found = context(repository, GOOD)
    one = Metric(subject="candidate", dataset="general_qa", subset="x", metric="rouge-l-recall", value=1.0, items=9)
    metric.write(found.folder, "candidate", [one], [])

    assert gate.run(gate.Inputs(), found).verdict == "invalid"


# ---------------------------------------------------------------------------------------------- jobs before


@pytest.mark.parametrize(("plan", "train"), list(itertools.product(RESULTS, RESULTS)))
def test_every_pair_of_job_results(repository: Repository, plan: str, train: str) -> None:
    found = judged(repository, needs(plan, train))

    if plan != "success":
        assert found == ("invalid", 2, f"the plan job ended as {plan}; its log says why")
    elif train != "success":
        assert found == ("invalid", 4, f"the train job ended as {train}")
    else:
        assert found[:2] == ("pass", 0)


@pytest.mark.parametrize("train", RESULTS)
def test_plan_that_found_nothing_to_do_is_skipped_with_its_reason(repository: Repository, train: str) -> None:
    found = judged(repository, needs("success", train, go="false", reason="nothing changed"))

    assert found == ("skipped", 0, "nothing changed")


def test_result_that_the_plan_found_is_judged_by_todays_rules(repository: Repository) -> None:
    text = needs("success", "skipped", go="false", reason="nothing changed", artifact="12")

    assert judged(repository, text)[:2] == ("pass", 0)
    assert judged(repository, text, value=0.1)[:2] == ("fail", 3)


@pytest.mark.parametrize(
    ("jobs", "verdict"),
    [
        ({"train": "success", "train-2": "success", "train-3": "skipped"}, "pass"),
        ({"train": "success", "train-2": "failure", "train-3": "skipped"}, "invalid"),
        ({"train-2": "failure", "train": "success"}, "invalid"),
        ({"train": "failure", "train-2": "skipped", "train-3": "skipped"}, "invalid"),
        ({"train": "skipped", "train-2": "skipped"}, "invalid"),
    ],
)
def test_last_of_the_jobs_that_follow_each_other_counts(
    repository: Repository, jobs: dict[str, str], verdict: str
) -> None:
    found = {"plan": {"result": "success", "outputs": {"go": "true"}}}
    text = json.dumps(found | {name: {"result": result, "outputs": {}} for name, result in jobs.items()})

    assert judged(repository, text)[0] == verdict


def test_skip_without_a_reason_has_one(repository: Repository) -> None:
    assert judged(repository, needs(go="false"))[2] == "the plan found nothing to do"


@pytest.mark.parametrize("go", ["", "False", "yes", "1", "TRUE"])
def test_anything_but_true_is_no_go(repository: Repository, go: str) -> None:
    assert judged(repository, needs(go=go))[0] == "skipped"


def test_stage_says_more_than_the_job_that_it_failed_in(repository: Repository) -> None:
    found = judged(repository, needs(train="failure"), {"train": "failed"})

    assert found == ("invalid", 4, "train: failed")


def test_artifact_that_never_came_is_invalid(repository: Repository) -> None:
    found = context(repository)
    outputs = gate.run(gate.Inputs(needs=needs()), found)

    assert (outputs.verdict, outputs.exit) == ("invalid", 4)


GARBAGE = [
    "{",
    "null",
    "[]",
    "3",
    "{}",
    '"success"',
    '{"plan": 3, "train": 3}',
    '{"plan": {"result": "success"}}',
    '{"train": {"result": "success"}}',
    '{"plan": {}, "train": {}}',
    '{"plan": {"result": "success", "outputs": 3}, "train": {"result": "success"}}',
    '{"plan": {"result": "success", "outputs": "go"}, "train": {"result": "success"}}',
    '{"plan": null, "train": null}',
    "${{ toJSON(needs) }}",
    "\0",
]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_instead_of_needs_is_a_mistake_and_no_verdict(repository: Repository, text: str) -> None:
    found = context(repository, GOOD)
    with pytest.raises(ConfigError, match="`needs` is not what"):
        gate.run(gate.Inputs(needs=text), found)

    assert verdict.read(found.folder) is None


# ---------------------------------------------------------------------------------------------- stages before


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ({"train": "failed"}, "train: failed"),
        ({"train": "running"}, "train: was cut off while it ran"),
        ({"train": "interrupted"}, "train: was interrupted"),
        ({"download": "failed"}, "download: failed"),
        ({"train": "succeeded", "evaluate": "failed"}, "evaluate: failed"),
        ({"train": "succeeded", "evaluate": "succeeded", "evaluate-base": "failed"}, "evaluate-base: failed"),
        ({"train": "succeeded"}, "nothing was evaluated in this run; its job left no result"),
        ({"download": "succeeded"}, "nothing was evaluated in this run; its job left no result"),
    ],
)
def test_stage_without_a_result_is_invalid(repository: Repository, states: dict[str, str], reason: str) -> None:
    assert judged(repository, states=states) == ("invalid", 4, reason)


def test_failed_cleanup_or_report_does_not_spoil_a_result(repository: Repository) -> None:
    found = judged(repository, states=GOOD | {"cleanup": "failed", "report": "failed"})

    assert found[:2] == ("pass", 0)


def test_evaluation_of_an_older_training_is_invalid(repository: Repository) -> None:
    found = context(repository, GOOD)
    found.record.stages["evaluate"].needs = {"train": "an older one"}
    outputs = gate.run(gate.Inputs(), found)
    kept = verdict.read(found.folder)

    assert outputs.verdict == "invalid"
    assert kept is not None
    assert kept.reasons[0].text == "evaluate: is older than what it was made from"


def test_error_of_a_stage_is_its_reason(repository: Repository) -> None:
    found = context(repository)
    found.record.stages["train"] = StageRecord(
        state="failed", digest="", execution="", started=0.0, error="ms-swift failed: was killed (SIGKILL)"
    )
    gate.run(gate.Inputs(), found)
    kept = verdict.read(found.folder)

    assert kept is not None
    assert kept.reasons[0].text == "train: ms-swift failed: was killed (SIGKILL)"


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_damaged_metrics_are_invalid(repository: Repository, text: str) -> None:
    found = context(repository, GOOD)
    (found.folder / metric.FILE).write_text(text)

    assert gate.run(gate.Inputs(), found).verdict == "invalid"


def test_config_without_rules_passes_when_nothing_failed(repository: Repository) -> None:
    repository.config["gate"] = []
    repository.write()

    assert judged(repository) == ("pass", 0, "the config has no rules")
    assert judged(repository, states={"train": "failed"})[0] == "invalid"


def test_skipped_run_looks_for_no_baseline(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "look_up", lambda _: pytest.fail("it asked"))

    assert judged(repository, needs(go="false"))[0] == "skipped"


@pytest.mark.parametrize("text", ["{", "[]", '{"differs": [1]}', '{"differs": 5}'])
def test_damaged_baseline_is_invalid_and_no_crash(text: str, repository: Repository) -> None:
    repository.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "margin": 0.02}]
    repository.write()
    found = repository.folder / "baseline" / "found.json"
    found.parent.mkdir(parents=True)
    whole = {"source": "store", "run": "r", "name": "tiny", "why": "it was named"}
    found.write_text(json.dumps(whole | json.loads(text)) if text.startswith('{"') else text)

    assert judged(repository, needs())[:2] == ("invalid", 4)
