"""`swiftci plan`: what it shows, and what it tells a runner."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Golden, Repo

HERE = Path(__file__).parent
PROJECT = "actions: swiftci/swiftci@v1\n"
CONFIG = """name: a
train:
  gpus: 0
  args:
    model: owner/model
    dataset: ["owner/data#50", data.jsonl]
    max_steps: 010
    system: two words
    model_kwargs: {fps: 2, name: 模型}
evaluate:
  datasets: [ceval, general_qa]
  base: true
  args: {limit: 5, dataset_args: {general_qa: {local_path: heldout}}}
gate:
  - {metric: ceval.acc, at_least: 0.5}
  - {metric: general_qa.Rouge-1-R, at_least: 0.25, at_most: 1}
"""


@pytest.fixture
def project(repo: Repo) -> Repo:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "data.jsonl": "{}\n", "heldout/a.jsonl": "{}\n"})
    return repo


def test_text_shows_jobs_stages_arguments_and_who_decided_them(project: Repo, golden: Golden) -> None:
    done = project.swiftci("plan", "configs/a.yaml")

    assert (done.code, done.err) == (0, "")
    golden(HERE / "expected/plan.txt", done.out.replace(str(project.root), "ROOT"))


def test_json_shows_the_same(project: Repo, golden: Golden) -> None:
    done = project.swiftci("plan", "configs/a.yaml", "--format", "json")

    assert (done.code, done.err) == (0, "")
    assert list(json.loads(done.out)) == [
        *[
            "name",
            "config",
            "go",
            "reason",
            "run_dir",
            "jobs",
            "fetch",
            "method",
            "train",
            "evaluate",
            "gate",
            "foreseen",
            "limits",
            "estimate",
            "result",
        ]
    ]
    golden(HERE / "expected/plan.json", done.out.replace(str(project.root), "ROOT"))


def test_config_is_named_from_any_folder(project: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    here = project.swiftci("plan", "configs/a.yaml").out
    monkeypatch.chdir(project.root / "configs")

    assert project.swiftci("plan", "a.yaml").out == here
    assert project.swiftci("plan", str(project.root / "configs/a.yaml")).out == here


def test_models_and_data_may_be_on_the_gpu_machine_only(project: Repo) -> None:
    (project.root / "data.jsonl").unlink()

    assert project.swiftci("plan", "configs/a.yaml").code == 0
    assert project.swiftci("check").code == 2


def test_data_in_the_checkout_is_looked_at_before_a_gpu_is_taken(project: Repo) -> None:
    project.write({"data.jsonl": "no json\n"})

    done = project.swiftci("plan", "configs/a.yaml")

    assert done.code == 2
    assert "error[data-format]: train.args.dataset: data.jsonl:1: is not JSON" in done.err


def outputs(path: Path) -> dict[str, str]:
    """A runner's outputs, as it reads them."""
    return dict(re.findall(r"^([a-z-]+)<<(?:\S+)\n(.*)\n\S+$", path.read_text(), re.MULTILINE))


def git(folder: Path, *argv: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, "-C", folder, *argv], check=True, capture_output=True)


@pytest.fixture
def merge(project: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A checkout of a pull request's merge commit, on a runner; the pull request changes README.md only."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.root / "output"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("SWIFTCI_CONFIG", "configs/a.yaml")
    project.write({"swiftci.yaml": PROJECT + "required: true\ntrust: internal\n"})
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "base")
    git(project.root, "checkout", "-q", "-b", "change")
    project.write({"README.md": "new\n"})
    git(project.root, "add", "README.md")
    git(project.root, "commit", "-q", "-m", "change")
    git(project.root, "checkout", "-q", "main")
    git(project.root, "merge", "-q", "--no-ff", "-m", "merge", "change")
    return project


@pytest.mark.parametrize("event", ["pull_request", "merge_group"])
def test_required_check_skips_what_a_pull_request_does_not_touch(
    event: str, merge: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)

    done = merge.swiftci("plan")

    assert done.code == 0
    assert done.out.startswith("a (configs/a.yaml): skip: nothing that a depends on changed: ")
    found = outputs(merge.root / "output")
    assert found["go"] == "false"
    assert found["reason"].startswith("nothing that a depends on changed: ")


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", ""])
def test_other_events_always_go(event: str, merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", event)

    assert merge.swiftci("plan").code == 0
    assert outputs(merge.root / "output") == {"go": "true", "reason": "", "earlier": ""}


def test_pull_request_that_touches_it_goes(merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    merge.write({"heldout/b.jsonl": "{}\n"})
    git(merge.root, "add", "-A", "heldout")
    git(merge.root, "commit", "-q", "--amend", "--no-edit")

    merge.swiftci("plan")

    assert outputs(merge.root / "output")["go"] == "true"


def test_where_the_change_is_not_known_it_goes(merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    git(merge.root, "checkout", "-q", "--orphan", "alone")
    git(merge.root, "commit", "-q", "-m", "no parent")

    merge.swiftci("plan")

    assert outputs(merge.root / "output")["go"] == "true"


def test_without_required_the_workflows_own_filter_decided(merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    merge.write({"swiftci.yaml": PROJECT + "trust: internal\n"})

    merge.swiftci("plan")

    assert outputs(merge.root / "output")["go"] == "true"


def test_mistake_on_a_runner_is_an_annotation_and_sets_no_output(merge: Repo) -> None:
    merge.write({"configs/a.yaml": CONFIG.replace("max_steps", "max_stpes")})

    done = merge.swiftci("plan")

    assert done.code == 2
    assert "::error file=configs/a.yaml,line=7,col=5,title=swiftci%3A suspect-argument::" in done.err
    assert not (merge.root / "output").exists()


def test_overrides_of_an_action_are_one_a_line(merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWIFTCI_SET", "train.args.max_steps=2\n\n  train.args.seed=7  \n")

    done = merge.swiftci("plan", "--format", "json")

    arguments = {one["name"]: one["value"] for one in json.loads(done.out)["train"]}
    assert (arguments["max_steps"], arguments["seed"]) == ("2", "7")


def test_a_store_is_where_a_runner_works(merge: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/models")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    merge.write({"swiftci.yaml": PROJECT + "store: /data/swiftci\n"})

    done = merge.swiftci("plan")

    assert done.out.endswith("run directory: /data/swiftci/team/models/runs/a-77\n")
