"""A model's server: started, awaited while it lives, watched by whoever asks it, and stopped."""

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.error import ToolError
from swiftci.tools import failure
from swiftci.tools.process import Program

HOST = "127.0.0.1"
STOP_SECONDS = 15.0
_TRY_SECONDS = 2.0
_RUNNING = re.compile(r"Uvicorn running on https?://[^\s:]+:(\d+)")
"""uvicorn's own line; ms-swift moves to the next free port without another word (4.6.0)."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers; `port` is the one it really took."""

    name: str
    program: Program
    port: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def lost(self) -> ToolError:
        """Why it is no longer there."""
        return _failed(self.name, self.program, "ended while it was needed")


def free_port(wanted: int | None = None) -> int:
    """A port that is free now, `wanted` where that one is."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket() as one:
            try:
                one.bind((HOST, port))
            except OSError:
                continue
            return int(one.getsockname()[1])
    raise ToolError(message="no port is free", kind="capacity")


def listening(address: str, port: int, until: float) -> str:
    """Waits until something listens there; why it did not, at `until` (seconds of time.time())."""
    while True:
        try:
            with socket.create_connection((address, port), timeout=_TRY_SECONDS):
                return ""
        except OSError as error:
            reason = str(error)
        if time.time() > until:
            return reason
        time.sleep(_TRY_SECONDS)


@contextmanager
def serving(
    name: str,
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    secrets: Sequence[str],
    minutes: float,
    deadline: float | None,
    told: Callable[[str], None],
    beside: Sequence[Program] = (),
) -> Iterator[Server]:
    """Starts a server of ms-swift's and gives it once `/health` answers; stops it at the end, whatever happened.

    Raises ToolError where it ends before, or has not answered after `minutes` or at `deadline` (time.time()).
    """
    log.unlink(missing_ok=True)
    ports: list[int] = []
    program = Program(argv, log=log, env=env, cwd=cwd, secrets=secrets, echo=lambda line: _note_port(line, ports))
    try:
        started = time.monotonic()
        told(f"starting {name}")
        port = _await(name, program, ports, minutes, deadline, beside)
        told(f"{name} answers on port {port} after {time.monotonic() - started:.0f} s")
        yield Server(name=name, program=program, port=port)
    finally:
        program.close(STOP_SECONDS)


def _note_port(line: str, ports: list[int]) -> None:
    if found := _RUNNING.search(line):
        ports.append(int(found[1]))


def _await(
    name: str, program: Program, ports: list[int], minutes: float, deadline: float | None, beside: Sequence[Program]
) -> int:
    """The port on which the server answers; `beside` are read meanwhile, so that none waits to be heard."""
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until and (deadline is None or time.time() < deadline):
        ended = program.ended
        for one in (program, *beside):  # all of it: a server that cannot say more does not answer
            while one.read() and time.monotonic() < until:
                continue
        if ended:
            raise _failed(name, program, "ended before it answered")
        lost = next((one for one in beside if one.ended), None)
        if lost:
            raise _failed("another server", lost, "ended")
        if ports and _healthy(ports[-1]):
            return ports[-1]
        time.sleep(0.2)
    raise ToolError(
        message=f"{name} did not answer in time",
        kind="tool",
        hint=f"its log says how far it came in {minutes:g} minutes",
        argv=program.argv,
        tail=program.tail,
        log=program.log,
    )


def _healthy(port: int) -> bool:
    from urllib.request import ProxyHandler, build_opener

    try:
        with build_opener(ProxyHandler({})).open(f"http://{HOST}:{port}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:  # URLError is one
        return False


def _failed(name: str, program: Program, how: str) -> ToolError:
    return failure.error(f"{name} {how}", program.process.returncode or 0, program.tail, program.argv, program.log)
