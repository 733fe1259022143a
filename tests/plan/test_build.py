"""What a config's plan holds: which stages, in which order, where and why, and when there is nothing to do."""

from collections.abc import Sequence

import pytest

from swiftci.config.load import load_config, load_project
from swiftci.plan.build import Plan, build, watch
from swiftci.spec.problem import Problem
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Place
from tests.conftest import Repo

PROJECT = "actions: swiftci/swiftci@v1\n"
CONFIG = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n"


def planned(repo: Repo, config: str, changed: Sequence[str] | None = None) -> Plan:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": config})
    problems: list[Problem] = []
    project = load_project(repo.root, problems)
    loaded = load_config(repo.root, "configs/a.yaml", problems)
    assert project and loaded, problems
    return build(project, loaded, changed, repo.root)


@pytest.mark.parametrize(
    ("more", "ids"),
    [
        ("", "download train gate report comment cleanup"),
        ("evaluate: {datasets: [ceval]}\n", "download baseline train evaluate gate report comment cleanup"),
        (
            "evaluate: {datasets: [ceval], base: true}\n",
            "download baseline evaluate-base train evaluate gate report comment cleanup",
        ),
        (
            "evaluate: {datasets: [ceval], args: {limit: 9}}\n"
            "gate: {rules: [{metric: ceval.accuracy, margin: 0.02}], extend_to: 99}\n",
            "download baseline train evaluate evaluate-baseline extend gate report comment cleanup",
        ),
    ],
)
def test_stages_come_in_order(more: str, ids: str, repo: Repo) -> None:
    plan = planned(repo, CONFIG + more)

    assert [call.id for call in plan.calls] == ids.split()
    assert all(call.stage in BY_NAME for call in plan.calls)
    assert len({call.id for call in plan.calls}) == len(plan.calls)


def test_each_machine_gets_its_stages(repo: Repo) -> None:
    plan = planned(repo, CONFIG + "evaluate: {datasets: [ceval], base: true}\n")

    gpu = ["download", "baseline", "evaluate-base", "train", "evaluate", "cleanup"]
    assert [call.id for call in plan.at(Place.GPU)] == gpu
    assert [call.id for call in plan.at(Place.CPU)] == ["gate", "report", "comment"]


def test_what_must_happen_after_a_failure_comes_after_what_may_fail(repo: Repo) -> None:
    plan = planned(repo, CONFIG + "evaluate: {datasets: [ceval]}\n")

    always = [BY_NAME[call.stage].always for call in plan.calls]
    assert always == sorted(always)


@pytest.mark.parametrize(
    ("train", "why"),
    [
        ("gpus: 0", "sft with ms-swift on the CPU"),
        ("gpus: 0, processes: 2", "sft with ms-swift on the CPU in 2 processes"),
        ("gpus: 8", "sft with ms-swift on 8 GPUs"),
        ("gpus: 8, processes: 1", "sft with ms-swift on 8 GPUs in 1 process"),
        ("gpus: 8, nodes: 2", "sft with ms-swift on 8 GPUs of each of 2 machines"),
        ("gpus: 2, servers: [{role: teacher, gpus: 0, args: {model: a/b}}]",
         "sft with ms-swift on 2 GPUs; teacher server on the CPU"),
    ],
)  # fmt: skip
def test_training_is_described_by_what_it_takes(repo: Repo, train: str, why: str) -> None:
    plan = planned(repo, f"name: a\ntrain: {{{train}, args: {{model: owner/model, dataset: owner/data}}}}\n")

    assert next(call.why for call in plan.calls if call.stage == "train") == why


def test_several_machines_train_first_and_join_with_their_own_calls(repo: Repo) -> None:
    text = "name: a\ntrain: {nodes: 2, args: {model: owner/model, dataset: owner/data}}\n"
    plan = planned(repo, text + "evaluate: {datasets: [ceval], base: true}\n")

    ids = [call.id for call in plan.calls]
    assert ids.index("train") < ids.index("evaluate-base")
    assert [call.id for call in plan.joining] == ["download", "join", "cleanup"]


def test_each_call_says_why(repo: Repo) -> None:
    rules = "gate: [{metric: ceval.acc, at_least: 0.5}]\n"
    plan = planned(repo, CONFIG + "evaluate: {datasets: [ceval, cmmlu], base: true}\n" + rules)

    assert [call.why for call in plan.calls] == [
        "tools, models and data are checked and fetched before anything costs GPU time",
        "the run that the result is compared with",
        "evaluate.base is true",
        "sft with ms-swift on 1 GPU",
        "data sets: ceval, cmmlu",
        "1 rule",
        "always",
        "always: on the pull request, and as a check",
        "always",
    ]


def test_the_base_is_scored_by_the_same_stage_with_an_input(repo: Repo) -> None:
    plan = planned(repo, CONFIG + "evaluate: {datasets: [ceval], base: true}\n")

    calls = {call.id: call for call in plan.calls}
    assert (calls["evaluate-base"].stage, calls["evaluate-base"].inputs) == ("evaluate", {"subject": "base"})
    assert (calls["evaluate"].stage, calls["evaluate"].inputs) == ("evaluate", {})


LOCAL = """name: a
train:
  from: ../sft/a.yml
  args:
    model: models/small
    dataset: [data/train.jsonl#50, data/more, owner/data, /gpu/only.jsonl, ../outside.jsonl, link.jsonl]
    val_dataset: data/new.jsonl
evaluate:
  datasets: [general_qa, general_mcq]
  args: {dataset_args: {general_qa: {local_path: data/heldout}, general_mcq: {local_path: data/mcq.csv}}}
"""


@pytest.fixture
def local(repo: Repo) -> Repo:
    """A repository with models and data in it."""
    repo.write({"sft/a.yml": "max_steps: 5\n", "models/small/config.json": "{}", "data/train.jsonl": '{"a": 1}\n'})
    repo.write({"data/more/a.jsonl": "{}\n", "data/heldout/items.jsonl": "{}\n", "data/real.jsonl": "{}\n"})
    repo.write({"data/mcq.csv": "question,A,B\n"})
    (repo.root / "link.jsonl").symlink_to("data/real.jsonl")
    return repo


def test_watched_is_all_in_the_repository_that_decides_the_run(local: Repo) -> None:
    plan = planned(local, LOCAL)

    assert watch(plan.loaded, local.root) == [
        ".github/workflows/swiftci-a.yml",
        "configs/a.yaml",
        "data/heldout/**",
        "data/mcq.csv",
        "data/more/**",
        "data/new.jsonl",
        "data/real.jsonl",
        "data/train.jsonl",
        "models/small/**",
        "sft/a.yml",
        "swiftci.lock",
        "swiftci.yaml",
    ]


@pytest.mark.parametrize(
    ("path", "go"),
    [
        ("configs/a.yaml", True),
        ("swiftci.yaml", True),
        ("swiftci.lock", True),
        (".github/workflows/swiftci-a.yml", True),
        ("sft/a.yml", True),
        ("data/train.jsonl", True),
        ("data/more/deep/new.jsonl", True),
        ("models/small/config.json", True),
        ("data/heldout/items.jsonl", True),
        ("data/mcq.csv", True),
        ("README.md", False),
        ("configs/b.yaml", False),
        ("configs/a.yaml.bak", False),
        ("data/trainXjsonl", False),
        ("data/more", False),
        ("data/moreover.jsonl", False),
        ("data/other.jsonl", False),
        ("x/configs/a.yaml", False),
    ],
)
def test_pull_request_runs_when_something_watched_changed(path: str, go: bool, local: Repo) -> None:
    plan = planned(local, LOCAL, changed=["docs/x.md", path])

    assert plan.go is go
    assert (plan.reason == "") is go


def test_pull_request_that_changes_nothing_of_it_is_told_what_would(repo: Repo) -> None:
    plan = planned(repo, CONFIG, changed=[])

    assert plan.go is False
    assert plan.reason == (
        "nothing that a depends on changed: .github/workflows/swiftci-a.yml, configs/a.yaml, swiftci.lock, swiftci.yaml"
    )


def test_without_a_pull_request_there_is_always_something_to_do(repo: Repo) -> None:
    plan = planned(repo, CONFIG, changed=None)

    assert (plan.go, plan.reason) == (True, "")
