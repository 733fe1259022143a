"""What the secret of a channel holds: a robot's token, or the whole address as the service's page shows it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, quote, quote_plus, unquote, urlsplit

from swiftci.tools.messenger_answer import Refused

_PORTS = {"smtp": 587, "smtps": 465}
_LONG = 8
"""Of an address, shorter parts are words such as `send`, and no secrets."""


@dataclass(frozen=True, kw_only=True)
class _Robot:
    """Where a service's webhooks are, and what their token looks like."""

    host: str
    path: str
    key: str = ""
    token: re.Pattern[str]


_HOOK = "/open-apis/bot/v2/hook/"
_ROBOTS = {
    "dingtalk": _Robot(
        host="oapi.dingtalk.com", path="/robot/send", key="access_token", token=re.compile("[A-Za-z0-9]+")
    ),
    "wecom": _Robot(
        host="qyapi.weixin.qq.com", path="/cgi-bin/webhook/send", key="key", token=re.compile("[A-Za-z0-9_-]+")
    ),
    "feishu": _Robot(host="open.feishu.cn", path=_HOOK, token=re.compile("[A-Za-z0-9-]+")),
    "lark": _Robot(host="open.larksuite.com", path=_HOOK, token=re.compile("[A-Za-z0-9-]+")),
    "slack": _Robot(
        host="hooks.slack.com", path="/services/", token=re.compile("T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]+")
    ),
}


@dataclass(frozen=True, kw_only=True)
class Mailbox:
    """A server that takes mail; without a password nothing secret is sent, and `smtp` does without TLS."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)


def token(service: str, name: str, value: str) -> str:
    """The robot's token in the secret `name`; raises Refused, which does not say what it found."""
    robot = _ROBOTS[service]
    found = value
    if "://" in value:
        parts = _split(name, value)
        if other := next((to for to, one in _ROBOTS.items() if one.host == parts.hostname and to != service), None):
            raise Refused(f"{name} holds an address of {other}; write `to: {other}`")
        if parts.scheme != "https" or parts.netloc != robot.host or not parts.path.startswith(robot.path):
            raise Refused(f"{name} holds an address that does not begin with https://{robot.host}{robot.path}")
        query = parse_qs(parts.query).get(robot.key, [""])
        found = query[0] if robot.key else parts.path.removeprefix(robot.path).rstrip("/")
    if not robot.token.fullmatch(found):
        shape = f"https://{robot.host}{robot.path}" + (f"?{robot.key}=…" if robot.key else "…")
        raise Refused(f"{name} holds neither a token of {service} nor an address as in {shape}")
    return found


def page(name: str, value: str, schemes: tuple[str, ...]) -> str:
    """The address that a webhook is sent to."""
    parts = _split(name, value)
    if parts.scheme not in schemes or not parts.hostname or not value.isprintable() or " " in value:
        raise Refused(f"{name} holds no address that begins with {schemes[0]}://")
    return value


def mailbox(name: str, value: str) -> Mailbox:
    """The server of `smtps://user:password@host:port`."""
    parts = _split(name, value)
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment
    if parts.scheme not in _PORTS or not parts.hostname or not plain or bool(parts.username) != bool(parts.password):
        hint = "other signs than letters and digits in user and password are written as in %40"
        raise Refused(f"{name} is not as in smtps://user:password@host:465 ({hint})")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not (user + password).isascii():
        raise Refused(f"{name} has a user or password beyond ASCII, which Python cannot log in with")
    return Mailbox(
        scheme=parts.scheme,
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        user=user,
        password=password,
    )


def _split(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise Refused(f"{name} holds no address") from None
    return parts


def shapes(value: str) -> Iterator[str]:
    """Everything of a secret's value that could show in a text, however it was encoded there."""
    for part in {value, *_parts(value)}:
        plain = unquote(part)
        yield from {part, plain, quote(plain), quote(plain, safe=""), quote_plus(plain)}


def _parts(value: str) -> Iterator[str]:
    if "://" not in value:
        yield from (part for part in value.split("/") if len(part) >= _LONG)
        return
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    yield from (part for part in (parts.username, parts.password) if part)
    yield parts.path + (f"?{parts.query}" if parts.query else "")
    yield from (part for part in re.split("[/&=?]", f"{parts.path}?{parts.query}") if len(part) >= _LONG)
