"""Runs a tool to its end: output read, signals passed on, stopped at a deadline or where a watch asks for it."""

import math
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from swiftci.spec.error import Class, Interrupted
from swiftci.tools.process import Program

GRACE_SECONDS = 40.0
"""How long a program may take to end; torchrun gives its workers 30 of them."""
DRAIN_SECONDS = 1.0
"""How long after a program's end the children that it left behind may go on writing."""
_TICK_SECONDS = 0.5


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
