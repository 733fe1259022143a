"""What a tool gets to see, and what of a secret can be seen afterwards."""

from pathlib import Path

import pytest

from tests.fake.repository import Repository, runner_environ

SECRET = "hf_AbCd0123456789"


def holders(root: Path, text: str) -> list[str]:
    """Files below a folder that hold a text."""
    found = [path for path in root.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
    return [path.relative_to(root).as_posix() for path in found]


@pytest.mark.parametrize("case", ["ok-lora", "unknown-tuner", "sigkill"])
def test_secret_that_a_tool_prints_is_nowhere(repository: Repository, case: str) -> None:
    printed = f"token={SECRET} Authorization: Bearer {SECRET}\n12% {SECRET}\r13% {SECRET}"
    ran = repository.run(FAKE_HUB_TOKEN=SECRET, FAKE_PRINT=printed, FAKE_SWIFT=case)

    assert SECRET not in ran.text
    assert holders(repository.root, SECRET) == []
    assert "token=*** Authorization: Bearer ***" in (repository.folder / "logs" / "train.log").read_text()


def test_secret_that_a_tool_prints_is_nowhere_on_a_runner(repository: Repository, tmp_path: Path) -> None:
    """There the tool's output is shown live, too."""
    environ = runner_environ(tmp_path / "runner")
    ran = repository.stage("train", FAKE_HUB_TOKEN=SECRET, FAKE_PRINT=f"token={SECRET}", **environ)

    assert ran.code == 0
    assert "token=***" in ran.out
    assert SECRET not in ran.text
    assert holders(tmp_path / "runner", SECRET) == []
    assert holders(repository.root, SECRET) == []


def test_secret_in_the_name_of_the_failing_thing_is_masked(repository: Repository) -> None:
    ran = repository.run(
        "--until", "train", FAKE_HUB_TOKEN=SECRET, FAKE_SWIFT="sigterm", FAKE_PRINT=f"ValueError: {SECRET}"
    )

    assert ran.code == 4
    assert "  | ValueError: ***" in ran.err


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "MY_TOKEN", "DB_PASSWORD"])
def test_value_of_a_variable_that_sounds_secret_is_masked_too(repository: Repository, name: str) -> None:
    ran = repository.run("--until", "train", FAKE_PRINT=f"key={SECRET}", **{name: SECRET})

    assert ran.code == 0
    assert holders(repository.folder, SECRET) == []


def test_training_and_evaluation_get_no_hub_token(repository: Repository) -> None:
    repository.run("--until", "evaluate", FAKE_HUB_TOKEN=SECRET)

    assert [one["environ"].get("FAKE_HUB_TOKEN") for one in repository.calls] == [None, None]


def test_tool_gets_the_secrets_of_its_group(repository: Repository) -> None:
    repository.project["secrets"] = {"tracker": "TRACKER_KEY", "judge": "JUDGE_KEY"}
    repository.write()
    repository.run("--until", "evaluate", TRACKER_KEY=SECRET, JUDGE_KEY=f"{SECRET}-2")
    train, evaluate = (one["environ"] for one in repository.calls)

    assert (train.get("TRACKER_KEY"), train.get("JUDGE_KEY")) == (SECRET, None)
    assert (evaluate.get("TRACKER_KEY"), evaluate.get("MODELSCOPE_SDK_TOKEN")) == (None, f"{SECRET}-2")


def test_tool_cannot_reach_the_runners_files_and_tokens(repository: Repository, tmp_path: Path) -> None:
    environ = dict(runner_environ(tmp_path / "runner"))
    for name in ("GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        environ[name] = "ghs_token"
    for stage in ("train", "evaluate"):
        assert repository.stage(stage, **environ).code == 0

    for one in repository.calls:
        seen = one["environ"]
        assert not [name for name, value in seen.items() if value.startswith(str(tmp_path / "runner"))]
        assert "ghs_token" not in seen.values()
        assert seen["GITHUB_REPOSITORY"] == "team/models"


def test_tools_output_cannot_command_the_runner(repository: Repository, tmp_path: Path) -> None:
    environ = runner_environ(tmp_path / "runner")
    ran = repository.stage("train", FAKE_PRINT="::set-output name=checkpoint::/etc\n  ##[add-path]/tmp", **environ)
    lines = ran.out.splitlines()
    stop = next(line for line in lines if line.startswith("::stop-commands::"))
    go = f"::{stop.removeprefix('::stop-commands::')}::"

    assert lines.index(stop) < lines.index("::set-output name=checkpoint::/etc") < lines.index(go)


def test_variables_of_the_environment_are_not_in_the_record(repository: Repository) -> None:
    repository.run("--until", "gate", SOME_VARIABLE="a value of the environment")

    assert holders(repository.folder, "a value of the environment") == []


def test_probe_of_the_projects_python_sees_no_secret(repository: Repository, tmp_path: Path) -> None:
    """It is a file of the repository's, which a pull request can change."""
    python = repository.root / "bin/python"
    python.write_text(python.read_text().replace("exec", f"env >> {tmp_path}/seen\nexec", 1))
    repository.project["secrets"] = {"hub": ["FAKE_HUB_TOKEN"], "store": ["STORE_KEY"]}
    repository.write()
    repository.stage("train", FAKE_HUB_TOKEN="1-hub", STORE_KEY="2-store", GITHUB_TOKEN="3-github")

    seen = (tmp_path / "seen").read_text()
    assert not {word for word in ("1-hub", "2-store", "3-github") if word in seen}
