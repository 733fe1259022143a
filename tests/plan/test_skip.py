"""A plan whose result an earlier run has takes no GPU; the verdict is given on that result by today's rules."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftci.store.record import SMALL
from tests.fake.repository import Repository
from tests.standin.github import ID, REPOSITORY, Artifact, GitHub, serving

COMMIT = "a" * 40
IMAGE = "team/tools@sha256:" + "1" * 64


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as found:
        found.branches = {"main": [COMMIT]}
        yield found


@pytest.fixture
def runner(repository: Repository, github: GitHub, tmp_path: Path) -> Repository:
    """A repository in a job of a push to main, whose tools are in a pinned image."""
    repository.project["container"] = IMAGE
    repository.write()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"id": ID, "default_branch": "main"}}))
    repository.environ |= {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": github.url,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/tiny.yml@refs/heads/main",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_TOKEN": "ghs_secret",
        "NO_PROXY": "*",
    }
    return repository


def finished(runner: Repository, github: GitHub) -> None:
    """Carries the run out, and keeps its small files as the verdict job does."""
    for name in ("download", "train", "evaluate"):
        assert runner.stage(name).code == 0
    assert runner.stage("gate", "--needs", needs(artifact="")).code == 0
    ran = runner.stage("report")
    name = next(line.removeprefix("kept-as: ") for line in ran.out.splitlines() if line.startswith("kept-as: "))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in (path for one in SMALL for path in ((runner.folder / one).rglob("*"), [runner.folder / one])):
            for file in path:
                if file.is_file():
                    archive.write(file, file.relative_to(runner.folder))
    github.artifacts.append(Artifact(id=5, name=name, content=made.getvalue(), branch="main", commit=COMMIT))
    runner.forget()


def needs(artifact: str) -> str:
    go = "false" if artifact else "true"
    plan = {"result": "success", "outputs": {"go": go, "reason": "", "artifact": artifact}}
    train = {"result": "skipped" if artifact else "success", "outputs": {}}
    return json.dumps({"plan": plan, "train": train})


def outputs(runner: Repository) -> dict[str, str]:
    """What the last command set."""
    lines = iter(Path(runner.environ["GITHUB_OUTPUT"]).read_text().splitlines())
    found = {}
    for line in lines:
        name, _, mark = line.partition("<<")
        found[name] = "\n".join(iter(lambda mark=mark: next(lines), mark))  # type: ignore[misc] # bound now
    return found


def plan(runner: Repository, *arguments: str) -> dict[str, str]:
    Path(runner.environ["GITHUB_OUTPUT"]).unlink(missing_ok=True)
    ran = runner.swiftci("plan", "configs/tiny.yaml", *arguments)
    assert ran.code == 0, ran.text
    return outputs(runner) | {"text": ran.out}


def test_unchanged_plan_takes_no_gpu_and_names_the_run(runner: Repository, github: GitHub) -> None:
    finished(runner, github)
    found = plan(runner)

    assert found["go"] == "false"
    assert found["reason"].startswith("nothing that decides the result changed since run 1005 of main: https://")
    assert (Path(found["earlier"]) / "run.json").is_file()


def test_earlier_result_is_judged_by_todays_rules(runner: Repository, github: GitHub) -> None:
    finished(runner, github)
    runner.config["gate"] = [{"metric": "general_qa.rouge-l-recall", "at_least": 0.5, "at_most": 0.9}]
    runner.write()
    earlier = plan(runner)["earlier"]
    later = runner.environ | {"GITHUB_RUN_ID": "78"}
    runner.environ = later
    judged = runner.stage("gate", "--run-dir", earlier, "--needs", needs(artifact="12"))
    reported = runner.stage("report", "--run-dir", earlier)

    assert judged.code == 3
    assert reported.code == 0
    assert runner.called == []
    record = json.loads((Path(earlier) / "run.json").read_text())
    assert record["run"] == "78"
    assert record["stages"]["train"]["origin"]


@pytest.mark.parametrize("change", ["argument", "data", "image"])
def test_changed_plan_goes(runner: Repository, github: GitHub, change: str) -> None:
    finished(runner, github)
    if change == "argument":
        runner.config["train"]["args"]["max_steps"] = 11
    elif change == "data":
        (runner.root / "data/train.jsonl").write_text('{"messages": [{"role": "assistant", "content": "x"}]}\n')
    else:
        runner.project["container"] = IMAGE.replace("1", "2")
    runner.write()
    found = plan(runner)

    assert (found["go"], found["earlier"]) == ("true", "")
    assert "no earlier run has this result" in found["text"]


def test_force_goes(runner: Repository, github: GitHub) -> None:
    finished(runner, github)

    assert plan(runner, "--force")["go"] == "true"


def test_what_only_the_gpu_machine_knows_is_left_to_it(runner: Repository, github: GitHub) -> None:
    finished(runner, github)
    del runner.project["container"]
    runner.write()
    found = plan(runner)

    assert found["go"] == "true"
    assert "decided on the GPU machine (version of " in found["text"]


def test_trouble_with_github_means_go(runner: Repository, github: GitHub) -> None:
    finished(runner, github)
    runner.environ["GITHUB_API_URL"] = "http://127.0.0.1:1"

    assert plan(runner)["go"] == "true"


def test_result_that_does_not_hold_what_its_name_says_is_not_believed(runner: Repository, github: GitHub) -> None:
    finished(runner, github)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(github.artifacts[0].content)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "run.json":
                data = json.dumps(json.loads(data) | {"fingerprint": "f" * 64}).encode()
            new.writestr(name, data)
    github.artifacts[0].content = made.getvalue()

    assert plan(runner)["go"] == "true"


def test_verdict_job_needs_no_store_on_its_machine(runner: Repository, github: GitHub, tmp_path: Path) -> None:
    """GitHub's own runner has no such folder, and may not make it."""
    (tmp_path / "file").touch()
    finished(runner, github)
    runner.project["store"] = f"{tmp_path}/file/store"
    runner.write()
    earlier = plan(runner)["earlier"]
    judged = runner.stage("gate", "--run-dir", earlier, "--needs", needs(artifact="12"))

    assert judged.code == 0, judged.text
    assert runner.stage("report", "--run-dir", earlier).code == 0
