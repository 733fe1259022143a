"""Sends a message to a channel: what each service takes, two tries, and no secret in anything that is said of it."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from swiftci.config.notify import Channel
from swiftci.spec.error import Interrupted
from swiftci.tools.messenger_address import shapes
from swiftci.tools.messenger_answer import Refused
from swiftci.tools.output import mask

WAIT = 2.0
"""Seconds before the second try; a service may ask for more."""
WAIT_MAX = 20.0
_ALL = 1_000
"""Above every level of Python's and Apprise's."""

Markup = Literal["text", "markdown", "slack"]
Tone = Literal["good", "bad", "open"]


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a service takes a text: its markup and length. `whole` says that title and links stand in it too."""

    markup: Markup
    limit: int
    whole: bool
    characters: bool = False

    def size(self, text: str) -> int:
        """What of the limit a text takes: its characters, or its bytes as they stand in JSON."""
        return len(text) if self.characters else len(json.dumps(text, ensure_ascii=False).encode())


FORMS: Mapping[str, Form] = {
    "dingtalk": Form(markup="markdown", limit=19_000, whole=True),
    "wecom": Form(markup="markdown", limit=4_096, whole=True),
    "feishu": Form(markup="text", limit=17_000, whole=False),
    "lark": Form(markup="text", limit=17_000, whole=False),
    "slack": Form(markup="slack", limit=3_000, whole=False, characters=True),
    "email": Form(markup="text", limit=100_000, whole=True),
    "webhook": Form(markup="text", limit=100_000, whole=True),
}
"""The limits as documented, less what stands around the text.

DingTalk: 20,000 bytes a message (open.dingtalk.com/document/orgapp/custom-robot-access). WeCom: 4,096 bytes of Markdown
(developer.work.weixin.qq.com/document/path/91770). Feishu and Lark: 20 KB a request (open.feishu.cn/document/
ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN). Slack: 3,000 characters a section (docs.slack.dev/reference/block-kit/blocks/
section-block).
"""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message in the form of one service; `data` is what a webhook gets."""

    title: str
    text: str
    tone: Tone
    links: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


class NotSent(Exception):
    """Why a message did not arrive, in words to print."""


def send(channel: Channel, secrets: Mapping[str, str], letter: Letter) -> None:
    """Sends to a channel; `secrets` are the values by their names. Raises NotSent, and nothing else of the network's.

    What got no answer is sent once more, so that it may arrive twice rather than never.
    """
    names = [name for name in (channel.token, channel.sign) if name]
    values = {name: secrets[name].strip() for name in names}
    hidden = [shape for value in values.values() for shape in shapes(value)]
    try:
        with _quiet():
            deliver = _way(channel, values)
            _twice(lambda: deliver(letter))
    except Refused as error:
        raise NotSent(mask(str(error), hidden)) from None
    except Interrupted:
        raise
    except Exception as error:  # a traceback of Apprise's would show addresses
        raise NotSent(f"{type(error).__name__} in Apprise, which is a bug") from None


def _way(channel: Channel, values: Mapping[str, str]) -> Callable[[Letter], None]:
    try:
        import apprise  # noqa: F401 -- whether it is there
    except ImportError:
        raise Refused("Apprise is not installed; install swiftci[notify]") from None
    from swiftci.tools import messenger_email, messenger_robots

    way = messenger_email.way if channel.to == "email" else messenger_robots.way
    return way(channel, values[channel.token], values[channel.sign] if channel.sign else "")


def _twice(once: Callable[[], None]) -> None:
    try:
        once()
    except Refused as error:
        if not error.again or error.after > WAIT_MAX:
            raise
        time.sleep(max(WAIT, error.after))
        once()


@contextmanager
def _quiet() -> Iterator[None]:
    """While inside, nothing is logged: Apprise and requests log addresses, and of those the token is a part."""
    before = logging.root.manager.disable
    logging.disable(_ALL)
    try:
        yield
    finally:
        logging.disable(before)


def slack(text: str) -> str:
    """Text as Slack's markup: these three signs are all that it asks to escape, and begin mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
