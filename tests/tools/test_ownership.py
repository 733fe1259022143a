"""Files that root made are given back; needs root, as a container's job has it."""

import os
from pathlib import Path

import pytest

from swiftci.tools.ownership import reclaim

SOMEBODY = 4242

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A runner's workspace with files of root's in a folder of somebody's."""
    root = tmp_path / "work" / "repository"
    (root / "train" / "deep").mkdir(parents=True)
    (root / "train" / "deep" / "weights").write_text("x")
    (root / "link").symlink_to("/etc/passwd")
    (root / "folder-link").symlink_to("train")
    os.chown(tmp_path / "work", SOMEBODY, SOMEBODY)
    return root


def environ(root: Path) -> dict[str, str]:
    return {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(root)}


def owners(root: Path) -> set[int]:
    return {os.lstat(path).st_uid for path in [root, *root.rglob("*")]}


def test_files_get_the_owner_of_the_folder_around_the_workspace(workspace: Path) -> None:
    changed = reclaim(environ(workspace))

    assert owners(workspace) == {SOMEBODY}
    assert changed == 6


def test_links_are_not_followed(workspace: Path) -> None:
    before = Path("/etc/passwd").stat().st_uid
    reclaim(environ(workspace))

    assert Path("/etc/passwd").stat().st_uid == before


def test_second_time_nothing_is_left_to_do(workspace: Path) -> None:
    reclaim(environ(workspace))

    assert reclaim(environ(workspace)) == 0


def test_away_from_a_runner_nothing_changes_hands(workspace: Path) -> None:
    assert reclaim({"GITHUB_WORKSPACE": str(workspace)}) == 0
    assert owners(workspace) == {0}


def test_missing_workspace_is_nothing_to_do(tmp_path: Path) -> None:
    assert reclaim(environ(tmp_path / "nowhere")) == 0
    assert reclaim({"GITHUB_ACTIONS": "true"}) == 0
