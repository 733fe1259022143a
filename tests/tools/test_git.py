"""What git knows of a checkout."""

import os
import subprocess
from pathlib import Path

import pytest

from swiftci.tools import git

IDENTITY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def call(root: Path, *argv: str) -> str:
    names = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main")
    command = ["git", "-C", str(root), *names, *argv]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | IDENTITY).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    root.mkdir()
    call(root, "init", "-q")
    (root / "a").write_text("1")
    call(root, "add", "a")
    call(root, "commit", "-q", "-m", "first")
    return root


def test_commit_of_a_clean_checkout(checkout: Path) -> None:
    assert git.commit(checkout, {}) == call(checkout, "rev-parse", "HEAD")


def test_changed_checkout_has_a_plus(checkout: Path) -> None:
    (checkout / "a").write_text("2")

    assert git.commit(checkout, {}) == call(checkout, "rev-parse", "HEAD") + "+"


def test_files_that_git_does_not_know_change_nothing(checkout: Path) -> None:
    (checkout / "new").write_text("2")

    assert not str(git.commit(checkout, {})).endswith("+")


def test_on_a_runner_the_commit_is_githubs(checkout: Path) -> None:
    assert git.commit(checkout, {"GITHUB_ACTIONS": "true", "GITHUB_SHA": "abc"}) == "abc"
    assert git.commit(checkout, {"GITHUB_SHA": "abc"}) != "abc"


def test_no_checkout_no_commit(tmp_path: Path) -> None:
    assert git.commit(tmp_path, {}) is None
    assert git.changed_paths(tmp_path, "HEAD^1") is None


def test_no_git_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert git.commit(checkout, {}) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_somebody_elses_checkout_is_read(checkout: Path) -> None:
    head = call(checkout, "rev-parse", "HEAD")
    for path in [checkout, *checkout.rglob("*")]:
        os.chown(path, 4242, 4242)

    assert git.commit(checkout, {}) == head


def test_changed_paths_are_exact(checkout: Path) -> None:
    names = ["with space", "中文", 'quo"te', "new\nline", "-dash"]
    for name in names:
        (checkout / name).write_text("x")
    call(checkout, "add", "-A")
    call(checkout, "commit", "-q", "-m", "second")

    assert sorted(git.changed_paths(checkout, "HEAD^1") or []) == sorted(names)


def test_unknown_base_is_no_answer(checkout: Path) -> None:
    assert git.changed_paths(checkout, "HEAD^9") is None


def test_remote_commit_of_branch_and_tag(checkout: Path) -> None:
    call(checkout, "tag", "-a", "v1", "-m", "x")
    head = call(checkout, "rev-parse", "HEAD")

    assert git.remote_commit(str(checkout), "v1") == head
    assert git.remote_commit(str(checkout), "main") == head
    assert git.remote_commit(str(checkout), "nowhere") is None
    assert git.remote_commit(str(checkout / "nowhere"), "main") is None
