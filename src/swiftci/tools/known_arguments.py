"""The arguments that the tools have, so that a typo costs a second on a laptop and not a GPU job.

The lists are recorded from the tools by `python -m swiftci.tools.record_arguments`, run under their interpreter.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("known_arguments.json")


@dataclass(frozen=True, kw_only=True)
class Known:
    """One tool's argument names, as of one version."""

    tool: str
    version: str
    names: frozenset[str]


@cache
def _lists() -> dict[str, dict[str, list[str] | str]]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def _known(tool: str, key: str) -> Known:
    one = _lists()[key]
    return Known(tool=tool, version=str(one["version"]), names=frozenset(one["names"]))


def train(method: str) -> Known:
    """The arguments of one of ms-swift's trainers."""
    return _known("ms-swift", method)


def evaluate() -> Known:
    """The arguments of `evalscope eval`, with underscores."""
    return _known("EvalScope", "eval")
