"""Whether a .safetensors file is whole, from its header alone: a length, JSON, and tensors that fill the rest."""

import json
import math
import stat
from pathlib import Path
from typing import Any

HEADER_MAX = 100_000_000
"""The format's own limit (safetensors 0.7)."""

_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip


def fault(path: Path) -> str:
    """What is wrong with a file; empty where nothing is. Raises OSError."""
    size = path.stat().st_size
    if not stat.S_ISREG(path.stat().st_mode):
        return "it is no file"
    with path.open("rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, HEADER_MAX):
            return f"its header should have {length} bytes, and the file has {size}"
        text = file.read(length)
    try:
        header = json.loads(text)
        spans = sorted(_span(one) for name, one in header.items() if name != "__metadata__")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return "its header does not describe tensors"
    end = 0
    for begin, until in spans:
        if begin != end:
            return f"its tensors do not follow each other at byte {end}"
        end = until
    if end != size - 8 - length:
        return f"its tensors have {end} bytes, and the file has {size - 8 - length} for them"
    return ""


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    """Where a tensor lies; raises ValueError where it does not have the size that its type and shape ask for."""
    begin, until = entry["data_offsets"]
    shape = entry["shape"]
    if not all(type(number) is int and number >= 0 for number in (begin, until, *shape)) or begin > until:
        raise ValueError(entry)
    bits = _BITS.get(entry["dtype"])
    if bits is not None and math.prod(shape) * bits != (until - begin) * 8:
        raise ValueError(entry)
    return begin, until
