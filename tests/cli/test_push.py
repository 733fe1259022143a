"""`swiftci push`: what is refused before anything is sent, and what a hub's refusal becomes."""

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from swiftci.tools.hub import upload
from swiftci.tools.interpreter import Interpreter
from tests.conftest import Ran, Repo
from tests.fake import trained

TOKEN = "hf_this-is-a-secret"
CLIENT = """\
import json, os, pathlib, sys
job = json.loads(pathlib.Path(sys.argv[1]).read_text())
print("token is", os.environ["HF_TOKEN"], flush=True)
assert os.environ["HF_TOKEN"] not in " ".join(sys.argv) + str(job)
answer = {answer!r}
if answer is not None:
    answer["job"] = {{**job, "files": sorted(p.name for p in pathlib.Path(job["folder"]).iterdir())}}
    pathlib.Path({told!r}).write_text(json.dumps(answer))
    pathlib.Path(sys.argv[2]).write_text(json.dumps(answer))
sys.exit(0 if answer and "address" in answer else 1)
"""


@pytest.fixture
def home(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    trained.project(repo.root)
    trained.run(repo.root / ".swiftci/runs/tiny")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return repo


def push(home: Repo, answer: dict[str, Any] | None, *argv: str) -> Ran:
    """Pushes through a client that gives an answer and uploads nothing."""
    script = home.root / "client.py"
    script.write_text(CLIENT.format(answer=answer, told=str(home.root / "job.json")))
    found = Interpreter(path=sys.executable, versions={})
    with patch.object(upload, "SCRIPT", script), patch("swiftci.tools.interpreter.find", return_value=found):
        return home.swiftci("push", "tiny", "team/tiny", *argv)


def test_what_pull_writes_is_uploaded_and_the_token_is_seen_nowhere(home: Repo) -> None:
    answer = {"address": "https://huggingface.co/team/tiny", "commit": "a" * 40, "private": True}

    done = push(home, answer, "--revision", "v2")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == ["https://huggingface.co/team/tiny (private)", f"commit {'a' * 40}"]
    job = json.loads(home.read("job.json"))["job"]
    assert job["files"] == ["adapter_config.json", "adapter_model.safetensors", "args.json", "swiftci.json"]
    assert (job["repository"], job["revision"], job["public"]) == ("team/tiny", "v2", False)
    assert not Path(job["folder"]).exists()
    assert "token is ***" in home.read(".swiftci/logs/push.log")


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        ({"refused": "it exists and is public"}, 4, "nothing was uploaded to team/tiny on https://huggingface.co: it"),
        ({"status": 401, "kind": "E", "error": "x"}, 4, "does not take the token in HF_TOKEN"),
        ({"status": 403, "kind": "E", "error": "x"}, 4, "the account of the token in HF_TOKEN may not write to"),
        ({"status": 404, "kind": "E", "error": "no repo"}, 4, "is not there for this account: no repo"),
        ({"status": 503, "kind": "E", "error": "busy"}, 5, "could not be reached: busy"),
        ({"status": 0, "kind": "ConnectError", "error": "refused"}, 5, "could not be reached: refused"),
        ({"status": 0, "kind": "ModuleNotFoundError", "error": "No module"}, 4, "has no client for this hub"),
        ({"status": 0, "kind": "X", "error": f"{TOKEN} \x1b[2J\nmore"}, 4, "failed: *** \\x1b[2J (exit code 1)"),
        (None, 4, "its client died"),
    ],
)
def test_refusal_of_a_hub_says_what_to_do(answer: dict[str, Any], code: int, message: str, home: Repo) -> None:
    done = push(home, answer)

    assert done.code == code
    assert message in done.err
    assert TOKEN not in done.out + done.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tiny", "tiny"], '"tiny" is no repository'),
        (["tiny", "a/b/c"], '"a/b/c" is no repository'),
        (["tiny", "../x"], '"../x" is no repository'),
        (["tiny", "team/-x"], '"team/-x" is no repository'),
        (["tiny", "https://huggingface.co/team/x"], "is no repository"),
        (["tiny", "team/x", "--revision", "a..b"], '--revision "a..b" cannot be a branch'),
        (["tiny", "team/x", "--revision=-x"], '--revision "-x" cannot be a branch'),
        (["tiny"], "Missing argument 'REPOSITORY'"),
        (["tinny", "team/x"], "did you mean tiny?"),
    ],
)
def test_mistake_on_the_command_line(argv: list[str], message: str, home: Repo) -> None:
    done = home.swiftci("push", *argv)

    assert done.code == 2
    assert message in done.err


def test_without_a_token_nothing_begins(home: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")

    done = home.swiftci("push", "tiny", "team/tiny")

    assert done.code == 2
    assert "there is no token: HF_TOKEN is not set" in done.err


@pytest.mark.parametrize("verdict", ["fail", "inconclusive", "invalid", None])
def test_model_that_the_gate_did_not_pass_stays_here_unless_forced(verdict: str | None, home: Repo) -> None:
    (home.root / ".swiftci/runs/tiny/verdict.json").unlink()
    trained.run(home.root / ".swiftci/runs/tiny", verdict=verdict)
    answer = {"address": "https://huggingface.co/team/tiny", "commit": "", "private": True}

    done = push(home, answer)

    assert done.code == 3
    assert f"the verdict on tiny is {verdict or 'not there yet'}, so it stays here" in done.err
    assert not (home.root / "job.json").exists()
    assert push(home, answer, "--force").code == 0
