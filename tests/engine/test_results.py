"""`swiftci stage evaluate --results`: what a team's own harness measured, as the gate and the report take it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.evidence.corpus import CORPUS, edit
from tests.fake.repository import Repository


def given(repository: Repository, case: str, name: str = "results") -> None:
    """A recording in the repository, and a config that evaluates its data set."""
    shutil.copytree(CORPUS / case, repository.root / name)
    tool = case.partition("/")[0]
    repository.config["evaluate"] = {"datasets": ["places" if tool == "lm_eval" else "tools"]}
    metric = "places.acc" if tool == "lm_eval" else "tools.pass"
    repository.config["gate"] = [{"metric": metric, "at_least": 0.2}]
    repository.write()


@pytest.mark.parametrize("case", ["lm_eval/choices", "promptfoo/ok"])
def test_results_are_judged_as_a_measurement_of_ones_own(repository: Repository, case: str) -> None:
    given(repository, case)

    ran = repository.stage("evaluate", "--results", "results")

    assert ran.code == 0, ran.text
    assert repository.called == []
    assert repository.stage("gate").code == 0
    items = (repository.folder / "items/candidate.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(items) == (16 if case == "lm_eval/choices" else 4)


def test_results_of_two_subjects_lie_side_by_side(repository: Repository) -> None:
    given(repository, "lm_eval/choices")

    for subject in ("base", "candidate"):
        ran = repository.stage("evaluate", "--subject", subject, "--results", "results")
        assert ran.code == 0, ran.text

    metrics = json.loads((repository.folder / "metrics.json").read_text())["metrics"]
    assert {one["subject"] for one in metrics} == {"base", "candidate"}


def test_no_gpu_is_taken_for_what_was_measured_already(repository: Repository) -> None:
    """This machine has none, and the model of this config would want four."""
    given(repository, "promptfoo/ok")

    ran = repository.stage("evaluate", "--results", "results", "--set", "train.gpus=4")

    assert ran.code == 0, ran.text


def test_changed_results_are_read_again_and_the_same_are_not(repository: Repository) -> None:
    given(repository, "promptfoo/ok")

    def read() -> str:
        ran = repository.stage("evaluate", "--results", "results/tools.json")
        assert ran.code == 0, ran.text
        return str(repository.record["stages"]["evaluate"]["digest"])

    first = read()
    assert read() == first
    edit(repository.root / "results/tools.json", lambda data: data.update(evalId="another"))
    assert read() != first


def test_clusters_of_the_config_are_read_with_the_results(repository: Repository) -> None:
    given(repository, "promptfoo/ok")
    repository.config["evaluate"]["clusters"] = {"tools": "kind"}
    repository.write()

    assert repository.stage("evaluate", "--results", "results").code == 0

    rows = [json.loads(line) for line in (repository.folder / "items/candidate.jsonl").read_text().splitlines()]
    assert [row["cluster"] for row in rows] == ["other", "for wood", "other", "other"]


def test_results_take_the_place_of_an_evaluation(repository: Repository) -> None:
    """And what EvalScope left is not taken for theirs by a later try."""
    assert repository.stage("train").code == 0
    assert repository.stage("evaluate").code == 0
    shutil.copy(CORPUS / "promptfoo/ok/tools.json", repository.root / "general_qa.json")

    ran = repository.stage("evaluate", "--results", "general_qa.json")

    assert ran.code == 0, ran.text
    metrics = json.loads((repository.folder / "metrics.json").read_text())["metrics"]
    assert {one["metric"] for one in metrics} == {"pass", "score", "exact", "brevity"}
    assert sorted(path.name for path in (repository.folder / "eval/candidate").iterdir()) == ["items", "metrics.json"]


def test_missing_results_are_the_users_mistake(repository: Repository) -> None:
    given(repository, "promptfoo/ok")

    for place in ("nowhere", "owner/nowhere", "x" * 300):
        ran = repository.stage("evaluate", "--results", place)
        assert ran.code == 2, ran.text
        assert "error[path-missing]: there are no results at" in ran.text


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def other(folder: Path) -> None:
    emptied(folder)
    (folder / "tools.json").write_text('{"results": {"accuracy": 1.0}}')


def cut(folder: Path) -> None:
    path = folder / "tools.json"
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (emptied, "results holds no results of lm-evaluation-harness"),
        (other, "results holds no results of lm-evaluation-harness"),
        (cut, "tools.json is damaged"),
        (lambda folder: (folder / "tools.json").write_text(""), "tools.json is damaged"),
        (
            lambda folder: (folder / "tools.json").rename(folder / "other.json"),
            "tools: results has no results of it; it has: other",
        ),
    ],
    ids=["empty folder", "another format", "cut off", "empty file", "another data set"],
)
def test_results_that_are_no_measurement_are_refused(repository: Repository, change: object, words: str) -> None:
    given(repository, "promptfoo/ok")
    change(repository.root / "results")  # type: ignore[operator] # each is called

    ran = repository.stage("evaluate", "--results", "results")

    assert ran.code == 4, ran.text
    assert words in ran.text
    assert not (repository.folder / "metrics.json").exists()
