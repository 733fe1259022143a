"""The one comment of a config: written once, edited in place, and never somebody else's."""

import threading

import pytest

from swiftci.tools.github_api import NoAnswer, Refused
from swiftci.tools.pull_comment import put
from tests.standin.github_job import ANN, Job
from tests.standin.github_pull import ACTIONS, user
from tests.standin.hub import Fault

MARK = "<!-- swiftci tiny -->"


def write(job: Job, text: str = "hello", name: str = "tiny", *, new: bool = True) -> str | None:
    return put(job.environ, job.token, job.pull, name, text, new=new)


def test_first_comment_is_written(job: Job) -> None:
    url = write(job)

    assert job.github.bodies == [f"{MARK}\nhello"]
    assert url == job.github.comments[0]["html_url"]
    assert {one.headers["authorization"] for one in job.github.requests} <= {"token ghs_secret", "Bearer ghs_secret"}


def test_second_one_is_edited_in_place(job: Job) -> None:
    first = write(job)

    assert write(job, "again") == first
    assert job.github.bodies == [f"{MARK}\nagain"]


def test_each_config_has_its_own(job: Job) -> None:
    write(job, "one")
    write(job, "two", "tiny-2")
    write(job, "three")

    assert job.github.bodies == [f"{MARK}\nthree", "<!-- swiftci tiny-2 -->\ntwo"]


def test_comment_is_found_on_a_later_page(job: Job) -> None:
    job.github.page = 10
    for number in range(25):
        job.github.comment(f"talk {number}", ANN)
    job.github.comment(f"{MARK}\nold", ACTIONS)
    write(job)

    assert job.github.bodies[-1] == f"{MARK}\nhello"
    assert len(job.github.comments) == 26
    assert [one.query.get("page", "1") for one in job.github.requests if "/issues/5/" in one.path] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "author", [ANN, user("another[bot]", 77, "Bot"), None], ids=["a person", "another app", "nobody"]
)
def test_comment_of_another_is_not_touched(job: Job, author: dict[str, object] | None) -> None:
    job.github.comment(f"{MARK}\nfalse", author)
    write(job)

    assert job.github.bodies == [f"{MARK}\nfalse", f"{MARK}\nhello"]


def test_quoted_marker_is_none(job: Job) -> None:
    job.github.comment(f"> {MARK}\n> quoted", ACTIONS)
    write(job)

    assert len(job.github.comments) == 2


def test_token_of_another_author_edits_its_own(job: Job) -> None:
    job.github.author = user("swift-app[bot]", 99, "Bot")
    job.github.comment(f"{MARK}\nby the other", ACTIONS)
    write(job)
    write(job, "again")

    assert job.github.bodies == [f"{MARK}\nby the other", f"{MARK}\nagain"]


def test_author_is_learnt_from_a_new_comment_where_it_cannot_be_asked(job: Job) -> None:
    write(job, "first")
    job.github.graphql = False
    write(job, "second")

    assert job.github.bodies == [f"{MARK}\nsecond"]


def test_two_at_the_same_time_leave_one(job: Job) -> None:
    """Both look before either has written."""
    both = threading.Barrier(2, timeout=5)

    def between(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/comments"):
            both.wait()

    job.github.between = between
    jobs = [threading.Thread(target=write, args=(job, text)) for text in ("one", "two")]
    for one in jobs:
        one.start()
    for one in jobs:
        one.join()

    assert len(job.github.comments) == 1
    assert job.github.bodies[0] in (f"{MARK}\none", f"{MARK}\ntwo")


def test_what_an_earlier_race_left_is_tidied_up(job: Job) -> None:
    first = job.github.comment(f"{MARK}\na", ACTIONS)
    job.github.comment(f"{MARK}\nb", ACTIONS)
    job.github.comment(f"{MARK}\nc", ANN)
    write(job)

    assert job.github.comments[0]["id"] == first
    assert job.github.bodies == [f"{MARK}\nhello", f"{MARK}\nc"]


def test_comment_deleted_meanwhile_is_written_anew(job: Job) -> None:
    job.github.comment(f"{MARK}\nold", ACTIONS)

    def between(method: str, path: str) -> None:
        if method == "PATCH":
            job.github.comments.clear()

    job.github.between = between
    write(job)

    assert job.github.bodies == [f"{MARK}\nhello"]


def test_nothing_is_begun_where_only_an_old_comment_matters(job: Job) -> None:
    assert write(job, new=False) is None
    assert job.github.wrote == []

    write(job, "old")
    assert write(job, "new", new=False)
    assert job.github.bodies == [f"{MARK}\nnew"]


def test_read_only_token_is_refused(job: Job) -> None:
    job.github.writes = False

    with pytest.raises(Refused, match='GitHub answers 403, "Resource not accessible by integration"') as error:
        write(job)
    assert error.value.status == 403
    assert job.slept == []


def test_too_long_a_comment_is_said(job: Job) -> None:
    with pytest.raises(Refused, match=r"422, .Validation Failed: body is too long \(maximum is 65536 characters\)"):
        write(job, "x" * 70_000)


def test_pull_request_that_is_not_there_is_said(job: Job) -> None:
    job.github.faults = [Fault("/issues/5/comments", status=404, body=b'{"message": "Not Found"}')]

    with pytest.raises(Refused, match="GitHub answers 404"):
        write(job)


def test_comment_written_though_its_answer_was_lost_is_one(job: Job) -> None:
    """A gateway's 502 after the work was done; the second try makes another."""

    def between(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/comments") and not job.github.comments:
            job.github.comment(f"{MARK}\nhello", ACTIONS)
            job.github.faults = [Fault("POST", status=502)]

    job.github.between = between
    write(job)

    assert job.github.bodies == [f"{MARK}\nhello"]


def test_without_a_token_nothing_is_asked(job: Job) -> None:
    for token in ("", "two\nlines"):
        job.token = token
        with pytest.raises(NoAnswer, match="there is no token"):
            write(job)
    assert job.github.requests == []
