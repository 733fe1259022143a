"""The messengers that are reached over HTTP: Apprise's, with what they lack (measured with 2.2.0).

Theirs report success whatever code stands in the answer, sign for DingTalk with a value that is encoded twice, and for
Feishu and Lark not at all, send plain text to all but DingTalk, and follow redirects. Imported with the first message
only, since Apprise is optional.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import requests
from apprise import AppriseAsset, NotifyBase
from apprise.exception import AppriseException
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot

from swiftci import __version__
from swiftci.config.notify import Channel
from swiftci.tools import messenger_answer
from swiftci.tools.messenger import Letter, slack
from swiftci.tools.messenger_address import page, token
from swiftci.tools.messenger_answer import Answer, Refused

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
_ANSWER_BYTES = 10_000


class Posting(NotifyBase):
    """A plugin that posts JSON once and reads the answer; it raises Refused where that is no success."""

    socket_connect_timeout = CONNECT_SECONDS
    socket_read_timeout = ANSWER_SECONDS
    token: str
    secret: str | None = None

    def deliver(self, letter: Letter) -> None:
        raise NotImplementedError

    def post(
        self, url: str, data: Any, *, headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        """Text goes as UTF-8: WeCom refuses what is escaped (40033), and limits count bytes."""
        body = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
        kind = {"Content-Type": "application/json; charset=utf-8", "User-Agent": self.app_id}
        try:
            with requests.post(
                url,
                data=body,
                params=query,
                headers={**kind, **(headers or {})},
                timeout=self.request_timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(status=response.status_code, body=_read(response), headers=_lower(response.headers))
        except requests.Timeout:
            raise Refused("it does not answer in time", again=True) from None
        except requests.exceptions.SSLError:
            raise Refused("its certificate is not one that this machine trusts") from None
        except requests.exceptions.ProxyError:
            raise Refused("the proxy in the environment does not lead to it", again=True) from None
        except (requests.RequestException, OSError, ValueError) as error:  # their texts hold the address
            raise Refused(f"it cannot be reached: {type(error).__name__}", again=True) from None


class DingTalk(Posting, NotifyDingTalk):
    """A custom robot of DingTalk."""

    def deliver(self, letter: Letter) -> None:
        markdown = {"title": letter.title, "text": letter.text}
        data = {"msgtype": "markdown", "markdown": markdown, "at": {"isAtAll": False}}
        url = self.notify_url.format(token=self.token)
        messenger_answer.DINGTALK.check(self.post(url, data, query=self.signed(self.secret) if self.secret else {}))

    def signed(self, secret: str) -> dict[str, str]:
        """Base64 of HMAC-SHA256 of "milliseconds, line feed, secret" under the secret; encoded once, by the query."""
        now = str(round(time.time() * 1000))
        digest = hmac.new(secret.encode(), f"{now}\n{secret}".encode(), hashlib.sha256).digest()
        return {"timestamp": now, "sign": base64.b64encode(digest).decode()}


class WeCom(Posting, NotifyWeComBot):
    """A group robot of WeCom."""

    def deliver(self, letter: Letter) -> None:
        data = {"msgtype": "markdown", "markdown": {"content": letter.text}}
        messenger_answer.WECOM.check(self.post(self.api_url, data))


class Card(Posting):
    """A custom bot of Feishu or Lark: a card of plain text, in which no markup and no mention works, and buttons."""

    notify_url: str

    def deliver(self, letter: Letter) -> None:
        url = self.notify_url.format(token=self.token).rstrip("/")
        card: dict[str, Any] = {
            "config": {"wide_screen_mode": True},
            "header": {"title": _plain(letter.title), "template": _COLOURS[letter.tone]},
            "elements": [{"tag": "div", "text": _plain(letter.text)}],
        }
        if letter.links:
            buttons = [
                {"tag": "button", "type": "default", "text": _plain(name), "url": link} for name, link in letter.links
            ]
            card["elements"].append({"tag": "action", "actions": buttons})
        data = {**(self.signed() if self.secret else {}), "msg_type": "interactive", "card": card}
        messenger_answer.FEISHU.check(self.post(url, data))

    def signed(self) -> dict[str, str]:
        """Base64 of HMAC-SHA256 of nothing under "seconds, line feed, secret"."""
        now = str(round(time.time()))
        digest = hmac.new(f"{now}\n{self.secret}".encode(), b"", hashlib.sha256).digest()
        return {"timestamp": now, "sign": base64.b64encode(digest).decode()}


_COLOURS = {"good": "green", "bad": "red", "open": "orange"}


def _plain(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


class Feishu(Card, NotifyFeishu):
    """The one in China."""


class Lark(Card, NotifyLark):
    """Feishu's outside of China."""

    notify_url = NotifyLark.notify_url + "{token}"


class Slack(Posting):
    """An incoming webhook of Slack; `verbatim` leaves names that look like mentions alone."""

    notify_url = "https://hooks.slack.com/services/{token}"

    def deliver(self, letter: Letter) -> None:
        texts = [f"*{slack(letter.title)}*", letter.text]
        texts.append(" · ".join(f"<{slack(link)}|{slack(name)}>" for name, link in letter.links))
        blocks = [
            {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}} for text in texts if text
        ]
        data = {"text": slack(letter.title), "blocks": blocks, "unfurl_links": False}
        messenger_answer.check_slack(self.post(self.notify_url.format(token=self.token), data))


class Webhook(Posting):
    """Any server: the message as JSON, signed as GitHub signs its own."""

    schemes: ClassVar[tuple[str, ...]] = ("https",)

    def deliver(self, letter: Letter) -> None:
        body = json.dumps({**letter.data, "title": letter.title, "text": letter.text}).encode()
        signed = {}
        if self.secret:
            digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            signed["X-Swiftci-Signature-256"] = f"sha256={digest}"
        messenger_answer.check_status(self.post(self.token, body, headers=signed))


ROBOTS: Mapping[str, tuple[Callable[..., Posting], str]] = {
    "dingtalk": (DingTalk, "token"),
    "wecom": (WeCom, "key"),
    "feishu": (Feishu, "token"),
    "lark": (Lark, "token"),
    "slack": (Slack, ""),
    "webhook": (Webhook, ""),
}
"""The plugins, and what Apprise's constructors call the token."""


def way(channel: Channel, value: str, sign: str) -> Callable[[Letter], None]:
    """What delivers to the channel that these secrets open; raises Refused where they cannot."""
    if channel.to == "webhook":
        found = page(channel.token, value, Webhook.schemes)
    else:
        found = token(channel.to, channel.token, value)
    make, name = ROBOTS[channel.to]
    try:
        robot = make(asset=AppriseAsset(app_id=f"swiftci/{__version__}"), **({name: found} if name else {}))
    except AppriseException:
        raise Refused(f"{channel.token} is not as {channel.to} makes them") from None
    robot.token, robot.secret = found, sign
    return robot.deliver


def _read(response: requests.Response) -> bytes:
    """The first bytes of an answer, read one by one: a server that trickles would keep a larger read for ever."""
    until = time.monotonic() + ANSWER_SECONDS
    found = bytearray()
    try:
        for chunk in response.iter_content(1):
            found += chunk
            if len(found) >= _ANSWER_BYTES:
                break
            if time.monotonic() > until:
                raise requests.ReadTimeout
    except requests.ConnectionError:  # so requests calls a body that does not come
        raise requests.ReadTimeout from None
    return bytes(found)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items()}
