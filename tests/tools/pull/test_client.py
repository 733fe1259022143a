"""What the client does where GitHub is slow, overloaded or not there."""

import json
import time
from typing import Any

import pytest

from swiftci.tools import github_client
from swiftci.tools.github_api import NoAnswer, Refused
from swiftci.tools.pull_comment import put
from tests.standin.github_job import Job
from tests.standin.hub import Fault

PRIMARY = b'{"message": "API rate limit exceeded for installation ID 1."}'
SECONDARY = b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}'
SOON = str(int(time.time()) + 5)


def write(job: Job) -> None:
    put(job.environ, job.token, job.pull, "tiny", "hello")


PASSING: dict[str, tuple[Fault, Any]] = {
    "502": (Fault("comments", status=502), []),
    "503 twice": (Fault("comments", status=503, times=2), [2.0]),
    "503 with a time": (Fault("comments", status=503, headers={"Retry-After": "7"}), [7]),
    "429 with a time": (Fault("comments", status=429, headers={"Retry-After": "3"}), [3]),
    "secondary limit with a time": (
        Fault("POST /repos", status=403, body=SECONDARY, headers={"Retry-After": "30"}),
        [30],
    ),
    "secondary limit": (Fault("POST /repos", status=403, body=SECONDARY), [60]),
}
"""Faults that pass, and how long was waited (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api)."""


@pytest.mark.parametrize("name", PASSING)
def test_passing_fault_is_sat_out(job: Job, name: str) -> None:
    fault, waits = PASSING[name]
    job.github.faults = [fault]
    write(job)

    assert len(job.github.comments) == 1
    assert [round(one) for one in job.slept] == waits


def test_passing_fault_of_an_edit_is_sat_out(job: Job) -> None:
    write(job)
    job.github.faults = [Fault("PATCH", status=502), Fault("/graphql", status=502)]
    write(job)

    assert [one for one in job.github.said if "PATCH" in one] == 2 * ["PATCH /issues/comments/100"]
    assert len(job.github.comments) == 1


def test_primary_limit_is_sat_out_until_its_reset(job: Job) -> None:
    reset = str(int(time.time()) + 20)
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    job.github.faults = [Fault("comments", status=403, body=PRIMARY, headers=headers)]
    write(job)

    assert len(job.github.comments) == 1
    assert 15 < sum(job.slept) < 25


LASTING: dict[str, tuple[Fault, str]] = {
    "502 for ever": (Fault("comments", status=502, times=99), "GitHub answers 502"),
    "an hour": (Fault("comments", status=429, headers={"Retry-After": "3600"}), "for 3600 s more, which is too long"),
    "an hour of the primary limit": (
        Fault("comments", status=403, body=PRIMARY, headers={"x-ratelimit-reset": str(int(time.time()) + 3000)}),
        "GitHub's rate limit is reached",
    ),
    "secondary limit for ever": (Fault("POST /repos", status=403, body=SECONDARY, times=99), "GitHub answers 403"),
    "429 without a time": (Fault("comments", status=429, body=SECONDARY), "GitHub answers 429"),
    "a proxy's page": (Fault("comments", status=200, body=b"<html>"), "something else than it should"),
    "half of an answer": (Fault("comments", status=200, body=b'[{"id"'), "something else than it should"),
    "another kind of answer": (Fault("comments", status=200, body=b"7"), "something else than it should"),
    "a proxy's refusal": (Fault("comments", status=403, body=b"<html>"), "GitHub answers 403"),
    "bad credentials": (Fault("comments", status=401, body=b'{"message": "Bad credentials"}'), "GitHub answers 401"),
    "gone": (Fault("comments", status=410, body=b'{"message": "Issues are disabled"}'), '410, "Issues are disabled"'),
    "token told": (Fault("comments", status=400, body=b'{"message": "no ghs_secret"}'), r'400, "no \*\*\*"'),
}


@pytest.mark.parametrize("name", LASTING)
def test_lasting_fault_is_said_within_the_time(job: Job, name: str) -> None:
    fault, words = LASTING[name]
    job.github.faults = [fault]

    with pytest.raises((NoAnswer, Refused), match=words) as error:
        write(job)
    assert str(error.value).isprintable()
    assert "ghs_secret" not in str(error.value)
    assert sum(job.slept) <= 2 * github_client.WAIT_MAX
    assert job.github.comments == []


def test_silence_is_said(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_client, "ANSWER_SECONDS", 1)
    monkeypatch.setattr(github_client, "TRIES", 1)
    job.github.faults = [Fault("comments", wait=1.5, times=9)]

    with pytest.raises(NoAnswer, match=r"GitHub cannot be asked: (ReadTimeout|ConnectionError)"):
        write(job)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "http://", "nonsense"])
def test_address_where_nobody_is_is_said(job: Job, url: str) -> None:
    job.environ["GITHUB_API_URL"] = url

    with pytest.raises(NoAnswer):
        write(job)


def test_page_of_another_host_is_not_asked(job: Job) -> None:
    job.github.comment("talk", None)
    body = json.dumps(job.github.comments).encode()
    link = {"Link": '<http://evil.example/x?page=2>; rel="next"'}
    job.github.faults = [Fault("comments", status=200, body=body, headers=link)]

    with pytest.raises(NoAnswer, match="something else than it should"):
        write(job)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_to_another_host_is_not_followed(job: Job, status: int) -> None:
    job.github.faults = [Fault("comments", status=status, headers={"Location": "http://evil.example/x"})]

    with pytest.raises((NoAnswer, Refused), match=r"GitHub (answers|sent)"):
        write(job)
    assert len(job.github.requests) == 1


def test_enterprise_server_is_asked_under_its_own_path(job: Job) -> None:
    job.github.url += "/api/v3"
    job.environ["GITHUB_API_URL"] = f"{job.github.url}/"
    write(job)
    write(job)

    assert {one.path.partition("/repos/")[0] for one in job.github.requests} == {"/api/v3", "/api/graphql"}
