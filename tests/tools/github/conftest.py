"""A GitHub on the loopback, and a job that looks there for an earlier result."""

import io
import json
import ssl
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from swiftci.tools import github_api
from swiftci.tools.github import Earlier, earlier
from tests.standin.github import ID, REPOSITORY, Artifact, GitHub, serving

PRINT = "0123456789abcdef" + "7" * 48
NAME = f"swiftci-tiny-{PRINT[:16]}"
MAIN = ["a" * 40, "b" * 40]
TOPIC = "c" * 40
CERTIFICATES = ssl.create_default_context()
"""Read once: it takes 50 ms, and each look-up would."""


def packed(files: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, json.dumps(data))
    return made.getvalue()


RESULT = packed({"run.json": {"fingerprint": PRINT}, "items/tiny.jsonl": 1})


def good(files: Path) -> bool:
    return bool(json.loads((files / "run.json").read_text())["fingerprint"] == PRINT)


@dataclass
class Stand:
    """Looks for a result in the stand-in, as a job of some event."""

    github: GitHub
    path: Path
    environ: dict[str, str] = field(default_factory=dict)
    good: Callable[[Path], bool] = good

    def keep(self, id: int, content: bytes = RESULT, **more: Any) -> None:
        self.github.artifacts.append(Artifact(id=id, name=more.pop("name", NAME), content=content, **more))

    def at(self, payload: Any = None, **more: str) -> None:
        event = self.path / "event.json"
        event.write_text(json.dumps(payload or {"repository": {"id": ID, "default_branch": "main"}}))
        self.environ = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/tiny.yml@refs/heads/main",
            "GITHUB_EVENT_PATH": str(event),
            **more,
        }

    def push(self, branch: str, kind: str = "branch") -> None:
        self.at(GITHUB_REF_NAME=branch, GITHUB_REF_TYPE=kind)

    def pull(self, head: str, base: str, repository: int | None = ID) -> None:
        head_repository = {"id": repository} if repository else None
        payload = {
            "repository": {"id": ID, "default_branch": "main"},
            "pull_request": {"head": {"ref": head, "repo": head_repository}},
        }
        self.at(
            payload, GITHUB_HEAD_REF=head, GITHUB_BASE_REF=base, GITHUB_REF_NAME="5/merge", GITHUB_REF_TYPE="branch"
        )

    def look(self, token: str = "ghs_secret") -> Earlier | str:
        return earlier("tiny", PRINT, self.environ, self.path / "found", token, self.good)

    def found(self) -> Earlier:
        result = self.look()
        assert isinstance(result, Earlier), result
        return result

    def why(self, token: str = "ghs_secret") -> str:
        """Why there is none; no file is left of what was looked at."""
        result = self.look(token)
        assert isinstance(result, str)
        assert not [path for path in (self.path / "found").rglob("*") if path.is_file()]
        assert result.isprintable()
        assert "ghs_secret" not in result
        return result


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setattr(github_api, "WAITS", (0.0, 0.0))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(httpx2, "Client", partial(httpx2.Client, verify=CERTIFICATES))
    with serving() as github:
        github.branches = {"main": MAIN, "topic": [TOPIC, *MAIN]}
        found = Stand(github, tmp_path)
        found.push("main")
        yield found
