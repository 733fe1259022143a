"""A repository whose config was carried out once; made once, and copied for each test."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest

from tests.engine.comparing import MARGIN
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
    return _copy(carried_out, tmp_path)


@pytest.fixture(scope="session")
def compared_once(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = make(tmp_path_factory.mktemp("compared") / "repository")
    repository.config["gate"] = {"rules": [MARGIN], "on_inconclusive": "fail"}
    repository.write()
    ran = repository.run()
    assert ran.code == 0, ran.text
    return repository


@pytest.fixture
def compared(tmp_path: Path, compared_once: Repository) -> Repository:
    """A repository whose config was carried out once, with a rule that compares."""
    return _copy(compared_once, tmp_path)


def _copy(repository: Repository, folder: Path) -> Repository:
    shutil.copytree(repository.root, folder / "repository", symlinks=True)
    (folder / "home").mkdir()
    return Repository(
        root=folder / "repository",
        environ=repository.environ | {"HOME": str(folder / "home"), "FAKE_CALLS": str(folder / "calls.jsonl")},
        config=deepcopy(repository.config),
        project=deepcopy(repository.project),
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try follows at once."""
    monkeypatch.setattr("swiftci.tools.retry.FIRST_SECONDS", 0)
