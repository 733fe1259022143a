"""The stage that shows a verdict on GitHub: what it writes, where, and that its trouble is no trouble of the run's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.load import resolved
from swiftci.evidence import verdict
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.spec.exit import Exit
from swiftci.stages import comment
from swiftci.stages.comment import Outputs
from swiftci.stages.stage import Context
from tests.fake.repository import Repository
from tests.stages.stand import Heard, context
from tests.standin.github_job import HEAD, Job, judging
from tests.standin.github_pull import ACTIONS, NUMBER, REPOSITORY
from tests.standin.hub import Fault

METRIC = "general_qa.rouge-l-recall"
FAIL = Reason(verdict="fail", text="", metric=METRIC, value=0.4, items=9, at_least=0.5)
PASS = Reason(verdict="pass", text="", metric=METRIC, value=0.6, items=9, at_least=0.5)
OPEN = Reason(verdict="inconclusive", text="it is open", metric=METRIC)


@dataclass
class Shown:
    """The stage in a pull request's job."""

    job: Job
    repository: Repository

    def judged(self, *reasons: Reason, **more: Any) -> None:
        self.repository.folder.mkdir(parents=True, exist_ok=True)
        verdict.write(self.repository.folder, replace(Verdict.of(reasons), **more))

    def context(self) -> Context:
        found = context(self.repository, {"train": "succeeded", "evaluate": "succeeded"})
        found.record.resolved = json.loads(json.dumps(resolved(found.project, found.loaded)))
        return replace(found, environ={**self.job.environ, "GITHUB_TOKEN": self.job.token})

    def run(self) -> Outputs:
        found = self.context()
        self.heard = found.progress
        outputs = comment.run(comment.Inputs(), found)
        assert "ghs_secret" not in " ".join(self.lines)
        return outputs

    @property
    def lines(self) -> list[str]:
        assert isinstance(self.heard, Heard)
        return self.heard.lines

    @property
    def check(self) -> dict[str, Any]:
        [found] = self.job.github.checks
        return found


@pytest.fixture
def shown(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    with judging(tmp_path, monkeypatch) as job:
        found = Shown(job, repository)
        found.judged(FAIL)
        yield found


def test_comment_and_check_are_written(shown: Shown) -> None:
    outputs = shown.run()

    [body] = shown.job.github.bodies
    assert body.startswith("<!-- swiftci tiny -->\n### ❌ tiny: fail\n")
    assert f"/swiftci accept tiny {HEAD} REASON" in body
    assert outputs.comment == shown.job.github.comments[0]["html_url"]
    assert outputs.check == f"https://github.com/{REPOSITORY}/runs/{shown.check['id']}"
    assert (shown.check["name"], shown.check["head_sha"]) == ("swiftci tiny verdict", HEAD)
    assert shown.check["output"]["title"] == "❌ tiny: fail"
    assert shown.check["output"]["summary"] == body.partition("\n")[2]
    assert shown.lines == []


def test_second_attempt_edits_the_comment(shown: Shown) -> None:
    first = shown.run()
    shown.judged(PASS)

    assert shown.run().comment == first.comment
    assert "### ✅ tiny: pass" in shown.job.github.bodies[0]
    assert [one["conclusion"] for one in shown.job.github.checks] == ["failure", "success"]


CONCLUSIONS: dict[str, tuple[tuple[Reason, ...], dict[str, Any], str]] = {
    "pass": ((PASS,), {}, "success"),
    "fail": ((FAIL,), {}, "failure"),
    "fail that is only told": ((FAIL,), {"exit": Exit.DONE, "mode": "warn"}, "neutral"),
    "inconclusive": ((OPEN,), {}, "failure"),
    "inconclusive that ends well": ((OPEN,), {"exit": Exit.DONE}, "neutral"),
    "invalid": ((Reason(verdict="invalid", text="no"),), {}, "failure"),
    "invalid, where a failure is only told": ((Reason(verdict="invalid", text="no"),), {"mode": "warn"}, "failure"),
    "skipped": ((Reason(verdict="skipped", text="nothing to do"),), {}, "skipped"),
}


@pytest.mark.parametrize("name", CONCLUSIONS)
def test_conclusion_is_how_the_run_ends(shown: Shown, name: str) -> None:
    reasons, more, conclusion = CONCLUSIONS[name]
    shown.judged(*reasons, **more)
    shown.run()

    assert shown.check["conclusion"] == conclusion


def test_run_without_a_verdict_holds_no_required_check(shown: Shown) -> None:
    (shown.repository.folder / "verdict.json").unlink()
    shown.run()

    assert shown.check["conclusion"] == "failure"


def test_broken_rule_is_noted_at_its_line(shown: Shown) -> None:
    shown.run()

    text = (shown.repository.root / "configs/tiny.yaml").read_text().splitlines()
    [note] = shown.check["output"]["annotations"]
    assert (note["path"], note["annotation_level"], note["title"]) == ("configs/tiny.yaml", "failure", METRIC)
    assert note["message"] == f"{METRIC} is 0.4 over 9 items; it should be at least 0.5"
    assert METRIC in "".join(text[note["start_line"] - 1 : note["start_line"] + 1])


def test_each_rule_has_one_note_with_all_its_reasons(shown: Shown) -> None:
    rules: list[dict[str, Any]] = [
        {"metric": METRIC, "at_least": 0.5},
        {"metric": METRIC, "margin": 0.01},
        {"metric": METRIC, "every": "subset", "margin": 0.02},
        {"metric": "train.loss", "at_most": 1.0},
    ]
    shown.repository.config["gate"] = {"rules": rules}
    shown.repository.write()
    lost = Reason(verdict="fail", text="lost", metric=METRIC, margin=0.01, against="baseline")
    parts = [replace(lost, text=f"{name} lost", subset=name, margin=0.02) for name in ("a", "b")]
    loss = Reason(verdict="pass", text="", metric="train.loss", value=0.5, at_most=1.0)
    shown.judged(*parts, lost, FAIL, loss, Reason(verdict="invalid", text="of no rule"))
    shown.run()

    notes = shown.check["output"]["annotations"]
    low = f"{METRIC} is 0.4 over 9 items; it should be at least 0.5"
    assert [one["message"] for one in notes] == [low, "lost", "a lost\nb lost"]
    assert [one["start_line"] for one in notes] == sorted({one["start_line"] for one in notes})


def test_what_is_only_told_is_a_warning(shown: Shown) -> None:
    shown.judged(FAIL, exit=Exit.DONE, mode="warn")
    shown.run()

    assert [one["annotation_level"] for one in shown.check["output"]["annotations"]] == ["warning"]


def test_rule_of_the_command_line_has_no_line(shown: Shown) -> None:
    found = shown.context()
    _, loaded = shown.repository.load('gate=[{"metric": "general_qa.rouge-l-recall", "at_least": 0.5}]')
    comment.run(comment.Inputs(), replace(found, loaded=loaded))

    assert shown.check["output"]["annotations"] == []


def test_push_has_a_check_and_no_comment(shown: Shown) -> None:
    shown.job.at({})
    outputs = shown.run()

    assert outputs.comment is None
    assert shown.job.github.wrote == ["POST /check-runs"]
    assert "/swiftci accept" not in shown.check["output"]["summary"]


def test_nothing_to_do_begins_no_comment_but_ends_an_old_one(shown: Shown) -> None:
    shown.judged(Reason(verdict="skipped", text="nothing to do"))
    shown.run()
    assert shown.job.github.comments == []

    shown.job.github.comment("<!-- swiftci tiny -->\nold", ACTIONS)
    assert shown.run().comment
    assert "skipped" in shown.job.github.bodies[0]


WHY_NOTHING: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"token": ""}, "there is no GITHUB_TOKEN"),
    "fork": ({"repository": 43}, "the pull request is from a fork, whose token may only read"),
    "read-only token": (
        {"writes": False},
        'GitHub answers 403, "Resource not accessible by integration"; the job needs `permissions: {checks: write, '
        "pull-requests: write}`",
    ),
    "bad token": (
        {"token": "ghs_other"},
        'GitHub answers 401, "Bad credentials"; the job needs `permissions: {checks: write, pull-requests: write}`',
    ),
}


@pytest.mark.parametrize("name", WHY_NOTHING)
def test_where_nothing_can_be_written_one_sentence_says_so(shown: Shown, name: str) -> None:
    given, why = WHY_NOTHING[name]
    shown.job.token = given.get("token", shown.job.token)
    shown.job.github.writes = given.get("writes", True)
    if "repository" in given:
        shown.job.pulled(repository=given["repository"])
    outputs = shown.run()

    assert outputs == Outputs()
    assert shown.lines == [f"nothing was written to GitHub: {why}; the job summary has it all"]
    assert shown.job.github.comments == shown.job.github.checks == []


def test_here_nothing_is_asked(shown: Shown) -> None:
    shown.job.environ = {}
    shown.run()

    assert shown.job.github.requests == []
    assert shown.lines[0].startswith("nothing was written to GitHub: ")


def test_one_that_cannot_be_written_leaves_the_other(shown: Shown) -> None:
    shown.job.github.faults = [Fault(f"/issues/{NUMBER}/comments", status=500, times=99)]
    outputs = shown.run()

    assert outputs.comment is None
    assert outputs.check is not None
    assert shown.lines == ["the comment was not written: GitHub answers 500; the job summary has it all"]


def test_words_are_in_the_project_s_language(shown: Shown) -> None:
    shown.repository.project["language"] = "zh"
    shown.repository.write()
    shown.run()

    assert "### ❌ tiny：未通过" in shown.job.github.bodies[0]
