"""Texts that models and people wrote, made fit for a page: nothing that no file can hold, and no longer than wanted."""

import re
import unicodedata
from dataclasses import dataclass

_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""What HTML does not allow, halves of surrogate pairs, which UTF-8 cannot hold, and what turns a line around."""
_ACCENT = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILE = re.compile(f"({_ACCENT}{{3}}){_ACCENT}+")
"""More accents on one character than any language has: they would cover the lines above and below."""
_HEAD = 3
"""A third of a long text stands before the gap: the question itself mostly ends a prompt."""
_JOINER = "\u200d"


def fit(text: str) -> str:
    """The text as a page and a file can hold it: what they cannot stands there as its code."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _PILE.sub(r"\1", _UNFIT.sub(lambda found: _code(ord(found[0])), plain))


def _code(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A text of `length` characters; where it was too long, `tail` is what follows the gap, `gap` what is left out."""

    head: str
    tail: str = ""
    length: int = 0
    gap: int = 0

    @property
    def text(self) -> str:
        return f"{self.head} … {self.tail}" if self.gap else self.head


def cut(text: str, most: int) -> Cut:
    """A text of about `most` characters at most, its middle left out; never within what is seen as one character."""
    whole = fit(text)
    if len(whole) <= most:
        return Cut(head=whole, length=len(whole))
    end = start = most // _HEAD
    start = len(whole) - (most - start)
    while end > 0 and _within(whole, end):
        end -= 1
    while start < len(whole) and _within(whole, start):
        start += 1
    return Cut(head=whole[:end], tail=whole[start:], length=len(whole), gap=start - end)


def brief(text: str, most: int) -> str:
    """A text on one line, of at most `most` characters and an ellipsis."""
    line = " ".join(fit(text[: 8 * most]).split())
    if len(line) <= most:
        return line
    end = most
    while end > 0 and _within(line, end):
        end -= 1
    return line[:end] + "…"


def _within(text: str, at: int) -> bool:
    """Whether two neighbours are seen as one character (most of Unicode's annex 29)."""
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return False
    if before == _JOINER or _extends(after):
        return True
    if _flag(after) and _flag(before):
        run = at
        while run > 0 and _flag(text[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return False


def _extends(c: str) -> bool:
    """Accents, joiners, variation selectors, skin tones, and the later parts of a Hangul syllable or a flag."""
    if c == _JOINER or unicodedata.category(c).startswith("M"):
        return True
    return "\U0001f3fb" <= c <= "\U0001f3ff" or "\u1160" <= c <= "\u11ff" or "\U000e0020" <= c <= "\U000e007f"


def _flag(c: str) -> bool:
    return "\U0001f1e6" <= c <= "\U0001f1ff"
