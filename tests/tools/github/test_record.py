"""The newest result of a branch, to compare another with."""

import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.tools.github_artifact import Earlier
from swiftci.tools.github_record import newest_record
from tests.standin.hub import Fault
from tests.tools.github.conftest import MAIN, TOPIC, Stand, packed

OTHER = "swiftci-tiny-" + "9" * 16


def record(name: str = "tiny", verdict: str = "pass") -> bytes:
    return packed({"run.json": {"name": name, "verdict": verdict}})


def good(files: Path) -> bool:
    data = json.loads((files / "run.json").read_text())
    return bool(data["name"] == "tiny" and data["verdict"] == "pass")


def look(stand: Stand, branch: str = "main") -> Earlier | str:
    return newest_record(stand.environ, "ghs_secret", "tiny", branch, stand.path / "found", good)


def why(stand: Stand) -> str:
    found = look(stand)
    assert isinstance(found, str), found
    assert not [path for path in (stand.path / "found").rglob("*") if path.is_file()]
    return found


def test_newest_run_of_the_branch_is_found_whatever_it_was_made_from(stand: Stand) -> None:
    stand.pull("topic", "main")
    stand.keep(7, record(), created="2026-05-02T10:00:00Z", name=OTHER)
    stand.keep(8, record(), created="2026-05-03T10:00:00Z")
    stand.keep(9, record(), created="2026-05-01T10:00:00Z")
    stand.keep(10, record(), branch="topic", commit=TOPIC, created="2026-05-04T10:00:00Z")
    found = look(stand)

    assert isinstance(found, Earlier)
    assert (found.artifact, found.run, found.branch) == (8, 1008, "main")
    assert json.loads((found.files / "run.json").read_text())["name"] == "tiny"


def test_another_branch_than_the_pull_request_s_can_be_asked_for(stand: Stand) -> None:
    stand.pull("topic", "main")
    stand.github.branches["release/1"] = [MAIN[1]]
    stand.keep(7, record(), branch="release/1", commit=MAIN[1])

    assert isinstance(look(stand, "release/1"), Earlier)


def test_a_run_that_was_not_good_gives_way_to_an_older_one(stand: Stand) -> None:
    stand.keep(7, record(), created="2026-05-01T10:00:00Z")
    stand.keep(8, record(verdict="fail"), created="2026-05-02T10:00:00Z")
    found = look(stand)

    assert isinstance(found, Earlier)
    assert found.artifact == 7
    assert not (stand.path / "found" / "8").exists()


def test_run_at_hand_is_not_its_own_baseline(stand: Stand) -> None:
    stand.environ["GITHUB_RUN_ID"] = "1007"
    stand.keep(7, record())

    assert why(stand) == 'no earlier run kept results of tiny on "main"'


PASSED_OVER: dict[str, dict[str, Any]] = {
    "pull request from the branch": {"event": "pull_request"},
    "still running": {"status": "in_progress"},
    "another config": {"name": "swiftci-tiny-2-" + "9" * 16},
    "another config that ends alike": {"name": "swiftci-not-tiny-" + "9" * 16},
    "invalid result": {"name": "swiftci-tiny-1007-1-report"},
    "another workflow": {"path": ".github/workflows/other.yml"},
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_artifact_that_is_no_result_of_the_branch_is_not_looked_at(stand: Stand, name: str) -> None:
    stand.keep(7, **{"content": record(), **PASSED_OVER[name]})

    assert why(stand) == 'no earlier run kept results of tiny on "main"'


DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "fork": ({"repository": 43}, "artifact 7 is of a fork"),
    "expired": ({"expired": True}, "artifact 7 has expired"),
    "tag of the branch's name": ({"commit": TOPIC}, 'artifact 7 is of a commit that is not on "main"'),
    "workflow of the same name elsewhere": ({"path": "other/tiny.yml"}, "artifact 7 is of another workflow"),
    "record of another": ({"content": record(name="other")}, "artifact 7 holds another result"),
    "no record": ({"content": packed({"a": 1})}, "artifact 7 holds no result that can be read"),
    "hostile archive": ({"content": packed({"../evil": 1})}, "whose name is not safe to write"),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_artifact_is_not_believed(stand: Stand, name: str) -> None:
    more, words = DOUBTS[name]
    stand.keep(7, **{"content": record(), **more})

    assert words in why(stand)


def test_refused_look_says_what_the_job_needs(stand: Stand) -> None:
    stand.github.faults = [Fault("/runs", status=403, body=b'{"message": "Resource not accessible by integration"}')]

    assert "the job needs `permissions: {actions: read, contents: read}`" in why(stand)


def test_answer_that_is_none_is_said(stand: Stand) -> None:
    stand.github.faults = [Fault("/runs", status=200, body=b'{"workflow_runs": [7, {"id": true}, null]}')]

    assert why(stand) == 'no earlier run kept results of tiny on "main"'


def test_without_a_job_around_nothing_is_asked(stand: Stand) -> None:
    stand.environ = {}

    assert "do not say where this runs" in why(stand)
    assert stand.github.requests == []
