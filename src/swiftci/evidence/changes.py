"""What decides a result and differs between two runs, by the user's own keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEFORE = 8
"""Characters shown ahead of the first difference between two long values."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that decides a result, by the user's key; `state` is changed, or in which run alone it stands."""

    key: str
    state: str
    first: Any = None
    second: Any = None


def compared(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Change]:
    """What differs between the `parts` of two records, in the order of the first one's keys."""
    found = []
    for key in dict.fromkeys([*first, *second]):
        if key not in second:
            found.append(Change(key=key, state="first", first=first[key]))
        elif key not in first:
            found.append(Change(key=key, state="second", second=second[key]))
        elif first[key] != second[key]:
            found.append(Change(key=key, state="changed", first=first[key], second=second[key]))
    return found


def apart(first: str, second: str, room: int) -> tuple[str, str]:
    """Two values, from shortly before their first difference where all would not fit."""
    same = next((n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), 0)
    if max(len(first), len(second)) <= room or same < room // 2:
        return first, second
    return f"…{first[same - BEFORE :]}", f"…{second[same - BEFORE :]}"
