"""Texts side by side in a terminal: wide characters count twice, and nothing in a text can move the cursor."""

import unicodedata
from collections.abc import Iterator

COLUMN_MIN = 30
"""A narrower column is hard to read: the texts then stand one below the other."""
_GAP = " │ "
_JOINERS = "\u200c\u200d\ufeff\u00ad"
"""Invisible, common, and no terminal agrees on their width."""
_NEVER_FIRST = "，。、；：？！）》」』】”’…,.;:?!)]}"
_MARKS_MAX = 3
"""Accents on one character; more of them spill over the lines above and below."""


def side_by_side(titles: list[str], texts: list[str], width: int) -> str:
    """The texts under their titles, in columns if `width` allows, else one after the other."""
    column = (width - len(_GAP) * (len(texts) - 1)) // len(texts)
    if column < COLUMN_MIN:
        parts = [
            f"{title}\n{'─' * min(width, 12)}\n{chr(10).join(wrap(text, width))}"
            for title, text in zip(titles, texts, strict=True)
        ]
        return "\n\n".join(parts)
    cells = [[title, "─" * column, *wrap(text, column)] for title, text in zip(titles, texts, strict=True)]
    height = max(len(cell) for cell in cells)
    rows = [[cell[n] if n < len(cell) else "" for cell in cells] for n in range(height)]
    return "\n".join(_GAP.join(line + " " * (column - display_width(line)) for line in row).rstrip() for row in rows)


def wrap(text: str, width: int) -> list[str]:
    """A text's lines, none wider than `width` columns; broken at a space, between wide characters, or anywhere."""
    return [line for whole in harmless(text).strip("\n").split("\n") for line in _wrapped(whole, max(width, 2))]


def _wrapped(line: str, width: int) -> Iterator[str]:
    start = 0
    while True:
        end, used = start, 0
        while end < len(line) and used + _width(line[end]) <= width:
            used += _width(line[end])
            end += 1
        if end == len(line):
            yield line[start:]
            return
        cut = _break(line, start, end)
        yield line[start:cut].rstrip()
        start = cut + (line[cut] == " ")


def _break(line: str, start: int, end: int) -> int:
    """Where to break a line that is full at `end`: as late as possible, and not before what may not begin one."""
    for cut in range(end, start, -1):
        may = line[cut] == " " or ((_wide(line[cut]) or _wide(line[cut - 1])) and line[cut] not in _NEVER_FIRST)
        if may and line[start:cut].strip():
            return cut
    return end  # one long word


def harmless(text: str) -> str:
    """A text without what could move a terminal or turn its lines around: line ends and tabs stay, as plain ones."""
    found: list[str] = []
    marks = 0
    for c in text.replace("\r\n", "\n").expandtabs(4):
        mark = unicodedata.combining(c) != 0 or unicodedata.category(c) in ("Mn", "Me")
        marks = marks + 1 if mark else 0
        if c in _JOINERS or marks > _MARKS_MAX:
            continue
        if c == "\n" or c.isprintable():
            found.append(c)
        elif unicodedata.category(c) == "Zs":
            found.append(" " * _width(c))
        else:
            found.append(f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}")
    return "".join(found)


def display_width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_width(c) for c in text)


def _width(c: str) -> int:
    if unicodedata.category(c) in ("Mn", "Me"):
        return 0
    return 2 if _wide(c) else 1


def _wide(c: str) -> bool:
    return unicodedata.east_asian_width(c) in "WF"
