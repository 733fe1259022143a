"""What GitHub says of the event that started a workflow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def event(environ: Mapping[str, str]) -> dict[str, Any]:
    """The payload of what started the workflow; empty where it cannot be read."""
    try:
        data = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def at(data: Any, *keys: str) -> Any:
    """What is under the keys; None where there is nothing."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def is_number(data: Any) -> bool:
    return isinstance(data, int) and not isinstance(data, bool) and data >= 0
