"""What the tests of `swiftci doctor` share: a hub to ask, and what was found, by check."""

import json
from dataclasses import dataclass, field
from typing import Any

from tests.fake.repository import CONFIG, Ran, Repository


@dataclass
class Site:
    """A web server that answers every path alike, and remembers what it was asked with."""

    url: str
    status: int = 200
    body: Any = field(default_factory=lambda: {"name": "team"})
    seconds: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)


def checks(ran: Ran) -> dict[str, tuple[str, str]]:
    """State and text of each check, by its name."""
    return {one["name"]: (one["state"], one["text"]) for one in json.loads(ran.out)["checks"]}


def examined(repository: Repository, *arguments: str, **environ: str) -> dict[str, tuple[str, str]]:
    repository.write()
    return checks(repository.swiftci("doctor", CONFIG, "--format", "json", *arguments, **environ))
