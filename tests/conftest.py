"""What every test may use."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from swiftci.cli import run
from tests.fake.repository import Repository, make

settings.register_profile("same-each-time", deadline=None, derandomize=True)
settings.load_profile("same-each-time")  # `pytest --hypothesis-profile default` looks for new examples

Golden = Callable[[Path, str], None]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a call of swiftci, in this process, said and returned."""

    code: int
    out: str
    err: str


Swiftci = Callable[..., Ran]


@dataclass(frozen=True, kw_only=True)
class Repo:
    """A folder, which is the current one, for a repository of configs and workflows."""

    root: Path
    swiftci: Swiftci

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)

    def read(self, name: str) -> str:
        return (self.root / name).read_bytes().decode()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="Rewrite golden outputs instead of comparing with them.")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with a file of the repository, or rewrites that file under --accept."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--accept"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} is missing; look at what pytest --accept writes"
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A small repository whose tools replay recordings."""
    return make(tmp_path / "repository")


@pytest.fixture(autouse=True)
def _not_on_a_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a runner, or the shell that started the tests, says to swiftci is not said to the tests."""
    for name in os.environ:
        if name.startswith(("GITHUB_", "RUNNER_", "SWIFTCI_")):
            monkeypatch.delenv(name)


@pytest.fixture
def swiftci(capsys: pytest.CaptureFixture[str]) -> Swiftci:
    """`swiftci ARGUMENTS` in the current folder."""

    def call(*argv: str) -> Ran:
        capsys.readouterr()
        code = run(list(argv))
        said = capsys.readouterr()
        return Ran(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swiftci: Swiftci) -> Repo:
    monkeypatch.chdir(tmp_path)
    return Repo(root=tmp_path, swiftci=swiftci)
