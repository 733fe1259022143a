"""Data from JSON files that anybody may have written: whether it can be written again, and is what was declared."""

import json
import math
import sys
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

NESTED_MAX = 100
"""Levels of maps and lists; a config has no more than 20, and Python's own stack ends at a few hundred."""


def parse(text: str | bytes) -> Any:
    """What a JSON text says; raises ValueError where it is none, or says what no file of ours can."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    refuse(data)
    return data


def refuse(data: Any) -> None:
    """Raises ValueError where data cannot be written as JSON, or is nested too deeply."""
    left = [(data, 0)]
    while left:
        one, depth = left.pop()
        if depth > NESTED_MAX:
            raise ValueError("it is nested too deeply")
        if isinstance(one, dict):
            left += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list):
            left += [(part, depth + 1) for part in one]
        elif isinstance(one, float) and not math.isfinite(one):
            raise ValueError(f"{one} is no number of JSON's")
        elif isinstance(one, str):
            one.encode()  # half of a surrogate pair is a ValueError


def fits(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is of an annotated type; paths are texts there, and any number is a float."""
    origin = get_origin(kind)
    if kind is Any:
        return True
    if origin in (types.UnionType, Union):
        return any(fits(value, one) for one in get_args(kind))
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, get_args(kind)[1]) for one in value.values())
    if kind is float:
        return type(value) is float or (type(value) is int and abs(value) <= sys.float_info.max)
    return type(value) is (str if kind is Path else kind)
