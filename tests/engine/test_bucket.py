"""Runs whose store is a bucket, on a real S3 server: what one machine made, another takes, or goes on with."""

import signal
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from tests.fake.repository import Repository, make, wait_for
from tests.standin import s3


@pytest.fixture(scope="module")
def server() -> Iterator[s3.S3]:
    with s3.serving() as one:
        yield one


@pytest.fixture
def machine(repository: Repository, server: s3.S3, tmp_path: Path) -> Repository:
    """A repository with a bucket of its own, and the keys."""
    name = f"b{abs(hash(tmp_path)):x}"
    server.make(name)
    secrets = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    repository.project |= {"store": f"s3://{name}/team", "secrets": {"store": secrets}}
    repository.environ |= server.environ()
    repository.write()
    return repository


def another(first: Repository, folder: Path) -> Repository:
    """The same repository on a machine that has nothing of the first."""
    second = make(folder / "repository")
    second.project, second.config = deepcopy(first.project), deepcopy(first.config)
    second.environ |= {key: first.environ[key] for key in first.environ if key.startswith("AWS_")}
    second.write()
    return second


def test_another_machine_takes_what_the_first_made(machine: Repository, tmp_path: Path) -> None:
    assert machine.run().code == 0
    second = another(machine, tmp_path / "second")
    ran = second.run()

    assert ran.code == 0, ran.text
    assert second.called == []
    assert "= train: taken from the store, made by run local-" in ran.out
    assert (second.folder / "train/checkpoint-10/adapter_config.json").is_file()
    assert ran.out.splitlines()[-1].endswith("verdict: pass")


def test_another_machine_goes_on_with_what_the_first_left(machine: Repository, tmp_path: Path) -> None:
    process = machine.start("run", "configs/tiny.yaml", FAKE_HANG="train", FAKE_SAVED="5")
    wait_for(lambda: "hanging" in text(machine.folder / "logs/train.log"), 60)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    second = another(machine, tmp_path / "second")
    ran = second.run("--until", "train")

    assert ran.code == 0, ran.text
    assert "what an earlier run left unfinished is fetched from the store" in ran.out
    argv = second.calls[0]["argv"]
    assert argv[argv.index("--resume_from_checkpoint") + 1] == str(second.folder / "train/checkpoint-5")


def text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def test_model_comes_home_from_the_bucket(machine: Repository, tmp_path: Path) -> None:
    assert machine.run().code == 0
    second = another(machine, tmp_path / "second")
    listed = second.swiftci("store", "ls")
    checked = second.swiftci("store", "fsck", "--deep")

    assert "tiny" in listed.out, listed.text
    assert (checked.code, second.called) == (0, [])


def test_keys_reach_no_tool_and_no_file(machine: Repository) -> None:
    assert machine.run().code == 0
    secret = machine.environ["AWS_SECRET_ACCESS_KEY"]

    assert not any(secret in str(call["environ"]) + str(call["argv"]) for call in machine.calls)
    assert not [path for path in machine.root.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_bucket_that_is_away_costs_a_run_nothing_but_its_memory(
    machine: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swiftci.tools.objects.PAUSES", (0.0,))
    machine.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
    ran = machine.run()

    assert ran.code == 0, ran.text
    assert machine.called == ["train", "evaluate"]
    assert "the store cannot be asked" in ran.out
    assert "could not be kept" in ran.out
