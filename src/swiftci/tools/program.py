"""Runs a tool: own process group, output to a masked log, signals passed on, nothing left behind."""

import ctypes
import math
import os
import secrets as secrets_
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import BinaryIO, cast

from swiftci.spec.error import Class, Interrupted, ToolError
from swiftci.tools import leftover
from swiftci.tools.output import Lines, mask

GRACE_SECONDS = 40.0
"""How long a program may take to end; torchrun gives its workers 30 of them."""
DRAIN_SECONDS = 1.0
"""How long after a program's end the children that it left behind may go on writing."""
_TICK_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a program ended; a negative `returncode` is the signal that killed it.

    `overdue` says that it was stopped at its deadline, `lost` that it was since a program beside it had ended,
    `stopped` that `tick` asked for it.
    """

    returncode: int
    tail: tuple[str, ...]
    seconds: float
    overdue: bool = False
    lost: "Program | None" = None
    stopped: "Stop | None" = None


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Why a program is to be stopped.

    SIGTERM lets it save first; SIGABRT makes a Python with PYTHONFAULTHANDLER write where it hangs; SIGKILL is for one
    that must not write any more.
    """

    kind: Class
    reason: str
    hint: str = ""
    number: signal.Signals = signal.SIGTERM


def _watch(mark: str) -> "subprocess.Popen[bytes]":
    """A process that ends what the program left, should swiftci be killed before it can."""
    command = [sys.executable, "-I", leftover.__file__, mark]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _die_with(parent: int) -> None:
    """In the child: be killed when swiftci is, so that no training goes on unseen (Linux), and hear SIGINT again.

    A shell's background job ignores SIGINT and hands that on; ms-swift would then train through every Ctrl-C.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # it was killed just now, before it could be asked for


class Program:
    """A program that runs: its own process group, its output (both streams) appended to a log."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path,
        secrets: Sequence[str] = (),
        echo: Callable[[str], None] | None = None,
        workers: bool = False,
    ) -> None:
        """Starts it; raises ToolError where it cannot be started. With `workers` its children are what works."""
        log.parent.mkdir(parents=True, exist_ok=True)
        self.argv = tuple(mask(word, secrets) for word in argv)
        self.log = log
        self.mark = secrets_.token_hex(16)
        self._workers = workers
        self._file = log.open("ab")
        self.lines = Lines(secrets, self._file, echo)
        try:
            self.process = subprocess.Popen(
                list(argv),
                bufsize=0,  # select() knows nothing of what a buffer holds
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**env, leftover.VARIABLE: self.mark},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509 -- no threads are there while a tool is started
            )
        except OSError as error:
            self._file.close()
            raise ToolError(message=f"{self.argv[0]} cannot be started: {error.strerror}", argv=self.argv) from None
        self._watcher = _watch(self.mark)
        self.pipe = cast(BinaryIO, self.process.stdout)
        os.set_blocking(self.pipe.fileno(), False)
        self.closed = False

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def tail(self) -> tuple[str, ...]:
        """Its last lines, masked."""
        return tuple(self.lines.tail)

    def read(self) -> bool:
        """Takes what it wrote since the last look; False where nothing was there."""
        data = None if self.closed else self.pipe.read(65536)
        if data:
            self.lines.feed(data)
        elif data == b"":
            self.closed = True
        return bool(data)

    def ask(self, number: signal.Signals) -> None:
        """Sends a signal to what works: torchrun would give its workers 30 s, too few to save a large model in."""
        workers = leftover.children(self.process.pid) if self._workers else []
        if not workers:
            self.signal(number)
        for pid in workers:
            with suppress(OSError):
                os.kill(pid, number)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to its whole group."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return

    def close(self, grace_seconds: float = 0.0) -> None:
        """Ends it and what it left behind: SIGTERM first where there is grace, SIGKILL then."""
        until = time.monotonic() + grace_seconds
        if grace_seconds and not self.ended:
            self.signal(signal.SIGTERM)
        while not self.ended and time.monotonic() < until:
            self.read()
            time.sleep(_TICK_SECONDS / 10)
        self.signal(signal.SIGKILL)
        self.process.wait()
        leftover.end(self.mark)
        self._watcher.communicate(leftover.DONE)
        while self.read():
            continue
        self.lines.close()
        self.pipe.close()
        with suppress(OSError):  # a full disk
            self._file.close()


@contextmanager
def _forwarding(program: Program, received: list[int]) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM go to the program; the same one again kills it.

    GitHub's runner sends both, 7.5 s apart: a training that saves since the first shall not lose that to the second.
    """

    def forward(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            program.ask(signal.Signals(number))
        elif number in received[:-1]:
            program.signal(signal.SIGKILL)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(kw_only=True)
class _Watch:
    """What happens to a running program besides its output."""

    program: Program
    beside: Sequence[Program]
    received: list[int]
    tick: Callable[[], Stop | None] | None
    deadline: float | None
    grace_seconds: float
    overdue: bool = False
    stopped: Stop | None = None
    lost: Program | None = None
    kill_at: float = math.inf
    ticked_at: float = 0.0

    def look(self) -> None:
        """Calls `tick`, ends a program that is overdue or lost its company, and kills one that does not end."""
        now = time.monotonic()
        if self.tick and now - self.ticked_at >= _TICK_SECONDS:
            self.ticked_at = now
            stop = self.tick()
            if stop and not self.stopped and not self.received and not self.program.ended:
                self.stopped = stop
                self.program.ask(stop.number)
        if self.deadline is not None and not self.overdue and time.time() > self.deadline:
            self.overdue = True
            self.program.ask(signal.SIGTERM)
        gone = next((one for one in self.beside if one.ended), None)
        if gone and self.lost is None and not self.program.ended:
            self.lost = gone
            self.program.signal(signal.SIGTERM)
        if (self.received or self.overdue or self.lost or self.stopped) and self.kill_at == math.inf:
            self.kill_at = now + (GRACE_SECONDS if self.lost else self.grace_seconds)
        if now > self.kill_at:
            self.program.signal(signal.SIGKILL)


def run(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    secrets: Sequence[str] = (),
    echo: Callable[[str], None] | None = None,
    tick: Callable[[], Stop | None] | None = None,
    deadline: float | None = None,
    beside: Sequence[Program] = (),
    workers: bool = False,
    grace_seconds: float | None = None,
) -> Ended:
    """Runs a program to its end, its output (both streams) appended to `log`.

    `deadline` is in seconds of `time.time()`: past it the program gets SIGTERM, and `grace_seconds` to end, by default
    GRACE_SECONDS. `tick` is called about twice a second, and may ask for a stop. `workers` says that the program only
    starts those that work. `beside` are programs that it needs: their output is read too, and when one ends, it is
    stopped. Raises Interrupted when this process was told to stop; the program was told too, and has ended.
    """
    started = time.monotonic()
    received: list[int] = []
    program = Program(argv, log=log, env=env, cwd=cwd, secrets=secrets, echo=echo, workers=workers)
    watch = _Watch(
        program=program,
        beside=beside,
        received=received,
        tick=tick,
        deadline=deadline,
        grace_seconds=GRACE_SECONDS if grace_seconds is None else grace_seconds,
    )
    try:
        with _forwarding(program, received):
            _pump(program, beside, watch)
    finally:  # what the program itself left behind, or the program, when `echo` or `tick` failed
        program.close()
    if tick:
        tick()
    if received:
        raise Interrupted(signal.Signals(received[0]).name)
    seconds = time.monotonic() - started
    returncode = program.process.returncode
    return Ended(
        returncode=returncode,
        tail=program.tail,
        seconds=seconds,
        overdue=watch.overdue,
        lost=watch.lost,
        stopped=watch.stopped,
    )


def _pump(program: Program, beside: Sequence[Program], watch: _Watch) -> None:
    """Reads until the program ends; a child of its own that holds the pipe does not count."""
    until = math.inf
    with selectors.DefaultSelector() as selector:
        for one in (program, *beside):
            selector.register(one.pipe, selectors.EVENT_READ, one)
        while time.monotonic() < until:
            ended = program.ended  # asked first: what it wrote last is then in the pipe
            ready = [key.data for key, _ in selector.select(_TICK_SECONDS / 5 if program.closed else _TICK_SECONDS)]
            for one in ready:
                if not one.read() and one.closed:
                    selector.unregister(one.pipe)
            if ended and (program.closed or program not in ready):
                break
            if ended:
                until = min(until, time.monotonic() + DRAIN_SECONDS)
            watch.look()
