"""Channels, secrets and letters for tests, and services whose addresses lead to the loopback."""

from typing import Any

import pytest

from swiftci.config.notify import Channel
from swiftci.tools.messenger import Letter
from tests.standin.messengers import PATHS, SIGNS, TOKENS, Messengers

LETTER = Letter(
    title="✅ qwen3-4b-zh 通过：本次 PR 提升 CMMLU 2.3 个百分点（95% 区间 1.1 至 3.5）",
    text="✅ cmmlu.accuracy：“好” \\ 与基线逐题比较\n\n触发者 alice · swiftci 0.1.0",
    tone="good",
    links=(
        ("运行与报告", "https://github.com/team/models/actions/runs/7"),
        ("PR #12", "https://github.com/team/models/pull/12?a=1&b=2"),
    ),
    data={"schema": 1, "name": "qwen3-4b-zh"},
)
HOOK = next(path for path, service in PATHS.items() if service == "webhook")


def channel(to: str, *, sign: bool = False, **more: Any) -> Channel:
    return Channel(to=to, token="TOKEN", sign="SIGN" if sign else None, **more)


def secrets(to: str, server: Messengers) -> dict[str, str]:
    """What TOKEN and SIGN hold; of a webhook its address, since it has no other."""
    return {"TOKEN": TOKENS.get(to, server.url + HOOK), "SIGN": SIGNS.get(to, "")}


def lead_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a server in the place of every service's own."""
    from swiftci.tools import messenger_robots as robots

    monkeypatch.setattr(robots.DingTalk, "notify_url", url + "/robot/send?access_token={token}")
    monkeypatch.setattr(robots.WeCom, "notify_url", url + "/cgi-bin/webhook/send?key={key}")
    for bot in (robots.Feishu, robots.Lark):
        monkeypatch.setattr(bot, "notify_url", url + "/open-apis/bot/v2/hook/{token}")
    monkeypatch.setattr(robots.Slack, "notify_url", url + "/services/{token}")
    monkeypatch.setattr(robots.Webhook, "schemes", ("http",))
    monkeypatch.setattr("swiftci.tools.messenger.WAIT", 0.0)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
