"""Runs a tool: own process group, output to a masked log, signals passed on, nothing left behind."""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, Iterator

from swiftci.spec.error import Interrupted

TAIL_LINES = 30
GRACE_SECONDS = 30.0
_TICK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1

MASK = "***"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended; a negative `returncode` is the signal that killed it."""

    returncode: int
    tail: tuple[str, ...]
    seconds: float
    overdue: bool = False


def mask(text: str, secrets: Sequence[str]) -> str:
    """Text without the secrets' values; values under 4 characters are too common to be replaced."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, MASK)
    return text


class _Lines:
    """Cuts output into masked lines; of a progress bar's overwritten lines only the last one lives."""

    def __init__(self, secrets: Sequence[str], log: BinaryIO, echo: Callable[[str], None] | None) -> None:
        self.secrets, self.log, self.echo = secrets, log, echo
        self.rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.write(line)
        if len(self.rest) > 1_000_000:
            self.write(self.rest)
            self.rest = b""

    def close(self) -> None:
        if self.rest:
            self.write(self.rest)
        self.rest = b""

    def write(self, line: bytes) -> None:
        shown = line.rstrip(b"\r").rsplit(b"\r", 1)[-1]
        text = mask(shown.decode("utf-8", "replace"), self.secrets)
        self.log.write(text.encode() + b"\n")
        self.log.flush()
        if text.strip():
            self.tail.append(text)
        if self.echo:
            self.echo(text)


def _die_with_parent() -> None:
    """In the child: be killed when swiftci is, so that no training goes on unseen (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def _forwarding(process: "subprocess.Popen[bytes]", received: list[int]) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM go to the program's group; a second one kills it."""

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        _signal_group(process, signal.Signals(number) if len(received) == 1 else signal.SIGKILL)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    secrets: Sequence[str] = (),
    echo: Callable[[str], None] | None = None,
    tick: Callable[[], None] | None = None,
    deadline: float | None = None,
) -> Ended:
    """Runs a program to its end, its output (both streams) appended to `log`.

    `deadline` is in seconds of `time.time()`: past it the program gets SIGTERM. `tick` is called about twice a second.
    Raises Interrupted when this process was told to stop; the program was told too, and has ended.
    """
    started = time.monotonic()
    received: list[int] = []
    overdue_at: float | None = None
    killed_at = float("inf")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- swiftci starts no threads
        )
        assert process.stdout is not None  # PIPE was asked for
        lines = _Lines(secrets, file, echo)
        with _forwarding(process, received), selectors.DefaultSelector() as selector:
            os.set_blocking(process.stdout.fileno(), False)
            selector.register(process.stdout, selectors.EVENT_READ)
            last_tick = 0.0
            while True:
                if selector.select(_TICK_SECONDS):
                    data = process.stdout.read(65536)
                    if data:
                        lines.feed(data)
                    elif data is not None:
                        break
                now = time.monotonic()
                if process.poll() is not None and not selector.select(0):
                    break  # the program ended, though a child of its own may hold the pipe
                if tick and now - last_tick >= _TICK_SECONDS:
                    last_tick = now
                    tick()
                if deadline is not None and overdue_at is None and time.time() > deadline:
                    overdue_at = now
                    _signal_group(process, signal.SIGTERM)
                if (received or overdue_at is not None) and killed_at == float("inf"):
                    killed_at = now + GRACE_SECONDS
                if now > killed_at:
                    _signal_group(process, signal.SIGKILL)
            lines.close()
            returncode = process.wait()
            _signal_group(process, signal.SIGKILL)
    if tick:
        tick()
    if received:
        raise Interrupted(signal.Signals(received[0]).name)
    return Ended(
        returncode=returncode,
        tail=tuple(lines.tail),
        seconds=time.monotonic() - started,
        overdue=overdue_at is not None,
    )
