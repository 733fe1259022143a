"""A repository whose config was carried out once; made once, and copied for each test."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from tests.fake.repository import Repository, make

EVERYTHING = ["evaluate-base", "train", "evaluate"]  # the calls that cost something


@pytest.fixture(scope="session")
def carried_out(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = make(tmp_path_factory.mktemp("carried-out") / "repository")
    repository.config["evaluate"]["base"] = True
    repository.write()
    ran = repository.run()
    assert ran.code == 0, ran.text
    assert repository.called == ["evaluate-base", "train", "evaluate"]
    return repository


@pytest.fixture
def done(tmp_path: Path, carried_out: Repository) -> Repository:
    """A repository with a finished run of its config, base model included."""
    shutil.copytree(carried_out.root, tmp_path / "repository", symlinks=True)
    (tmp_path / "home").mkdir()
    return Repository(
        root=tmp_path / "repository",
        environ=carried_out.environ | {"HOME": str(tmp_path / "home"), "FAKE_CALLS": str(tmp_path / "calls.jsonl")},
        config=deepcopy(carried_out.config),
        project=deepcopy(carried_out.project),
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try follows at once."""
    monkeypatch.setattr("swiftci.tools.retry.FIRST_SECONDS", 0)
