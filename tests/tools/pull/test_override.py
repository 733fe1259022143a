"""Who may accept a commit in spite of its verdict, and which commit it is."""

from typing import Any

import pytest

from swiftci.tools.override import Accepted, override
from tests.standin.github_job import ANN, BOB, HEAD, Job
from tests.standin.github_pull import ACTIONS, APP, REPOSITORY, user
from tests.standin.hub import Fault

BEFORE, AFTER = "2026-05-01T09:00:00Z", "2026-05-01T12:00:00Z"
"""The run of this commit began at 10 o'clock."""


def ask(job: Job, name: str = "tiny") -> tuple[Accepted | None, tuple[str, ...]]:
    found = override(job.environ, job.token, name)
    assert all(one.isprintable() and "ghs_secret" not in one for one in found[1])
    return found


def test_comment_of_a_person_with_write_access_is_taken(job: Job) -> None:
    job.github.comment("nice work", BOB)
    number = job.github.comment(f"/swiftci accept {HEAD} known flaky subset\n\nmore words", ANN, AFTER)
    job.github.comment("thanks", BOB)

    assert ask(job) == (
        Accepted(
            by="ann",
            reason="known flaky subset",
            commit=HEAD,
            at=AFTER,
            url=f"https://github.com/{REPOSITORY}/pull/5#issuecomment-{number}",
        ),
        (),
    )


TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "seven letters": (f"/swiftci accept {HEAD[:7]} why", {}),
    "capitals": (f"/swiftci accept {HEAD[:12].upper()} why", {}),
    "whole commit, before the run": (f"/swiftci accept {HEAD} why", {"at": BEFORE}),
    "its own name": (f"/swiftci accept tiny {HEAD[:9]} why", {}),
    "spaces": (f"  /swiftci   accept\t{HEAD}   why", {}),
    "windows": (f"/swiftci accept {HEAD} why\r\nmore", {}),
}


@pytest.mark.parametrize("name", TAKEN)
def test_form_is_taken(job: Job, name: str) -> None:
    body, more = TAKEN[name]
    job.github.comment(body, ANN, **{"at": AFTER, **more})
    found, refused = ask(job)

    assert found is not None
    assert (found.reason, found.commit, refused) == ("why", HEAD, ())


@pytest.mark.parametrize(("role", "may"), [("admin", 1), ("maintain", 1), ("write", 1), ("triage", 0), ("read", 0)])
def test_access_decides(job: Job, role: str, may: int) -> None:
    job.github.roles["ann"] = role
    job.github.comment(f"/swiftci accept {HEAD} why", ANN, AFTER)

    assert bool(ask(job)[0]) == bool(may)


APP_USER = {"performed_via_github_app": APP}
REFUSED: dict[str, tuple[str, dict[str, Any] | None, dict[str, Any], str]] = {
    "reader": (f"/swiftci accept {HEAD} why", BOB, {}, "comment by bob counts for nothing: who takes the respons"),
    "stranger": (f"/swiftci accept {HEAD} why", user("eve", 9), {}, "must have write access"),
    "nobody": (f"/swiftci accept {HEAD} why", None, {}, "comment by nobody"),
    "bot": (f"/swiftci accept {HEAD} why", ACTIONS, {}, "a person must take the responsibility"),
    "app in a person's name": (f"/swiftci accept {HEAD} why", ANN, APP_USER, "a person must take the responsibility"),
    "another commit": (f"/swiftci accept {'b' * 40} why", ANN, {}, f"of commit {'b' * 12}, and this is {HEAD[:12]}"),
    "more than a commit": (f"/swiftci accept {HEAD}aa why", ANN, {}, "of commit abcdef123456"),
    "six letters": (f"/swiftci accept {HEAD[:6]} why", ANN, {}, f"names no commit; write /swiftci accept {HEAD}"),
    "no commit": ("/swiftci accept please", ANN, {}, "it names no commit"),
    "nothing": ("/swiftci accept", ANN, {}, "it names no commit"),
    "no reason": (f"/swiftci accept {HEAD}", ANN, {}, "it gives no reason"),
    "command as it was shown": (f"/swiftci accept {HEAD} REASON", ANN, {}, "it gives no reason"),
    "reason below": (f"/swiftci accept {HEAD}\nwhy", ANN, {}, "it gives no reason"),
    "edited": (f"/swiftci accept {HEAD} why", ANN, {"updated_at": "2026-05-01T12:30:00Z"}, "it was edited after"),
    "prefix, before the run": (f"/swiftci accept {HEAD[:39]} why", ANN, {"at": BEFORE}, "write the commit in full"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_acceptance_is_refused_with_a_reason(job: Job, name: str) -> None:
    body, by, more, words = REFUSED[name]
    job.github.roles["github-actions[bot]"] = "write"
    job.github.comment(body, by, **{"at": AFTER, **more})
    found, (told,) = ask(job)

    assert found is None
    assert words in told


OTHERS = [
    f"/swiftci accept other {HEAD} why",
    f"> /swiftci accept {HEAD} why",
    f"please\n/swiftci accept {HEAD} why",
    f"/swiftci accepted {HEAD} why",
    f"swiftci accept {HEAD} why",
    "",
]


@pytest.mark.parametrize("body", OTHERS)
def test_other_comment_is_none_of_it(job: Job, body: str) -> None:
    job.github.comment(body, ANN, AFTER)

    assert ask(job) == (None, ())


def test_old_head_is_not_accepted_for_a_new_one(job: Job) -> None:
    job.github.comment(f"/swiftci accept {HEAD} why", ANN, AFTER)
    job.pulled(head="c" * 40)

    assert ask(job)[0] is None


def test_newest_valid_one_counts(job: Job) -> None:
    job.github.page = 2
    job.github.comment(f"/swiftci accept {HEAD} first", ANN, AFTER)
    job.github.comment(f"/swiftci accept {HEAD} second", ANN, AFTER)
    for _ in range(4):
        job.github.comment(f"/swiftci accept {HEAD} I think so too", BOB, AFTER)
    found, refused = ask(job)

    assert found is not None
    assert found.reason == "second"
    assert len(refused) == 4
    assert sum("collaborators" in one for one in job.github.said) == 2  # each person once


def test_crowd_is_not_asked_for_one_by_one(job: Job) -> None:
    for number in range(40):
        job.github.comment(f"/swiftci accept {HEAD} why", user(f"crowd-{number}", 100 + number), AFTER)
    found, refused = ask(job)

    assert found is None
    assert refused[-1] == "35 more count for nothing either"
    assert sum("collaborators" in one for one in job.github.said) == 20


def test_label_put_on_after_the_push_is_taken(job: Job) -> None:
    job.github.labeled(BOB, BEFORE, "bug")
    job.github.labeled(ANN, AFTER)
    job.github.event("head_ref_deleted", BOB, AFTER)

    assert ask(job) == (
        Accepted(by="ann", reason="label", commit=HEAD, at=AFTER, url=f"https://github.com/{REPOSITORY}/pull/5"),
        (),
    )


LABELS: dict[str, tuple[list[tuple[dict[str, Any], str, str]], str]] = {
    "before the push": ([(ANN, BEFORE, "labeled")], "take it off and put it on again"),
    "at the very time": ([(ANN, "2026-05-01T10:00:00Z", "labeled")], "older than this run"),
    "by a reader": ([(BOB, AFTER, "labeled")], "label by bob counts for nothing: who takes"),
    "by a program": ([(ACTIONS, AFTER, "labeled")], "a person must take"),
    "by a reader after a writer": ([(ANN, AFTER, "labeled"), (BOB, "2026-05-01T13:00:00Z", "labeled")], "label by bob"),
}


@pytest.mark.parametrize("name", LABELS)
def test_label_is_refused_with_a_reason(job: Job, name: str) -> None:
    events, words = LABELS[name]
    job.github.roles["github-actions[bot]"] = "write"
    for by, at, kind in events:
        job.github.labeled(by, at, kind=kind)
    found, (told,) = ask(job)

    assert found is None
    assert words in told


def test_label_taken_off_is_gone(job: Job) -> None:
    job.github.labeled(ANN, AFTER)
    job.github.labeled(ANN, AFTER, kind="unlabeled")

    assert ask(job) == (None, ())


def test_another_label_accepts_nothing(job: Job) -> None:
    job.github.labeled(ANN, AFTER, "swiftci: accepted")

    assert ask(job) == (None, ())


def test_comment_with_a_reason_goes_before_the_label(job: Job) -> None:
    job.github.labeled(ANN, AFTER)
    job.github.comment(f"/swiftci accept {HEAD} known", ANN, AFTER)
    found, _ = ask(job)

    assert found is not None
    assert found.reason == "known"


@pytest.mark.parametrize("run", ["", "x", "7002"])
def test_run_that_is_not_known_accepts_no_label(job: Job, run: str) -> None:
    job.environ["GITHUB_RUN_ID"] = run
    job.github.labeled(ANN, AFTER)
    found, (told,) = ask(job)

    assert found is None
    assert "run" in told


def test_older_whole_commit_counts_where_the_run_cannot_be_asked(job: Job) -> None:
    job.github.faults = [Fault("/actions/runs/", status=403, body=b'{"message": "no"}')]
    job.github.comment(f"/swiftci accept {HEAD} whole", ANN, AFTER)
    job.github.comment(f"/swiftci accept {HEAD[:9]} short", ANN, AFTER)
    found, (told,) = ask(job)

    assert found is not None
    assert found.reason == "whole"
    assert "the job needs `permissions: {actions: read}`" in told


@pytest.mark.parametrize("token", ["", "ghs_wrong"])
def test_github_that_cannot_be_asked_accepts_nothing(job: Job, token: str) -> None:
    job.token = token
    found, (told,) = ask(job)

    assert found is None
    assert told.startswith("whether somebody accepted it is not known: ")


def test_push_has_nobody_to_accept_it(job: Job) -> None:
    job.at({})

    assert ask(job) == (None, ())
    assert job.github.requests == []


def test_reason_holds_nothing_that_moves_a_terminal(job: Job) -> None:
    job.github.comment(f"/swiftci accept {HEAD} \x1b[2J {'x' * 9000}", ANN, AFTER)
    found, _ = ask(job)

    assert found is not None
    assert found.reason.isprintable()
    assert len(found.reason) == 500
