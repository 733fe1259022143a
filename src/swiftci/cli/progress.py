"""Progress on a terminal, in a pipe, and on a runner."""

import os
import sys
import time
from collections.abc import Callable

from swiftci.stages.stage import Call, Progress
from swiftci.tools.runner import on_runner

QUIET_SECONDS = 15.0
"""Where lines pile up, one is printed at most this often."""


CLEAR = "\r\x1b[2K"
"""Takes back a terminal's line, on which the live progress stands."""


def say(text: str, end: str = "\n") -> None:
    """Prints a line, clear of the live progress; a reader that went away does not end a training."""
    try:
        print(f"{CLEAR if sys.stdout.isatty() else ''}{text}", end=end, flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 -- it stays open as long as the process


class Lines:
    """Progress as plain lines."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.last = 0.0
        self.shown = ""

    @property
    def echo(self) -> Callable[[str], None] | None:
        return None

    def step(self, done: int, total: int, text: str) -> None:
        now = time.monotonic()
        shown = f"{self.call.id}: {done}/{total} {text}" if total else f"{self.call.id}: {text}"
        if shown != self.shown and (now - self.last >= QUIET_SECONDS or (total and done == total)):
            self.last, self.shown = now, shown
            say(shown)

    def line(self, text: str) -> None:
        say(f"{self.call.id}: {text}")


class Runner(Lines):
    """Lines, and the tool's own output."""

    @property
    def echo(self) -> Callable[[str], None] | None:
        return say


class Live(Lines):
    """One line of a terminal that changes in place; no thread, which a fork would not survive."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.started = time.monotonic()

    def step(self, done: int, total: int, text: str) -> None:
        seconds = time.monotonic() - self.started
        bar = ""
        if total:
            filled = round(24 * min(done, total) / total)
            bar = f"{'━' * filled}{'╌' * (24 - filled)} {done}/{total} "
        shown = f"  {self.call.id} {bar}{text} ({seconds:.0f} s)"
        width = os.get_terminal_size(sys.stdout.fileno()).columns - 1
        say(shown[:width], end="")

    def line(self, text: str) -> None:
        say(f"  {self.call.id}: {text}")


def progress_for(call: Call) -> Progress:
    """The kind of progress that fits where this process writes to."""
    if on_runner(os.environ):
        return Runner(call)
    return Live(call) if sys.stdout.isatty() else Lines(call)
