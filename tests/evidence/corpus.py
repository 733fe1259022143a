"""Copies of recorded runs, for tests that change a thing in them."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[1] / "corpus"


def recorded(tool: str) -> list[str]:
    """The names of a tool's recordings."""
    return sorted(path.name for path in (CORPUS / tool).iterdir())


def copy(case: str, folder: Path) -> Path:
    """What a recorded run left, in a folder that may be changed."""
    target = folder / "out"
    shutil.copytree(CORPUS / case / "out", target, symlinks=True)
    return target


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Changes a JSON file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def edit_rows(path: Path, change: Callable[[list[Any]], object]) -> None:
    """Changes a file of JSON lines."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    change(rows)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def numbers(data: Any) -> Iterator[float]:
    """Every number in JSON data."""
    if isinstance(data, dict):
        for value in data.values():
            yield from numbers(value)
    elif isinstance(data, list):
        for value in data:
            yield from numbers(value)
    elif isinstance(data, (int, float)):
        yield float(data)
