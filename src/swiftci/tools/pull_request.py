"""Which pull request a workflow run is of, and which commit it judges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from swiftci.tools.github_event import at, event, is_number

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, kw_only=True)
class Pull:
    """Where a run's outcome is shown; `number` is 0 where it is of no pull request.

    `head` is the commit that is judged: a pull request's own, since GITHUB_SHA is a merge of it with the target. A
    `fork` is another repository, also one that is gone.
    """

    repository: str
    number: int
    head: str
    fork: bool


def here(environ: Mapping[str, str]) -> Pull | str:
    """The pull request at hand, else why there is no telling; pushes and merge groups are of none."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII):
        return "GITHUB_REPOSITORY does not say where this runs"
    data = event(environ)
    pulled = at(data, "pull_request")
    number = at(data, "number")
    head = at(pulled, "head", "sha") if pulled else environ.get("GITHUB_SHA")
    if not isinstance(head, str) or not COMMIT.fullmatch(head) or (pulled and (not is_number(number) or not number)):
        return "the event that started this does not say which commit it is of"
    ours = at(data, "repository", "id")
    own = is_number(ours) and at(pulled, "head", "repo", "id") == ours
    return Pull(repository=repository, number=number if pulled else 0, head=head, fork=bool(pulled) and not own)
