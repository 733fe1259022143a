"""Writes that are whole or not at all."""

import json
import os
import secrets
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replaces a file in one step, so that a kill leaves the old one or the new.

    `durable` waits until it is on disk: for what a power cut must not lose. What can be made again needs no wait.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)  # that of a full disk names none
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, data: Any) -> None:
    write_text(path, json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON lines, one object a row."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))


def read_rows(path: Path, *, skip: bool = False) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines; a line that is none raises ValueError, or is skipped."""
    rows = []
    with path.open(encoding="utf-8", errors="replace" if skip else "strict") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"line {number} is not an object")  # noqa: TRY004 -- the data is wrong
            except (ValueError, RecursionError):
                if skip:
                    continue
                raise
            rows.append(row)
    return rows
