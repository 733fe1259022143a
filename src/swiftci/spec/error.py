"""Failures that are not the user's config: a tool's, the network's, a stop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from swiftci.spec.exit import Exit

Class = Literal["user", "data", "memory", "disk", "network", "preempted", "hardware", "tool", "capacity"]


@dataclass(kw_only=True)
class ToolError(Exception):
    """A program failed, or what it left cannot be trusted.

    `argv` and `tail` are masked already; `returncode` is None when the program ended well but its files say otherwise.
    `transient` says whether another try may mend it; None: as `kind` does.
    """

    message: str
    kind: Class = "tool"
    hint: str = ""
    transient: bool | None = None
    argv: tuple[str, ...] = ()
    returncode: int | None = None
    tail: tuple[str, ...] = ()
    log: Path | None = None

    def __str__(self) -> str:
        return self.message

    @property
    def exit(self) -> Exit:
        return {"network": Exit.NETWORK, "capacity": Exit.CAPACITY}.get(self.kind, Exit.TOOL)


class Partial(ToolError):
    """Work was stopped ahead of a limit, and what was done is saved: the same run can go on with it."""


class Interrupted(Exception):
    """A signal asked this process to stop; children were told and waited for."""

    def __init__(self, signal_name: str) -> None:
        self.signal_name = signal_name
        super().__init__(f"stopped by {signal_name}")


class Busy(Exception):
    """Something that only one process may use is in use."""
