"""Which of the artifacts is believed, and what is left of the others."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftci.tools.github import Earlier, artifact
from tests.standin.github import ID, REPOSITORY
from tests.tools.github.conftest import MAIN, NAME, PRINT, TOPIC, Stand, packed


def test_earlier_result_is_found_and_unpacked(stand: Stand) -> None:
    stand.environ["GITHUB_SERVER_URL"] = "https://git.example.com/"
    stand.keep(7)

    assert artifact("tiny", PRINT) == NAME
    assert stand.found() == Earlier(
        artifact=7,
        run=1007,
        url=f"https://git.example.com/{REPOSITORY}/actions/runs/1007",
        branch="main",
        created="2026-05-01T10:00:00Z",
        files=stand.path / "found/7",
    )
    names = {path.relative_to(stand.path / "found").as_posix() for path in (stand.path / "found").rglob("*.*")}
    assert names == {"7/run.json", "7/items/tiny.jsonl"}


def no_repository(**more: Any) -> dict[str, Any]:
    run = {"id": 1007, "head_branch": "main", "head_sha": MAIN[0], "repository_id": ID, "head_repository_id": ID}
    return {"workflow_run": {**run, **more}}


DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"expired": True}, "artifact 7 has expired"),
    "fork": ({"repository": 43}, "artifact 7 is of a fork"),
    "fork that is gone": ({"repository": None}, "artifact 7 is of a fork"),
    "neither repository": ({"entry": no_repository(repository_id=None, head_repository_id=None)}, "is of a fork"),
    "truth as a number": ({"entry": no_repository(repository_id=True, head_repository_id=True)}, "is of a fork"),
    "no run": ({"entry": {"workflow_run": None}}, f"no earlier run kept {NAME}"),
    "no branch": ({"entry": no_repository(head_branch="")}, f"no earlier run kept {NAME}"),
    "another branch": ({"branch": "topic", "commit": TOPIC}, 'artifact 7 is of branch "topic"'),
    "another name": ({"name": f"{NAME}0"}, f"no earlier run kept {NAME}"),
    "another workflow": ({"path": ".github/workflows/evil.yml"}, "artifact 7 is of another workflow"),
    "no workflow": ({"path": ""}, "artifact 7 is of another workflow"),
    "pull request from the branch": ({"event": "pull_request"}, "whose base could be any"),
    "tag of the branch's name": ({"commit": TOPIC}, 'artifact 7 is of a commit that is not on "main"'),
    "commit that is none": ({"commit": "main"}, "is of a commit that is not on"),
    "commit that nobody has": ({"commit": "d" * 40}, "is of a commit that is not on"),
    "too large": ({"entry": {"size_in_bytes": 300_000_000}}, "artifact 7 has more than 200000000 bytes"),
    "another result": ({"content": packed({"run.json": {"fingerprint": "0"}})}, "artifact 7 holds another result"),
    "no result": ({"content": packed({"a": 1})}, "artifact 7 holds no result that can be read"),
    "damaged result": ({"content": packed({"run.json": 1}).replace(b"P", b"p")}, "artifact 7 the archive is no zip"),
    "hostile archive": ({"content": packed({"../evil": 1})}, "whose name is not safe to write"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_artifact_is_not_believed(stand: Stand, name: str) -> None:
    more, words = DOUBTS[name]
    stand.keep(7, **more)

    assert words in stand.why()


def test_nested_json_is_no_result(stand: Stand) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("run.json", "[" * 100_000)
    stand.keep(7, made.getvalue())

    assert "holds no result that can be read" in stand.why()


ALLOWED: list[tuple[str, Callable[[Stand], None], dict[str, Any]]] = [
    ("older commit", lambda at: at.push("main"), {"commit": MAIN[1]}),
    ("nightly run", lambda at: at.push("main"), {"event": "schedule"}),
    ("path with a ref", lambda at: at.push("main"), {"path": ".github/workflows/tiny.yml@main"}),
    ("default branch", lambda at: at.push("topic"), {}),
    ("default branch from a tag", lambda at: at.push("v1", "tag"), {}),
    ("own branch", lambda at: at.push("topic"), {"branch": "topic", "commit": TOPIC}),
    ("target", lambda at: at.pull("feature", "topic"), {"branch": "topic", "commit": TOPIC}),
    (
        "own pull request",
        lambda at: at.pull("x/y", "topic"),
        {"branch": "x/y", "commit": "e" * 40, "event": "pull_request"},
    ),
    ("fork's pull request takes main's", lambda at: at.pull("main", "main", 43), {}),
]


@pytest.mark.parametrize(("at", "more"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED])
def test_allowed_branches_result_is_taken(stand: Stand, at: Callable[[Stand], None], more: dict[str, Any]) -> None:
    at(stand)
    stand.keep(7, **more)

    assert stand.found().branch == more.get("branch", "main")


REFUSED: list[tuple[str, Callable[[Stand], None], dict[str, Any]]] = [
    ("tag's own", lambda at: at.push("v1", "tag"), {"branch": "v1"}),
    ("fork's own", lambda at: at.pull("fix", "main", 43), {"branch": "fix", "repository": 43}),
    ("branch named as a fork's", lambda at: at.pull("topic", "main", 43), {"branch": "topic", "commit": TOPIC}),
    ("branch named as a lost fork's", lambda at: at.pull("topic", "main", None), {"branch": "topic", "commit": TOPIC}),
    ("merge ref's", lambda at: at.pull("topic", "main"), {"branch": "5/merge"}),
    ("own by another event", lambda at: at.pull("x", "main"), {"branch": "x", "event": "workflow_run"}),
    ("pull request from main itself", lambda at: at.pull("main", "topic"), {"event": "pull_request"}),
]


@pytest.mark.parametrize(("at", "more"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_result_of_elsewhere_is_not_taken(stand: Stand, at: Callable[[Stand], None], more: dict[str, Any]) -> None:
    at(stand)
    stand.keep(7, **more)

    assert "artifact 7 is of" in stand.why()


def test_newest_good_one_is_taken_and_nothing_kept_of_the_others(stand: Stand) -> None:
    bad = packed({"run.json": {"fingerprint": "0"}})
    stand.keep(5, created="2026-05-05T10:00:00Z", commit=MAIN[1])
    stand.keep(4, created="2026-05-04T10:00:00Z")
    stand.keep(8, bad, created="2026-05-07T10:00:00Z")
    stand.keep(9, b"no archive", created="2026-05-08T10:00:00Z")
    stand.keep(6, created="2026-05-06T10:00:00Z", expired=True)

    assert stand.found().artifact == 5
    assert os.listdir(stand.path / "found") == ["5"]  # noqa: PTH208
    assert len([text for text in stand.github.said if text.startswith("storage")]) == 3


def test_reasons_are_told_for_the_first_few(stand: Stand) -> None:
    for number in range(1, 6):
        stand.keep(number, repository=43)

    said = stand.why()
    assert said.startswith(f"no earlier run's {NAME} can be used: artifact 5 is of a fork; artifact 4 is of a fork; ")
    assert said.endswith("; and 2 more")


@pytest.mark.parametrize("missing", ["GITHUB_REPOSITORY", "GITHUB_WORKFLOW_REF"])
def test_elsewhere_than_on_github_nothing_is_asked(stand: Stand, missing: str) -> None:
    del stand.environ[missing]

    assert "do not say where this runs" in stand.why()
    assert stand.github.requests == []


@pytest.mark.parametrize("content", [None, "", "[]", '{"repository": "x", "pull_request": 7}', "[" * 99_999])
def test_payload_that_says_nothing_allows_the_named_branches_alone(stand: Stand, content: str | None) -> None:
    event = Path(stand.environ["GITHUB_EVENT_PATH"])
    event.unlink() if content is None else event.write_text(content)
    stand.environ["GITHUB_REF_NAME"] = "topic"
    stand.keep(7)

    assert 'is of branch "main"' in stand.why()
