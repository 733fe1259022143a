"""A program that runs: its own process group, its output to a masked log, nothing left behind whatever happens."""

import ctypes
import os
import secrets as secrets_
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from swiftci.spec.error import ToolError
from swiftci.tools import leftover
from swiftci.tools.output import Lines, mask

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.05
"""How often a program that is to end is looked at."""


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
            time.sleep(_LOOK_SECONDS)
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
