"""What a messenger's answer says: taken, or refused and whether another try may help. HTTP 200 alone says nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from swiftci.spec.problem import quoted

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_KEYWORD = "`swiftci` stands in every message, and can be the robot's keyword"


class Refused(Exception):
    """Why a message was not taken; `again` says whether another try may mend that, `after` how long to wait first."""

    def __init__(self, why: str, *, again: bool = False, after: float = 0.0) -> None:
        super().__init__(why)
        self.again, self.after = again, after


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, its body cut where it is long."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace").strip()

    def refused(self, why: str, *, again: bool = False) -> Refused:
        after = self.headers.get("retry-after", "")
        seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0.0
        return Refused(why, again=again or self.status in _PASSING, after=seconds)


@dataclass(frozen=True, kw_only=True)
class Codes:
    """How a robot answers in JSON: the keys of code and words, the codes that may pass, and what others are about."""

    code: tuple[str, ...]
    words: str
    passing: frozenset[int]
    hints: Mapping[int, str]

    def check(self, answer: Answer) -> None:
        """Raises Refused unless it says that all is well."""
        data = _object(answer.body)
        code = next((data[key] for key in self.code if type(data.get(key)) is int), None)
        if code is None:
            check_status(answer)
            raise answer.refused(f"it answers {answer.status} and not as documented")
        if code:
            said = data.get(self.words)
            shown = f", {quoted(said, 200)}" if isinstance(said, str) and said else ""
            hint = f" ({self.hints[code]})" if code in self.hints else ""
            raise answer.refused(f"it answers {code}{shown}{hint}", again=code in self.passing)
        check_status(answer)


DINGTALK = Codes(
    code=("errcode",),
    words="errmsg",
    passing=frozenset({-1, 130101, 410100}),
    hints={310000: f"the robot's security settings: sign, keyword or addresses; {_KEYWORD}"},
)
"""open.dingtalk.com/document/orgapp/custom-robot-access; 130101 and 410100 are its limit of 20 messages a minute."""
WECOM = Codes(
    code=("errcode",),
    words="errmsg",
    passing=frozenset({-1, 45009, 45033}),
    hints={93000: "the robot was removed, or its key is another one"},
)
"""developer.work.weixin.qq.com/document/path/90313, the codes of all interfaces."""
FEISHU = Codes(
    code=("code", "StatusCode"),
    words="msg",
    passing=frozenset({11232}),
    hints={
        19021: "see `sign`, and the clock of this machine",
        19022: "this machine's address is not among those that the robot allows",
        19024: _KEYWORD,
    },
)
"""open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN; Lark's are the same."""


def check_slack(answer: Answer) -> None:
    """`ok` and nothing else is success; errors are one word (docs.slack.dev/messaging/
    sending-messages-using-incoming-webhooks).
    """
    if answer.status != 200 or answer.text != "ok":
        shown = f", {quoted(answer.text, 60)}" if answer.text else ""
        raise answer.refused(f"it answers {answer.status}{shown}")


def check_status(answer: Answer) -> None:
    """Raises Refused where the status is no success."""
    if not 200 <= answer.status < 300:
        moved = ", and redirects are not followed" if 300 <= answer.status < 400 else ""
        raise answer.refused(f"it answers {answer.status}{moved}")


def _object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
