"""Whether somebody with write access accepts a commit in spite of its verdict, by comment or by label."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from swiftci.spec.problem import printable
from swiftci.tools.github_api import NoAnswer, Refused
from swiftci.tools.github_client import asked
from swiftci.tools.github_event import at
from swiftci.tools.pull_request import Pull, here

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.IssueComment import IssueComment
    from github.IssueEvent import IssueEvent
    from github.Repository import Repository

LABEL = "swiftci: accept"
COMMAND = "/swiftci accept"
PLACEHOLDER = "REASON"
"""What stands for the reason in the command that is shown; copied as it is, it is none."""
LOOKED_MAX = 1000
"""Comments and events that are looked at, the newest first."""
ASKED_MAX = 20
"""People whose access is asked for; more are not many people, but one who is in the way."""
TOLD_MAX = 5
REASON_MAX = 500
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
_PROGRAM = "a person must take the responsibility, and no program"
_NOBODY = 404
_WRITE = ("write", "maintain", "admin")


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Who took the responsibility for one commit; `at` is GitHub's time, in UTC."""

    by: str
    reason: str
    commit: str
    at: str
    url: str


class _No(Exception):
    """Why something that looks like an acceptance is none."""


def override(environ: Mapping[str, str], token: str, name: str) -> tuple[Accepted | None, tuple[str, ...]]:
    """The newest acceptance of the commit at hand, and sentences on what was no valid one.

    A comment whose first line is `/swiftci accept SHA REASON…`, or `/swiftci accept NAME SHA REASON…` for one config
    alone; or else the label `swiftci: accept`. When a commit was pushed only the run at hand knows, for a commit's own
    dates are its author's to choose: a label, and a commit not written in full, count if they came after its beginning.
    """
    pull = here(environ)
    if isinstance(pull, str) or not pull.number:
        return None, ()
    refused: list[str] = []
    try:
        with asked(environ, token) as repository:
            issue = repository.get_issue(pull.number)
            judge = _Judge(repository=repository, pull=pull, name=name, run=environ.get("GITHUB_RUN_ID", ""))
            for one in chain(_comments(issue, name), _labels(issue, _address(environ, pull))):
                try:
                    return judge.of(one), _told(refused)
                except _No as error:
                    refused.append(f"{one.what} by {one.by} counts for nothing: {error} ({one.url})")
    except (NoAnswer, Refused) as error:
        refused.insert(0, f"whether somebody accepted it is not known: {error}")
    return None, _told(refused)


def _told(refused: list[str]) -> tuple[str, ...]:
    more = len(refused) - TOLD_MAX
    return (*refused[:TOLD_MAX], *([f"{more} more count for nothing either"] if more > 0 else []))


def _address(environ: Mapping[str, str], pull: Pull) -> str:
    server = (environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/")
    return f"{server}/{pull.repository}/pull/{pull.number}"


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """Something that looks like an acceptance; `commit` is empty for a label."""

    what: str
    person: Any
    source: "IssueComment | IssueEvent"
    edited: bool
    made: datetime
    url: str
    commit: str = ""
    reason: str = "label"

    @property
    def by(self) -> str:
        return printable(self.person.login) if self.person else "nobody"

    @property
    def human(self) -> bool:
        return bool(self.person) and self.person.type == "User"

    @property
    def own_hand(self) -> bool:
        """Whether no app did it in the person's name. Asks GitHub once more."""
        return at(self.source.raw_data, "performed_via_github_app") is None


@dataclass(kw_only=True)
class _Judge:
    repository: "Repository"
    pull: Pull
    name: str
    run: str
    may: dict[str, bool] = field(default_factory=dict)
    began: datetime | None = None

    def of(self, one: _Candidate) -> Accepted:
        """The acceptance; raises `_No`."""
        head = self.pull.head
        if one.what == "comment" and not one.commit:
            raise _No(f"it names no commit; write {COMMAND} {head} {PLACEHOLDER}")
        if not head.startswith(one.commit):
            raise _No(f"it is of commit {one.commit[:12]}, and this is {head[:12]}")
        if one.reason in ("", PLACEHOLDER):
            raise _No("it gives no reason")
        if one.edited:
            raise _No("it was edited after it was written; write a new one")
        if not one.human:
            raise _No(_PROGRAM)
        if one.commit != head and one.made <= self._began():
            again = "write the commit in full" if one.commit else "take it off and put it on again"
            raise _No(f"it is older than this run, so it may have been meant for another commit; {again}")
        if not self._may(one.by):
            raise _No("who takes the responsibility must have write access")
        if not one.own_hand:
            raise _No(_PROGRAM)
        made = one.made.strftime("%Y-%m-%dT%H:%M:%SZ")
        return Accepted(by=one.by, reason=one.reason, commit=head, at=made, url=one.url)

    def _began(self) -> datetime:
        """When the run was made, which was after its commit was pushed; trying it again does not change that."""
        from github import GithubException

        if self.began is None:
            try:
                self.began = self.repository.get_workflow_run(int(self.run)).created_at
            except ValueError:
                raise _No("GITHUB_RUN_ID does not say which run this is") from None
            except GithubException as error:
                why = f"GitHub answers {error.status} to when this run began"
                raise _No(f"{why}; the job needs `permissions: {{actions: read}}`") from None
        return self.began

    def _may(self, login: str) -> bool:
        from github import GithubException

        if login not in self.may:
            if len(self.may) == ASKED_MAX:
                raise _No(f"more than {ASKED_MAX} people tried")
            try:
                self.may[login] = self.repository.get_collaborator_permission(login) in _WRITE
            except GithubException as error:
                if error.status != _NOBODY:
                    raise
                self.may[login] = False
        return self.may[login]


def _comments(issue: "Issue", name: str) -> Iterator[_Candidate]:
    for one in islice(issue.get_comments().reversed, LOOKED_MAX):
        if found := _commented(one, name):
            yield found


def _labels(issue: "Issue", url: str) -> Iterator[_Candidate]:
    """The label, where it is on; who put it on is told by the events alone."""
    for event in islice(issue.get_events().reversed, LOOKED_MAX):
        if event.event not in ("labeled", "unlabeled") or event.label.name != LABEL:
            continue
        if event.event == "labeled":
            yield _Candidate(
                what="label", person=event.actor, source=event, edited=False, made=event.created_at, url=url
            )
        return


def _commented(one: "IssueComment", name: str) -> _Candidate | None:
    """A comment as an acceptance; None where it is none, or one of another config."""
    line = ((one.body or "").splitlines() or [""])[0].strip()
    words = line.split()
    if " ".join(words[:2]) != COMMAND:
        return None
    words = words[2:]
    if len(words) > 1 and _COMMIT.fullmatch(words[1]) and not _COMMIT.fullmatch(words[0]) and words[0] != name:
        return None
    if len(words) > 1 and words[0] == name and _COMMIT.fullmatch(words[1]):
        words = words[1:]
    commit = words[0].lower() if words and _COMMIT.fullmatch(words[0]) else ""
    return _Candidate(
        what="comment",
        person=one.user,
        source=one,
        edited=one.updated_at != one.created_at,
        made=one.created_at,
        url=one.html_url,
        commit=commit,
        reason=printable(" ".join(words[1:]))[:REASON_MAX],
    )
