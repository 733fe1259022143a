"""Aligned columns of short texts, whatever they hold."""

import json
import shutil
import time
from collections.abc import Collection, Sequence
from typing import Any

from swiftci.cli.columns import display_width, harmless

WIDE = 200
"""Columns where there is no terminal: whoever searches the output wants it whole."""


def terminal() -> int:
    """Columns of the terminal."""
    return shutil.get_terminal_size((WIDE, 24)).columns


def table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """The rows, their columns aligned; those in `right` to the right. No column is wider than what it holds."""
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(_padded(cell, widths[n], n in right) for n, cell in enumerate(row)).rstrip() for row in rows
    )


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def shown(value: Any, width: int) -> str:
    """A value from a JSON file on one line: harmless, and no wider than `width`."""
    return cut(" ".join(harmless(plain(value)[: 8 * width]).split()), width)


def plain(value: Any) -> str:
    """A value as text: a string as it is, nothing as `none`, all else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return "none" if value is None else json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def cut(text: str, width: int) -> str:
    """A text shortened to a number of columns."""
    if len(text) <= width and display_width(text) <= width:
        return text
    text = text[:width]
    while display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def moment(seconds: float | None) -> str:
    """A time since 1970, in UTC."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds)) if seconds is not None else "-"
    except (OverflowError, ValueError, OSError):
        return "-"  # no such year
