"""`swiftci chat`: mistakes, before any server is started. How it answers: tests/e2e/test_home.py."""

import io
import sys

import pytest

from tests.conftest import Repo
from tests.fake import trained


@pytest.fixture
def home(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    trained.project(repo.root)
    trained.run(repo.root / ".swiftci/runs/tiny")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return repo


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tiny"], "there is no prompt"),
        (["tiny", " "], "there is no prompt"),
        (["tiny", "hi", "--max-tokens", "0"], "0 is not in the range"),
        (["tinny", "hi"], "did you mean tiny?"),
        ([], "Missing argument 'RUN'"),
    ],
)
def test_mistake_is_told_before_a_server_starts(argv: list[str], message: str, home: Repo) -> None:
    done = home.swiftci("chat", *argv)

    assert done.code == 2
    assert message in done.err
    assert done.out == ""


def test_base_model_that_is_not_here_is_named(home: Repo) -> None:
    text = home.read(".swiftci/runs/tiny/run.json").replace("team/base", "./models/base")
    home.write({".swiftci/runs/tiny/run.json": text})

    done = home.swiftci("chat", "tiny", "hi")

    assert done.code == 4
    assert f"the base model {home.root}/models/base is not on this machine" in done.err


def test_damaged_checkpoint_is_not_served(home: Repo) -> None:
    (home.root / ".swiftci/runs/tiny/train/checkpoint-4/args.json").unlink()

    done = home.swiftci("chat", "tiny", "hi")

    assert done.code == 4
    assert "is not what the training left" in done.err
