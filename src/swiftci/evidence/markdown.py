"""Text that others wrote, made harmless for GitHub's Markdown."""

import html
import re

from swiftci.evidence.texts import brief

_GAP = "\u200b"
_MARKS = re.compile(r"[\\`*_\[\]<>|#~&]")
_LINKED = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp|www|gh)(?=[:.-])")
"""What GitHub makes a link of without any mark."""
_ADDRESS = re.compile(r"https?://[^\s\"'<>()\\^`{|}\[\]]+")


def inert(text: object, most: int = 400) -> str:
    """One line of at most `most` characters that stays within a table's cell or a list's item.

    Nothing in it becomes a link, a mention, a reference, HTML, mathematics or a mark.
    """
    return _unlinked(_MARKS.sub(r"\\\g<0>", _seen(text, most)))


def tagged(text: object, most: int = 400) -> str:
    """Likewise for the text of an HTML element, such as a summary, in which GitHub reads no Markdown."""
    return _unlinked(html.escape(_seen(text, most)))


def address(text: str | None) -> str:
    """An address that can stand in a link as it is; "" for anything else."""
    return text if text and _ADDRESS.fullmatch(text) else ""


def _seen(text: object, most: int) -> str:
    return "".join(c for c in brief(str(text), most) if c.isprintable())


def _unlinked(line: str) -> str:
    """With gaps of no width where GitHub would link, which looks at the result: a backslash before it is not enough.

    A dollar sign in a span begins no formula (docs.github.com, "Writing mathematical expressions").
    """
    line = _LINKED.sub(rf"\1{_GAP}", line).replace("@", "@" + _GAP)
    return re.sub(r"(?<!&)#", "#" + _GAP, line).replace("$", "<span>$</span>")
