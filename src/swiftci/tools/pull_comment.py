"""The one comment of a config on its pull request, written once and edited in place from then on."""

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from swiftci.tools.github_client import asked
from swiftci.tools.github_event import at, is_number
from swiftci.tools.pull_request import Pull

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.IssueComment import IssueComment
    from github.Repository import Repository

COMMENTS_MAX = 3000
"""Of a pull request, oldest first; ours is among the first."""
_GONE = 404
"""Somebody, or the other job, has just deleted it."""


def marker(name: str) -> str:
    """The line that tells a config's comment from others; it is not shown."""
    return f"<!-- swiftci {name} -->"


def put(environ: Mapping[str, str], token: str, pull: Pull, name: str, text: str, *, new: bool = True) -> str | None:
    """Writes the comment or edits it, and returns its address; raises `NoAnswer` or `Refused`.

    Without `new` a comment is only edited, and None says that there was none. Anybody can write the marker, so only a
    comment of the token's own author is touched. Two jobs that write the first one at the same time both keep the
    older.
    """
    body = f"{marker(name)}\n{text}"
    with asked(environ, token) as repository:
        from github import GithubException

        issue = repository.get_issue(pull.number)
        marked = _marked(issue, name)
        own = _own(marked, _author(repository)) if marked else []
        made = None
        if not own:
            if not new:
                return None
            made = issue.create_comment(body)
            own = _own(_marked(issue, name), made.user.id) or [made]
        first, *more = own
        if made is None or first.id != made.id:
            try:
                first.edit(body)
            except GithubException as error:
                if error.status != _GONE:
                    raise
                first = made or issue.create_comment(body)
                more = [one for one in more if one.id != first.id]
        for one in more:
            _delete(one)
        return first.html_url


def _marked(issue: "Issue", name: str) -> list["IssueComment"]:
    first = marker(name)
    comments = islice(issue.get_comments(), COMMENTS_MAX)
    return [one for one in comments if one.body and one.body.startswith(first)]


def _own(marked: list["IssueComment"], author: int | None) -> list["IssueComment"]:
    """Those of one author, the oldest first; an account that is gone has none."""
    return sorted((one for one in marked if one.user and one.user.id == author), key=lambda one: one.id)


def _author(repository: "Repository") -> int | None:
    """Whose the token is, by number; None where that cannot be asked, and is learnt from the next comment.

    A workflow's token may not ask REST's `GET /user`; GraphQL's viewer answers it (marocchino/
    sticky-pull-request-comment#332).
    """
    from github import GithubException

    try:
        _, data = repository.requester.graphql_query("query { viewer { databaseId } }", {})
    except GithubException:
        return None
    found = at(data, "data", "viewer", "databaseId")
    return found if is_number(found) else None


def _delete(comment: "IssueComment") -> None:
    from github import GithubException

    try:
        comment.delete()
    except GithubException as error:
        if error.status != _GONE:
            raise
