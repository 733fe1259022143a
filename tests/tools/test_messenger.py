"""Messages reach each service as its documentation says, and are never said to have arrived where they did not."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.notify import SIGNED
from swiftci.tools import messenger
from swiftci.tools.messenger import NotSent, send
from swiftci.tools.messenger_address import shapes
from tests.standin.messengers import HOOK as BOT_HOOK
from tests.standin.messengers import SIGNS, TOKENS, Messengers, Reply, messengers
from tests.tools.messaging import HOOK, LETTER, channel, lead_to, secrets

ROBOTS = ("dingtalk", "wecom", "feishu", "lark", "slack", "webhook")
ANSWERS = json.loads((Path(__file__).parent / "messengers/answers.json").read_text(encoding="utf-8"))
PAGES = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/",
    "lark": "https://open.larksuite.com/open-apis/bot/v2/hook/",
    "slack": "https://hooks.slack.com/services/",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Messengers]:
    with messengers() as found:
        lead_to(found.url, monkeypatch)
        yield found


def refused(to: str, values: dict[str, str], *, sign: bool = False) -> str:
    with pytest.raises(NotSent) as error:
        send(channel(to, sign=sign), values, LETTER)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__  # a traceback shows nothing of Apprise's
    return str(error.value)


@pytest.mark.parametrize("to", ROBOTS)
def test_message_is_taken_once(to: str, server: Messengers) -> None:
    send(channel(to), secrets(to, server), LETTER)

    (one,) = server.requests
    assert (one.service, one.headers["content-type"]) == (to, "application/json; charset=utf-8")
    assert "与基线逐题比较" in json.dumps(one.data, ensure_ascii=False)
    assert one.headers["user-agent"].startswith("swiftci/")


@pytest.mark.parametrize("to", SIGNED)
def test_signature_is_the_one_that_openssl_makes(to: str, server: Messengers) -> None:
    server.signed.add(to)

    send(channel(to, sign=True), secrets(to, server), LETTER)

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("to", "said"),
    [("dingtalk", "sign not match"), ("feishu", "sign match fail"), ("lark", "19021"), ("webhook", "401")],
)
def test_wrong_signature_is_no_success(to: str, said: str, server: Messengers) -> None:
    server.signed.add(to)

    assert said in refused(to, {**secrets(to, server), "SIGN": "SEC0"}, sign=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("to", [*PAGES])
def test_token_of_nobody_is_no_success(to: str, server: Messengers) -> None:
    other = {"slack": "T1/B1/x1"}.get(to, "0" + TOKENS[to][1:])

    assert "it answers" in refused(to, {"TOKEN": other})


@pytest.mark.parametrize("case", ANSWERS, ids=[f"{one['to']}: {one['said'][11:40]}" for one in ANSWERS])
def test_answer(case: dict[str, Any], server: Messengers, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    reply = Reply(body=case["body"], status=case.get("status", 200), headers=case.get("headers", {}))
    server.first = [reply, reply]

    assert refused(case["to"], secrets(case["to"], server)) == case["said"]
    assert len(server.requests) == (2 if case["again"] else 1)
    assert slept == ([float(case.get("headers", {}).get("Retry-After", 0))] if case["again"] else [])


@pytest.mark.parametrize("to", ROBOTS)
def test_second_try_is_enough(to: str, server: Messengers) -> None:
    server.first = [Reply(body="", status=503)]

    send(channel(to), secrets(to, server), LETTER)

    assert len(server.requests) == 2


@pytest.mark.parametrize("to", ROBOTS)
def test_silence_is_no_success_and_takes_no_longer_than_it_may(
    to: str, server: Messengers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swiftci.tools.messenger_robots import Posting

    monkeypatch.setattr(Posting, "socket_read_timeout", 0.05)
    server.first, server.seconds = [Reply(body="late")] * 2, 0.1

    assert refused(to, secrets(to, server)) == "it does not answer in time"
    assert len(server.requests) == 2


def test_answer_that_trickles_is_not_waited_for(server: Messengers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftci.tools.messenger_robots.ANSWER_SECONDS", 0.05)
    server.first, server.seconds = [Reply(body="x" * 1000)] * 2, 0.02

    assert refused("slack", secrets("slack", server)) == "it does not answer in time"


def test_answer_without_end_is_cut(server: Messengers) -> None:
    server.first = [Reply(body="x" * 1_000_000, status=400)]

    assert len(refused("slack", secrets("slack", server))) < 200


@pytest.mark.parametrize("to", ROBOTS)
def test_nobody_there(to: str, server: Messengers, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to("http://127.0.0.1:9", monkeypatch)

    assert refused(to, {**secrets(to, server), **({"TOKEN": "http://127.0.0.1:9/x"} if to == "webhook" else {})}) == (
        "it cannot be reached: ConnectionError"
    )


def test_proxy_of_the_environment_is_used(server: Messengers, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to("http://oapi.dingtalk.invalid", monkeypatch)
    monkeypatch.setenv("HTTP_PROXY", server.url)

    send(channel("dingtalk"), secrets("dingtalk", server), LETTER)

    assert server.requests[0].path.startswith("http://oapi.dingtalk.invalid/robot/send?")


@pytest.mark.parametrize("to", [*PAGES])
def test_whole_address_is_as_good_as_the_token(to: str, server: Messengers) -> None:
    send(channel(to), {"TOKEN": f"{PAGES[to]}{TOKENS[to]}\n"}, LETTER)

    assert server.requests[0].service == to


BAD = {
    "another service": ("feishu", PAGES["lark"] + TOKENS["lark"], "TOKEN holds an address of lark; write `to: lark`"),
    "http": (
        "wecom",
        PAGES["wecom"].replace("https", "http") + "key",
        "TOKEN holds an address that does not begin with",
    ),
    "another host": ("slack", "https://hooks.slack.com.evil.example/services/T1/B1/x", "TOKEN holds an address that"),
    "user before the host": ("slack", "https://me@hooks.slack.com/services/T1/B1/x", "TOKEN holds an address that"),
    "a port": ("dingtalk", "https://oapi.dingtalk.com:8443/robot/send?access_token=a", "TOKEN holds an address that"),
    "another path": ("slack", "https://hooks.slack.com/workflows/T1/A1/2/x", "TOKEN holds an address that"),
    "no token": ("dingtalk", "https://oapi.dingtalk.com/robot/send", "TOKEN holds neither a token of dingtalk nor"),
    "no address": ("lark", "https://[", "TOKEN holds no address"),
    "strange signs": ("wecom", "a/../../b?c=d", "TOKEN holds neither a token of wecom nor"),
    "half of one": ("slack", "T00000000/B00000000", "TOKEN holds neither a token of slack nor"),
    "a webhook without TLS": ("webhook", "ftp://example.com/x", "TOKEN holds no address that begins with http://"),
    "a webhook with a line": ("webhook", "http://example.com/x\ny", "TOKEN holds no address"),
}


@pytest.mark.parametrize("case", BAD)
def test_secret_that_cannot_be_right_is_refused_and_not_shown(case: str, server: Messengers) -> None:
    to, value, said = BAD[case]

    text = refused(to, {"TOKEN": value})

    assert text.startswith(said)
    assert value not in text
    assert server.requests == []


def leaks(text: str, to: str) -> list[str]:
    values = [TOKENS.get(to, HOOK), SIGNS.get(to, "")]
    return [shape for value in values for shape in shapes(value) if shape and shape in text]


@pytest.mark.parametrize("to", ROBOTS)
@pytest.mark.parametrize("failure", ["echo", "refused", "late", "moved"])
def test_secret_is_in_no_message_log_or_output(
    to: str,
    failure: str,
    server: Messengers,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Even if the answer repeats the address in several ways, and somebody logs everything."""
    from swiftci.tools.messenger_robots import Posting

    caplog.set_level(logging.DEBUG)
    values = secrets(to, server)
    echo = " ".join({*shapes(values["TOKEN"]), *shapes(SIGNS.get(to, ""))})
    bodies = {"feishu": "msg", "lark": "msg", "dingtalk": "errmsg", "wecom": "errmsg"}
    body: Any = {"code": 1, "errcode": 1, bodies[to]: echo} if to in bodies else echo
    if failure == "refused":
        lead_to("http://127.0.0.1:9", monkeypatch)
        values["TOKEN"] = f"http://127.0.0.1:9{HOOK}" if to == "webhook" else values["TOKEN"]
    if failure == "late":
        monkeypatch.setattr(Posting, "socket_read_timeout", 0.02)
        server.seconds = 0.05
    server.first = [
        Reply(body=body, status=307 if failure == "moved" else 200, headers={"Location": f"{BOT_HOOK}{echo[:20]}"})
    ] * 2
    if failure == "echo" and to == "webhook":
        server.first = [Reply(body=body, status=400)]

    text = refused(to, values, sign=to in SIGNED)

    shown = capfd.readouterr()
    assert leaks(text + caplog.text + shown.out + shown.err, to) == []


def test_logging_is_as_it_was(server: Messengers, caplog: pytest.LogCaptureFixture) -> None:
    send(channel("slack"), secrets("slack", server), LETTER)

    logging.getLogger("apprise").warning("still heard")
    assert "still heard" in caplog.text


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)

    assert refused("slack", {"TOKEN": TOKENS["slack"]}) == "Apprise is not installed; install swiftci[notify]"


def test_fault_within_apprise_is_said_and_shows_nothing(server: Messengers, monkeypatch: pytest.MonkeyPatch) -> None:
    from swiftci.tools.messenger_robots import Slack

    def broken(*_: object) -> None:
        raise TypeError(TOKENS["slack"])

    monkeypatch.setattr(Slack, "deliver", broken)

    assert refused("slack", secrets("slack", server)) == "TypeError in Apprise, which is a bug"


def test_card_has_buttons_and_nothing_that_is_marked_up(server: Messengers) -> None:
    send(channel("feishu"), secrets("feishu", server), LETTER)

    card = server.requests[0].data["card"]
    assert card["header"] == {"title": {"tag": "plain_text", "content": LETTER.title}, "template": "green"}
    text, buttons = card["elements"]
    assert text == {"tag": "div", "text": {"tag": "plain_text", "content": LETTER.text}}
    assert [(one["text"]["content"], one["url"]) for one in buttons["actions"]] == [*LETTER.links]


def test_slack_links_are_escaped_and_names_mention_nobody(server: Messengers) -> None:
    send(channel("slack"), secrets("slack", server), LETTER)

    title, text, links = (block["text"] for block in server.requests[0].data["blocks"])
    assert title["text"] == f"*{LETTER.title}*"
    assert text["text"] == LETTER.text
    assert links["text"].endswith("<https://github.com/team/models/pull/12?a=1&amp;b=2|PR #12>")
    assert all(one["verbatim"] for one in (title, text, links))


def test_webhook_gets_the_facts_beside_the_text(server: Messengers) -> None:
    send(channel("webhook"), secrets("webhook", server), LETTER)

    assert server.requests[0].data == {**LETTER.data, "title": LETTER.title, "text": LETTER.text}


def test_every_service_has_a_form() -> None:
    assert set(messenger.FORMS) == {*ROBOTS, "email"}
