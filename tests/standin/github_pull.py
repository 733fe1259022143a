"""A pull request on GitHub, with what its comments, checks and an override take; github_pull_handler.py serves it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.standin.hub import Fault, Request

REPOSITORY = "team/models"
ID = 42
NUMBER = 5
RUN = 7001
BOT = 41898282
"""github-actions[bot]."""


def user(login: str, id: int, kind: str = "User") -> dict[str, Any]:
    """rest/users/users; an app's account is a Bot."""
    page = f"https://github.com/{login}"
    api = f"https://api.github.com/users/{login}"
    links = ("followers", "following", "gists", "starred", "subscriptions", "repos", "events", "received_events")
    return {
        "login": login,
        "id": id,
        "node_id": f"U_{id}",
        "avatar_url": f"{page}.png",
        "gravatar_id": "",
        "url": api,
        "html_url": page,
        "type": kind,
        "site_admin": False,
        "organizations_url": f"{api}/orgs",
        **{f"{name}_url": f"{api}/{name}" for name in links},
    }


ACTIONS = user("github-actions[bot]", BOT, "Bot")
APP = {
    "id": 15368,
    "node_id": "A_15368",
    "slug": "github-actions",
    "name": "GitHub Actions",
    "owner": user("github", 9919, "Organization"),
    "description": None,
    "external_url": "https://github.com",
    "html_url": "https://github.com/apps/github-actions",
    "created_at": "2018-07-30T09:30:17Z",
    "updated_at": "2018-07-30T09:30:17Z",
    "permissions": {"checks": "write"},
    "events": [],
}


@dataclass
class GitHub:
    """The stand-in; everything may be changed while it serves.

    `roles` are people's in the repository, `writes` whether the token may write, `author` whose it is. `between` is
    called between the reading of a request and its answer, with its method and path.
    """

    token: str = "ghs_secret"
    comments: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    writes: bool = True
    author: dict[str, Any] = field(default_factory=lambda: ACTIONS)
    graphql: bool = True
    began: str = "2026-05-01T10:00:00Z"
    page: int = 100
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    between: Callable[[str, str], None] = lambda method, path: None
    url: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.ids = iter(range(100, 1_000_000))

    @property
    def said(self) -> list[str]:
        """The requests, without the repository's name."""
        return [f"{one.method} {one.path.removeprefix(f'/repos/{REPOSITORY}')}" for one in self.requests]

    @property
    def wrote(self) -> list[str]:
        return [one for one in self.said if not one.startswith("GET") and one != "POST /graphql"]

    @property
    def bodies(self) -> list[str]:
        return [str(one["body"]) for one in self.comments]

    def fault(self, text: str) -> Fault | None:
        with self.lock:
            for one in self.faults:
                if one.times > 0 and one.at in text:
                    one.times -= 1
                    return one
        return None

    def comment(self, body: str, by: dict[str, Any] | None, at: str = "2026-05-01T12:00:00Z", **more: Any) -> int:
        """rest/issues/comments; `user` is null where the account is gone."""
        made = next(self.ids)
        api = f"{self.url}/repos/{REPOSITORY}/issues"
        self.comments.append(
            {
                "id": made,
                "node_id": f"IC_{made}",
                "url": f"{api}/comments/{made}",
                "html_url": f"https://github.com/{REPOSITORY}/pull/{NUMBER}#issuecomment-{made}",
                "issue_url": f"{api}/{NUMBER}",
                "body": body,
                "user": by,
                "created_at": at,
                "updated_at": at,
                "author_association": "NONE",
                "performed_via_github_app": None,
                **more,
            }
        )
        return made

    def event(self, kind: str, by: dict[str, Any], at: str, **more: Any) -> None:
        """rest/issues/events#list-issue-events, the oldest first."""
        made = next(self.ids)
        self.events.append(
            {
                "id": made,
                "node_id": f"LE_{made}",
                "url": f"{self.url}/repos/{REPOSITORY}/issues/events/{made}",
                "actor": by,
                "event": kind,
                "commit_id": None,
                "commit_url": None,
                "created_at": at,
                "performed_via_github_app": None,
                **more,
            }
        )

    def labeled(self, by: dict[str, Any], at: str, name: str = "swiftci: accept", kind: str = "labeled") -> None:
        self.event(kind, by, at, label={"name": name, "color": "ededed"})
