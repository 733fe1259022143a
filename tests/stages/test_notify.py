"""Who is told of which run, and that a message that fails costs the run nothing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from swiftci.config.load import resolved
from swiftci.config.notify import Channel
from swiftci.evidence import verdict
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.spec.exit import Exit
from swiftci.stages import notify
from swiftci.stages.notify import Inputs, Outputs
from swiftci.stages.stage import Context
from tests.fake.repository import Repository
from tests.stages.stand import Heard, context
from tests.standin.messengers import SIGNS, TOKENS, Messengers, Reply, messengers
from tests.tools.messaging import lead_to

FAILED = Reason(verdict="fail", text="ceval.accuracy is 0.58; it should be at least 0.6")
PASSED = Reason(verdict="pass", text="ceval.accuracy is 0.71")
SECRETS = {"DINGTALK_TOKEN": TOKENS["dingtalk"], "DINGTALK_SECRET": SIGNS["dingtalk"], "SLACK_URL": TOKENS["slack"]}
NOTIFY = [
    {"to": "dingtalk", "token": "DINGTALK_TOKEN", "sign": "DINGTALK_SECRET", "on": ["failure", "recovery"]},
    {"to": "slack", "token": "SLACK_URL", "on": "always", "language": "zh"},
]


@dataclass
class Stand:
    """A run directory that is told of, and the services that listen."""

    context: Context
    server: Messengers

    def tell(self, *reasons: Reason, needs: dict[str, Any] | None = None, **environ: str) -> Outputs:
        if reasons:
            verdict.write(self.context.folder, Verdict.of(reasons))
        inputs = Inputs(needs=json.dumps(needs) if needs else None)
        return notify.run(inputs, replace(self.context, environ={**SECRETS, **environ}))

    @property
    def lines(self) -> list[str]:
        return cast(Heard, self.context.progress).lines

    @property
    def heard(self) -> list[str]:
        return [request.service for request in self.server.requests]


@pytest.fixture
def stand(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    repository.project |= {"notify": NOTIFY, "secrets": {"notify": [*SECRETS]}}
    repository.write()
    found = context(repository, {"train": "succeeded", "evaluate": "succeeded"})
    found.record.resolved = resolved(found.project, found.loaded)
    with messengers() as server:
        lead_to(server.url, monkeypatch)
        server.signed.add("dingtalk")
        yield Stand(found, server)


def test_each_channel_is_told_of_what_it_wants_to_know(stand: Stand) -> None:
    assert stand.tell(FAILED) == Outputs(sent="dingtalk,slack")
    assert stand.heard == ["dingtalk", "slack"]
    stand.server.requests.clear()

    assert stand.tell(PASSED) == Outputs(sent="slack")
    assert stand.heard == ["slack"]


def test_each_channel_is_told_in_its_language(stand: Stand) -> None:
    stand.tell(FAILED)
    first, second = stand.server.requests

    assert first.data["markdown"]["text"].startswith("### ❌ tiny failed: ceval.accuracy is 0.58")
    assert second.data["text"].startswith("❌ tiny 未通过：ceval.accuracy is 0.58")


def test_recovery_is_told(stand: Stand) -> None:
    rows = [{"run": "1", "ref": None, "verdict": "fail", "metrics": {}}]
    (stand.context.folder / "trend.json").write_text(json.dumps({"schema": 1, "runs": rows}))

    assert stand.tell(PASSED).sent == "dingtalk,slack"
    assert "tiny passes again" in stand.server.requests[0].data["markdown"]["title"]


def test_message_that_fails_is_said_and_the_next_is_sent(stand: Stand) -> None:
    stand.server.first = [Reply(body={"errcode": 310000, "errmsg": "keywords not in content"})]

    outputs = stand.tell(FAILED)

    said = 'message to dingtalk was not sent: it answers 310000, "keywords not in content"'
    assert (outputs.sent, outputs.failed) == ("slack", "dingtalk")
    assert outputs.warning.startswith(said)
    assert [line for line in stand.lines if line.startswith(said)]


@pytest.mark.parametrize("runner", [True, False], ids=["on a runner", "on a laptop"])
def test_secret_that_is_not_there_is_a_line_and_on_a_runner_a_warning(stand: Stand, runner: bool) -> None:
    more = {"GITHUB_ACTIONS": "true"} if runner else {}

    outputs = stand.tell(FAILED, DINGTALK_SECRET="", **more)

    assert (outputs.sent, outputs.failed) == ("slack", "")
    assert stand.lines == ["not all were told: DINGTALK_SECRET is not set here", "message to slack was sent"][::-1]
    assert bool(outputs.warning) == runner


def test_secret_is_not_missed_where_there_is_nothing_to_tell(stand: Stand) -> None:
    assert stand.tell(PASSED, DINGTALK_TOKEN="", GITHUB_ACTIONS="true") == Outputs(sent="slack")


@pytest.mark.parametrize("job", ["plan", "train", "train-2"])
def test_cancelled_run_tells_nobody(stand: Stand, job: str) -> None:
    needs = {name: {"result": "success", "outputs": {}} for name in ("plan", "train", "train-2")}

    assert stand.tell(FAILED, needs={**needs, job: {"result": "cancelled", "outputs": {}}}) == Outputs()
    assert stand.heard == []
    assert stand.tell(FAILED, needs=needs).sent == "dingtalk,slack"


def test_interrupted_run_tells_nobody_and_a_killed_one_does(stand: Stand) -> None:
    train = stand.context.record.stages["train"]
    train.state, train.exit = "interrupted", Exit.INTERRUPTED
    assert stand.tell(FAILED) == Outputs()

    train.exit = 0  # so the journal has what was cut off without a word
    assert stand.tell(FAILED).sent == "dingtalk,slack"


def test_run_in_which_there_was_nothing_to_do_tells_nobody(stand: Stand) -> None:
    assert stand.tell(Reason(verdict="skipped", text="nothing changed")) == Outputs()
    assert stand.heard == []


@pytest.mark.parametrize("text", [None, "{", '{"verdict": 1}'])
def test_run_without_a_verdict_is_a_failure(stand: Stand, text: str | None) -> None:
    if text is not None:
        (stand.context.folder / verdict.FILE).write_text(text)

    assert stand.tell().sent == "dingtalk,slack"


@pytest.mark.parametrize("sign", ["好", "😀", '"', "<@all>&"])
@pytest.mark.parametrize("to", [*TOKENS])
def test_longest_message_is_within_what_the_service_takes(to: str, sign: str, stand: Stand) -> None:
    """The stand-in's limits are the documented ones, and not read from our table."""
    channel = Channel(to=to, token="TOKEN", on=("failure",))
    project = replace(stand.context.project, notify=(channel,))
    record = replace(
        stand.context.record, actor=sign * 500, ref=f"refs/pull/1/{sign * 500}", url="https://e.x/" + "é" * 80
    )
    reasons = [Reason(verdict="fail", text=f"{n} {sign * 2000}") for n in range(40)]
    verdict.write(stand.context.folder, Verdict.of(reasons))
    stand.server.signed.clear()

    context = replace(stand.context, project=project, record=record, environ={"TOKEN": TOKENS[to]})
    assert notify.run(Inputs(), context) == Outputs(sent=to)


def test_without_channels_nothing_is_read(stand: Stand) -> None:
    project = replace(stand.context.project, notify=())
    broken = replace(stand.context.record, resolved={})

    assert notify.run(Inputs(), replace(stand.context, project=project, record=broken)) == Outputs()


def test_stage_gets_the_secrets_of_messages_alone_and_runs_after_a_failure() -> None:
    assert notify.STAGE.secrets == ("notify",)
    assert (notify.STAGE.always, notify.STAGE.reusable) == (True, False)
