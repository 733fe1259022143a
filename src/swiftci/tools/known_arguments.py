"""The arguments that the tools have, so that a typo costs a second on a laptop and not a GPU job.

The lists are recorded from the tools by `python -m swiftci.tools.record_arguments`, run under their interpreter.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("known_arguments.json")


_BOOL = ("yes", "true", "t", "y", "1", "no", "false", "f", "n", "0")
"""What transformers' HfArgumentParser takes for a truth value, in any case."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """One tool's arguments, as of one version: name to `int`, `float`, `bool`, its choices, or "" for any text."""

    tool: str
    version: str
    names: Mapping[str, str | list[str]]

    def wrong(self, name: str, text: str) -> str:
        """What the tool wants instead of a value; empty where the value may do."""
        kind = self.names.get(name, "")
        if isinstance(kind, list):
            return "" if text in kind else "one of " + ", ".join(kind)
        if kind == "bool":
            return "" if text.lower() in _BOOL else "true or false"
        try:
            int(text) if kind == "int" else float(text) if kind == "float" else None
        except ValueError:
            return "a whole number" if kind == "int" else "a number"
        return ""


@cache
def _lists() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def of(command: str) -> Known:
    """The arguments of one of ms-swift's trainers or servers, or of `evalscope eval` as `eval`, with underscores."""
    one = _lists()[command]
    tool = "EvalScope" if command == "eval" else "ms-swift"
    return Known(tool=tool, version=one["version"], names=one["names"])
