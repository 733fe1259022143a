"""The verdict job of a pull request on the stand-in for GitHub."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from swiftci.tools import github_client
from swiftci.tools.pull_request import Pull, here
from tests.standin.github_pull import ID, NUMBER, REPOSITORY, RUN, GitHub, user
from tests.standin.github_pull_handler import serving

HEAD = "abcdef1234567890" + "a" * 24
ANN = user("ann", 1)
BOB = user("bob", 2)


@dataclass
class Job:
    """The verdict job of a pull request; `slept` is how long it waited between its tries."""

    github: GitHub
    path: Path
    environ: dict[str, str] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    token: str = "ghs_secret"

    def at(self, payload: dict[str, Any], **more: str) -> None:
        event = self.path / "event.json"
        event.write_text(json.dumps(payload))
        self.environ = {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_RUN_ID": str(RUN),
            "GITHUB_SHA": "e" * 40,
            **more,
        }

    def pulled(self, head: str = HEAD, repository: int | None = ID) -> None:
        pull = {"head": {"sha": head, "repo": {"id": repository} if repository else None}}
        self.at({"number": NUMBER, "pull_request": pull, "repository": {"id": ID}})

    @property
    def pull(self) -> Pull:
        found = here(self.environ)
        assert isinstance(found, Pull), found
        return found


@contextmanager
def judging(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job beside its GitHub, which waits for nothing; Ann may write there, and Bob may read."""
    monkeypatch.setattr(github_client, "PAUSES", (None, None))
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as github:
        github.roles = {"ann": "write", "bob": "read"}
        found = Job(github, path)
        monkeypatch.setattr(time, "sleep", found.slept.append)
        found.pulled()
        yield found
