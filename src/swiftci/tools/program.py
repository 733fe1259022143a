"""Runs a tool: own process group, output to a masked log, signals passed on, nothing left behind."""

import ctypes
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, cast

from swiftci.spec.error import Interrupted, ToolError

TAIL_LINES = 30
GRACE_SECONDS = 30.0
LINE_MAX_BYTES = 1_000_000
"""A longer line is cut, so that output without line ends needs no memory."""
DRAIN_SECONDS = 1.0
"""How long after a program's end the children that it left behind may go on writing."""
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
    """Text without the secrets' values; values under 4 characters are too common to be replaced.

    Output comes line by line, so of a secret with several lines, each is one.
    """
    for secret in _parts(secrets):
        text = text.replace(secret, MASK)
    return text


def _parts(secrets: Sequence[str]) -> list[str]:
    """The secrets as they can stand in a line, longest first."""
    found = {part.strip() for secret in secrets for part in secret.splitlines()}
    return sorted((part for part in found if len(part) >= 4), key=len, reverse=True)


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
        if len(self.rest) > LINE_MAX_BYTES:
            self.cut()

    def cut(self) -> None:
        """Writes a line that does not end, but for its last bytes, which may be the first of a secret."""
        masked = self.mask(self.rest)
        kept = max((len(part.encode("utf-8", "surrogateescape")) for part in _parts(self.secrets)), default=0)
        self.rest = masked[len(masked) - kept :]
        self.write(masked[: len(masked) - kept])

    def mask(self, data: bytes) -> bytes:
        return mask(data.decode("utf-8", "surrogateescape"), self.secrets).encode("utf-8", "surrogateescape")

    def close(self) -> None:
        if self.rest:
            self.write(self.rest)
        self.rest = b""

    def write(self, line: bytes) -> None:
        shown = line.rstrip(b"\r").rsplit(b"\r", 1)[-1]
        text = self.mask(shown).decode("utf-8", "replace")
        self.log.write(text.encode() + b"\n")
        self.log.flush()
        if text.strip():
            self.tail.append(text)
        if self.echo:
            self.echo(text)


def _die_with_parent() -> None:
    """In the child: be killed when swiftci is, so that no training goes on unseen (Linux), and hear SIGINT again.

    A shell's background job ignores SIGINT and hands that on; ms-swift would then train through every Ctrl-C.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
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


@dataclass(kw_only=True)
class _Watch:
    """What happens to a running program besides its output."""

    process: "subprocess.Popen[bytes]"
    received: list[int]
    tick: Callable[[], None] | None
    deadline: float | None
    overdue: bool = False
    kill_at: float = math.inf
    ticked_at: float = 0.0

    def look(self) -> None:
        """Calls `tick`, ends a program that is overdue, and kills one that does not end."""
        now = time.monotonic()
        if self.tick and now - self.ticked_at >= _TICK_SECONDS:
            self.ticked_at = now
            self.tick()
        if self.deadline is not None and not self.overdue and time.time() > self.deadline:
            self.overdue = True
            _signal_group(self.process, signal.SIGTERM)
        if (self.received or self.overdue) and self.kill_at == math.inf:
            self.kill_at = now + GRACE_SECONDS
        if now > self.kill_at:
            _signal_group(self.process, signal.SIGKILL)


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
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = _start(argv, env, cwd, secrets)
        lines = _Lines(secrets, file, echo)
        watch = _Watch(process=process, received=received, tick=tick, deadline=deadline)
        try:
            with _forwarding(process, received):
                _pump(process, lines, watch)
                returncode = process.wait()
        finally:  # what the program itself left behind, or the program, when `echo` or `tick` failed
            _signal_group(process, signal.SIGKILL)
            process.wait()
    if tick:
        tick()
    if received:
        raise Interrupted(signal.Signals(received[0]).name)
    seconds = time.monotonic() - started
    return Ended(returncode=returncode, tail=tuple(lines.tail), seconds=seconds, overdue=watch.overdue)


def _start(argv: Sequence[str], env: Mapping[str, str], cwd: Path, secrets: Sequence[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(argv),
            bufsize=0,  # select() knows nothing of what a buffer holds
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- swiftci starts no threads
        )
    except OSError as error:
        shown = tuple(mask(word, secrets) for word in argv)
        raise ToolError(message=f"{shown[0]} cannot be started: {error.strerror}", argv=shown) from None


def _pump(process: "subprocess.Popen[bytes]", lines: _Lines, watch: _Watch) -> None:
    """Reads the program's output until it ends; a child of its own that holds the pipe does not count."""
    until = math.inf
    with cast(BinaryIO, process.stdout) as pipe, selectors.DefaultSelector() as selector:
        os.set_blocking(pipe.fileno(), False)
        selector.register(pipe, selectors.EVENT_READ)
        while time.monotonic() < until:
            ended = process.poll() is not None  # asked first: what it wrote last is then in the pipe
            data = pipe.read(65536) if selector.select(_TICK_SECONDS) else None
            if data:
                lines.feed(data)
            elif data == b"" or ended:
                break
            if ended:
                until = min(until, time.monotonic() + DRAIN_SECONDS)
            watch.look()
    lines.close()
    while process.poll() is None:  # the pipe is closed, the program goes on
        watch.look()
        time.sleep(_TICK_SECONDS / 5)
