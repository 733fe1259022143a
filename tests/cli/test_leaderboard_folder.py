"""The folder of `swiftci leaderboard`: replaced as a whole, and only where all in it is its own."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import site as module
from tests.cli.boards import files, fill
from tests.conftest import Repo


def test_folder_that_is_not_ours_is_never_touched(repo: Repo, records: Path) -> None:
    fill(records)
    repo.write({"site/index.html": "mine", "file": "mine"})

    for name in ("site", "file"):
        done = repo.swiftci("leaderboard", "--to", name)
        assert done.code == 2
    assert "is a file, and should be a folder" in done.err
    assert "holds what no leaderboard wrote: index.html" in repo.swiftci("leaderboard").err
    assert (repo.read("site/index.html"), repo.read("file")) == ("mine", "mine")


@pytest.mark.parametrize("name", ["CNAME", "models/notes.txt", ".nojekyll"])
def test_file_that_somebody_put_beside_the_pages_is_never_removed(repo: Repo, records: Path, name: str) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    repo.write({f"site/{name}": "board.example.com"})

    done = repo.swiftci("leaderboard")

    assert done.code == 2
    assert f"holds what no leaderboard wrote: {name}" in done.err
    assert repo.read(f"site/{name}") == "board.example.com"


def test_pages_that_are_gone_are_removed_with_the_rest(repo: Repo, records: Path) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    shutil.rmtree(records / "records/large")

    repo.swiftci("leaderboard")

    assert not [name for name in files(repo.root / "site") if "large" in name]
    assert sorted(path.name for path in repo.root.iterdir() if path.name.startswith(".")) == [".swiftci"]


@pytest.mark.parametrize("failing", ["write", "rename"])
def test_failure_leaves_the_old_pages(repo: Repo, records: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    before = files(repo.root / "site")
    real = Path.rename

    def full(path: Path, *_: Any, **__: Any) -> Path:
        raise OSError(28, "No space left on device", str(path))

    def busy(path: Path, target: Path) -> Path:
        return real(path, target) if path.suffix != ".part" else full(path)

    if failing == "write":
        monkeypatch.setattr(module, "write_text", full)
    else:
        monkeypatch.setattr(Path, "rename", busy)

    assert repo.swiftci("leaderboard").code == 4
    assert files(repo.root / "site") == before
    assert sorted(path.name for path in repo.root.iterdir() if path.name.startswith(".")) == [".swiftci"]


def test_link_to_a_folder_stays_a_link(repo: Repo, records: Path) -> None:
    fill(records)
    (repo.root / "there").mkdir()
    (repo.root / "site").symlink_to("there")

    assert repo.swiftci("leaderboard").code == 0
    assert repo.swiftci("leaderboard").code == 0
    assert (repo.root / "site").is_symlink()
    assert (repo.root / "there/index.html").is_file()
