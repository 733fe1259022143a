"""The check run on the judged commit."""

import pytest

from swiftci.tools.check_run import SUMMARY_MAX_BYTES, Annotation, Check, complete
from swiftci.tools.github_api import Refused
from tests.standin.github_job import HEAD, Job
from tests.standin.github_pull import REPOSITORY


def note(line: int, message: str = "too low", title: str = "ceval.accuracy") -> Annotation:
    return Annotation(path="configs/tiny.yaml", line=line, level="failure", title=title, message=message)


def check(count: int = 1, **more: object) -> Check:
    given: dict[str, object] = {
        "name": "swiftci tiny verdict",
        "conclusion": "failure",
        "title": "tiny: fail",
        "summary": "why",
        "url": f"https://github.com/{REPOSITORY}/actions/runs/7001",
        "annotations": [note(line) for line in range(1, count + 1)],
    }
    return Check(**{**given, **more})  # type: ignore[arg-type]


def test_check_is_completed_on_the_commit_with_its_notes(job: Job) -> None:
    url = complete(job.environ, job.token, job.pull, check())

    [made] = job.github.checks
    assert url == f"https://github.com/{REPOSITORY}/runs/{made['id']}"
    assert made["head_sha"] == HEAD
    assert (made["name"], made["status"], made["conclusion"]) == ("swiftci tiny verdict", "completed", "failure")
    assert made["output"]["annotations"] == [
        {
            "path": "configs/tiny.yaml",
            "start_line": 1,
            "end_line": 1,
            "annotation_level": "failure",
            "title": "ceval.accuracy",
            "message": "too low",
        }
    ]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (50, 1), (51, 2), (120, 3)])
def test_notes_come_fifty_at_a_time(job: Job, count: int, requests: int) -> None:
    complete(job.environ, job.token, job.pull, check(count))

    assert len(job.github.wrote) == requests
    assert [one["start_line"] for one in job.github.checks[0]["output"]["annotations"]] == list(range(1, count + 1))


def test_another_attempt_makes_its_own(job: Job) -> None:
    complete(job.environ, job.token, job.pull, check())
    complete(job.environ, job.token, job.pull, check(0, conclusion="success"))

    assert [one["conclusion"] for one in job.github.checks] == ["failure", "success"]
    assert job.github.checks[1]["output"]["annotations"] == []


def test_check_of_a_push_is_on_its_commit(job: Job) -> None:
    job.at({})
    complete(job.environ, job.token, job.pull, check(url=None))

    assert job.github.checks[0]["head_sha"] == "e" * 40
    assert "details_url" not in job.github.checks[0]


def test_too_long_texts_are_cut(job: Job) -> None:
    annotations = [note(1, message="差" * 40_000, title="x" * 400)]
    complete(job.environ, job.token, job.pull, check(summary="差" * 30_000, title="y" * 400, annotations=annotations))

    output = job.github.checks[0]["output"]
    assert len(output["summary"].encode()) <= SUMMARY_MAX_BYTES
    assert output["summary"].endswith("差…")
    assert len(output["title"]) <= 255
    assert len(output["annotations"][0]["title"]) <= 255
    assert len(output["annotations"][0]["message"].encode()) <= 64 * 1024


def test_read_only_token_is_refused(job: Job) -> None:
    job.github.writes = False

    with pytest.raises(Refused, match="Resource not accessible by integration"):
        complete(job.environ, job.token, job.pull, check())
