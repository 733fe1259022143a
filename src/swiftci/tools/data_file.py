"""Looks into a data file before a training does, and says what is wrong in its reader's words."""

import json
import os
import re
from itertools import islice
from pathlib import Path
from typing import Any

from swiftci.spec.problem import Position, Problem

ROWS_READ = 10_000
"""A larger file is checked this far."""


def check_rows(path: Path, key: str, position: Position, problems: list[Problem]) -> str:
    """Appends what is wrong with a data file; returns what was found, for people.

    JSON lines are read row by row, up to ROWS_READ; other formats only need not be empty.
    """

    def wrong(code: str, message: str, hint: str = "") -> None:
        problems.append(Problem(code=code, message=f"{key}: {message}", position=position, hint=hint))

    try:
        if path.stat().st_size == 0:
            wrong("data-empty", f"{path.name} is empty")
            return "empty"
        if path.suffix != ".jsonl":
            return f"{path.stat().st_size:,} bytes"
        rows = 0
        with path.open("rb") as file:
            for number, line in enumerate(islice(file, ROWS_READ), 1):
                if not line.strip():
                    continue
                rows += 1
                if found := _fault(line):
                    hint = 'each line is one JSON object, such as {"messages": [{"role": "user", …}]}'
                    wrong("data-format", f"{path.name}:{number}: {found}", hint)
                    return "damaged"
            more = bool(file.read(1))
    except OSError as error:
        wrong("unreadable", f"{path.name} cannot be read: {error.strerror}")
        return "unreadable"
    if not rows:
        wrong("data-empty", f"{path.name} holds no row")
    return f"{rows:,} rows" + (" looked at, more follow" if more else "")


_MEDIA = ("images", "videos", "audios", "image", "video", "audio")
"""Keys under which ms-swift's rows name files (4.6.0)."""
_NAMED = re.compile(rb'"(?:image|video|audio)s?"')


def media(path: Path, root: Path) -> dict[str, Path]:
    """The files that rows of JSON lines name, by the text in the row, as far as they are here; raises OSError."""
    found: dict[str, Path] = {}
    if path.suffix != ".jsonl":
        return found
    with path.open("rb") as file:
        for line in file:
            if not _NAMED.search(line):
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # the download stage tells a person
            values = [row.get(key) for key in _MEDIA] if isinstance(row, dict) else []
            for text in (text for value in values for text in _texts(value)):
                if text not in found and os.path.isfile(root / text):  # noqa: PTH113 -- Path's raises for a long name
                    found[text] = root / text
    return found


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    texts = [item.get("path") if isinstance(item, dict) else item for item in items]
    return [text for text in texts if isinstance(text, str) and "\0" not in text]


def _fault(line: bytes) -> str:
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except ValueError as error:
        return f"is not JSON: {error}"
    except RecursionError:
        return "is nested too deep"
    return "" if isinstance(row, dict) else f"is {type(row).__name__}, not an object"
