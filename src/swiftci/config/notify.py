"""The notify section: who is told how a run went, and of what."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Position, Problem, nearest, quoted

SERVICES = ("dingtalk", "wecom", "feishu", "lark", "slack", "email", "webhook")
SIGNED = ("dingtalk", "feishu", "lark", "webhook")
"""Those that can check a signature."""
OCCASIONS = ("failure", "regression", "improvement", "recovery", "budget", "always")
USUAL = ("failure", "regression", "recovery", "budget")
SECRETS = ("token", "sign")
"""Keys that name a secret."""

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
"""What is surely a name: any other text may be the secret itself, and is never shown."""
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]*(\.[A-Za-z0-9-]+)*)?")


@dataclass(frozen=True, kw_only=True)
class Channel(Section):
    """One place that messages go to."""

    to: str = option("The service; `lark` is Feishu's outside of China.", choices=SERVICES)
    token: str = option(
        "Name of the secret that opens it: the robot's token or whole webhook address; of `email` "
        "`smtps://user:password@host:port` (`smtp://` begins TLS later); of `webhook` its address.",
    )
    sign: str | None = option(
        "Name of the secret that messages are signed with; a webhook gets it as HMAC-SHA256 of the body in "
        "`X-Swiftci-Signature-256`.",
        default=None,
    )
    on: tuple[str, ...] = option(
        "What it is told of: " + ", ".join(f"`{one}`" for one in OCCASIONS) + ".", default=USUAL
    )
    language: str | None = option(
        "Language of its messages; the project's when absent.", default=None, choices=("en", "zh")
    )
    from_address: str | None = option("Of `email`: the sender's address.", default=None)
    recipients: tuple[str, ...] = option("Of `email`: who gets it.", default=())

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        to = _text(node.entries.get("to"))

        def wrong(message: str, place: Position, hint: str = "", code: str = "wrong-value") -> None:
            problems.append(Problem(code=code, message=message, position=place, hint=hint))

        if _given(node, "sign") and to in SERVICES and to not in SIGNED:
            wrong(f"{to} takes no signature", node.keys["sign"], "leave sign out; possible with " + ", ".join(SIGNED))
        occasions = node.entries.get("on")
        if occasions and occasions.kind == "list" and not occasions.items:
            wrong("notify.on is an empty list", occasions.position, "possible: " + ", ".join(OCCASIONS))
        for item in occasions.walk() if occasions else ():
            if (text := _text(item)) and text not in OCCASIONS:
                close = nearest(text, OCCASIONS)
                hint = f"did you mean {quoted(close)}?" if close else "possible: " + ", ".join(OCCASIONS)
                wrong(f"notify.on cannot be {quoted(text)}", item.position, hint)
        for key in ("from_address", "recipients"):
            given = _given(node, key)
            if given is None and to == "email":
                wrong(f"email needs {key}", node.position, "it is no secret, and stands here", "missing-key")
            elif given and to in SERVICES and to != "email":
                wrong(f"{key} is for email, not for {to}", node.keys[key])
            elif given and given.kind == "list" and not given.items:
                wrong(f"{key} is an empty list", given.position)
            for item in given.walk() if given else ():
                if (text := _text(item)) and not _ADDRESS.fullmatch(text):
                    wrong(f"{key} holds {quoted(text)}, which is no address", item.position, "as in team@example.com")


def check_channels(project: Node, problems: list[Problem]) -> None:
    """Whether what each channel names is a secret that its step gets; `project` is the whole file's."""
    group = project.at("secrets.notify")
    known = [text for item in group.walk() if (text := _text(item))] if group else []
    for key, node in _named(project.entries.get("notify")):
        text = _text(node)
        if not text or text in known:
            continue
        shown = quoted(text) if _NAME.fullmatch(text) else "what it holds"
        hint = (
            f"secrets.notify has: {', '.join(known)}" if known else "list it there: secrets: {notify: [DINGTALK_TOKEN]}"
        )
        if _NAME.fullmatch(text) and (close := nearest(text, known)):
            hint = f"did you mean {quoted(close)}?"
        elif not _NAME.fullmatch(text):
            hint = "a secret's value belongs into the repository's settings, and its name here; " + hint
        place = node.position if _NAME.fullmatch(text) else node.position._replace(source="")
        message = f"notify.{key} should name a secret of secrets.notify; {shown} is none"
        problems.append(Problem(code="wrong-value", message=message, position=place, hint=hint))


def _named(notify: Node | None) -> Iterator[tuple[str, Node]]:
    """Each key that names a secret, with its node."""
    if notify is None:
        return
    for channel in notify.items if notify.kind == "list" else (notify,):
        yield from ((key, node) for key in SECRETS if (node := _given(channel, key)))


def _given(node: Node, key: str) -> Node | None:
    """A key's node, where it is not as good as absent."""
    found = node.entries.get(key)
    return None if found is None or found.value is None or found.text == "none" else found


def _text(node: Node | None) -> str:
    return node.text or "" if node and node.kind == "scalar" else ""
