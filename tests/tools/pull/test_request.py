"""Which pull request a run is of."""

from typing import Any

import pytest

from swiftci.tools.pull_request import Pull, here
from tests.standin.github_job import HEAD, Job
from tests.standin.github_pull import ID, REPOSITORY


def test_pull_request_is_judged_by_its_own_commit_and_not_by_the_merge(job: Job) -> None:
    assert here(job.environ) == Pull(repository=REPOSITORY, number=5, head=HEAD, fork=False)


@pytest.mark.parametrize("repository", [43, None], ids=["another repository", "one that is gone"])
def test_fork_is_known(job: Job, repository: int | None) -> None:
    job.pulled(repository=repository)

    assert job.pull.fork


@pytest.mark.parametrize("payload", [{}, {"merge_group": {"head_sha": HEAD}}, {"after": HEAD}, []])
def test_other_events_are_of_a_commit_alone(job: Job, payload: Any) -> None:
    job.at(payload)

    assert job.pull == Pull(repository=REPOSITORY, number=0, head="e" * 40, fork=False)


PULL = {"head": {"sha": HEAD, "repo": {"id": ID}}}
UNCLEAR: dict[str, tuple[Any, dict[str, str]]] = {
    "no number": ({"pull_request": PULL}, {}),
    "number as a truth": ({"number": True, "pull_request": PULL}, {}),
    "number as a path": ({"number": "5/../6", "pull_request": PULL}, {}),
    "no commit": ({"number": 5, "pull_request": {"head": {}}}, {}),
    "commit that is none": ({"number": 5, "pull_request": {"head": {"sha": "main"}}}, {}),
    "no commit at all": ({}, {"GITHUB_SHA": ""}),
    "no repository": ({}, {"GITHUB_REPOSITORY": ""}),
    "repository that is none": ({}, {"GITHUB_REPOSITORY": "team/models/../.."}),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_unclear_event_is_said(job: Job, name: str) -> None:
    payload, more = UNCLEAR[name]
    job.at(payload, **more)

    assert isinstance(here(job.environ), str)


def test_no_event_is_said(job: Job) -> None:
    assert isinstance(here({}), str)
