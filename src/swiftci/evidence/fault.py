"""What makes an evaluation's files no measurement, and single values out of them."""

import json
import math
from typing import Any


class Fault(Exception):
    """Why a data set's results are no measurement, in words that follow its name."""


DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading a file raises that is damaged, or of another form than it should be."""


def number(value: Any, name: str, *, flags: bool = False) -> float:
    """A finite number; raises Fault for anything else. With `flags`, true and false are 1 and 0."""
    if isinstance(value, bool) and not flags:
        raise Fault(f"{name} is {json.dumps(value)}, not a number")
    if isinstance(value, (int, float)):
        try:
            found = float(value)
        except OverflowError:
            found = math.inf
        if math.isfinite(found):
            return found
    raise Fault(f"{name} is {short(value)}, not a number")


def count(value: Any, name: str) -> int:
    """A whole number of things; raises Fault for anything else."""
    if type(value) is not int or value < 0:
        raise Fault(f"{name} is {short(value)}, not a count")
    return value


def text(value: Any) -> str:
    """A value as text that every file can hold: half a surrogate pair, which JSON allows, becomes a question mark."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown.encode("utf-8", "replace").decode("utf-8")


def short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
