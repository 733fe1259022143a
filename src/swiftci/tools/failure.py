"""Says in a person's words why a tool failed, from its exit code and what it said last."""

import re
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from swiftci.spec.error import Class, ToolError
from swiftci.tools import known_failures, known_mistakes, known_refusals
from swiftci.tools.known_failures import Known


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a tool failed: `hint` is what to try, `transient` whether trying again is (None: as the class does)."""

    kind: Class
    message: str
    hint: str = ""
    transient: bool | None = None


KNOWN = (
    *known_failures.MEMORY,
    *known_failures.DISK,
    *known_failures.HARDWARE,
    *known_mistakes.USER,
    *known_refusals.REFUSALS,
    *known_mistakes.PACKAGES,
    *known_mistakes.DATA,
    *known_mistakes.LATE,
    *known_failures.CONSEQUENCES,
)
"""The first row that fits tells why: causes stand before what comes of them."""
MESSAGE_MAX = 400
_LINES = 400
"""How much of a log may hold the cause: eight workers' tracebacks stand before torchrun's own, and its table."""
_LINE_MAX = 4000
_BYTES = 1 << 18
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_BAR = re.compile(r"\d+%\||\dit/s|s/it\b")
_RANK = re.compile(r"\[rank\d+\]: ?")
_PREFIX = re.compile(
    r"(?:\[rank\d+\]: ?|\(\w+(?: [\w=]+)* pid=\d+\) ?|(?:ERROR|CRITICAL) \d\d-\d\d [\d:]{8} \[?[\w.]+:\d+\] ?)+"
)
"""What torch and vLLM put before each line of a worker's."""
_EXCEPTION = re.compile(
    r"(?:\w+\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt|Iteration|Exit|Invalid|Timeout|Enabled)\b(?:: )?"
)
_NATIVE = re.compile(
    r": error: |Watchdog caught collective|watchdog (?:thread terminated|hang)|^Error while creating shared memory"
    r"|^ERROR: Unexpected bus error|^Fatal Python error|^NVRM: Xid|NCCL WARN Error"
)
"""Errors that are no exception of Python's."""
_SOURCE = re.compile(r"\[[EFW]\d+ [^\]]*\] (?:\[[^\]]*\] )*|\s*what\(\): +")
"""What a native error begins with: where in torch's code, which process group and rank."""
_CHAIN = re.compile(r"[Tt]he above exception")
_ELSEWHERE = re.compile(r"See root cause above")
"""A process that only tells that another one failed."""


def error(what: str, returncode: int, tail: Sequence[str], argv: Sequence[str], log: Path) -> ToolError:
    """The failure of a program; `what` says which, as in `ms-swift failed`, `argv`, `tail` and `log` are masked."""
    why = explain(returncode, max(_last(log), list(tail), key=len))
    return ToolError(
        message=f"{what}: {why.message}",
        kind=why.kind,
        hint=why.hint,
        transient=why.transient,
        argv=tuple(argv),
        returncode=returncode,
        tail=tuple(tail),
        log=log,
    )


def _last(log: Path) -> list[str]:
    """A log's last lines; none where it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _BYTES))
            return [line for line in file.read().decode(errors="replace").split("\n") if line.strip()][-_LINES:]
    except OSError:
        return []


def explain(returncode: int, tail: Sequence[str]) -> Failure:
    """The failure's class, one sentence, and what to try."""
    raw = [_CONTROL.sub("", line[:_LINE_MAX]).rstrip() for line in tail]
    worker = _first_worker(raw)
    who = f"worker {worker.rank} " if worker else ""
    if worker:
        returncode, raw = worker.returncode, raw[: worker.until]
    ended = _signal(returncode)
    if ended and ended is not signal.SIGABRT:  # which a program sends itself once it has said why
        return _by_signal(ended, who)
    lines = [_PREFIX.sub("", line, count=1) if _PREFIX.match(line) else line for line in raw]
    found = _found(lines, _suspects(raw, lines, everywhere=bool(worker or ended)))
    if found:
        return found
    if ended:
        return _by_signal(ended, who)
    said = [line.strip() for line in reversed(lines) if line.strip() and not _BAR.search(line)]
    last = [lines[number].strip() for number in _errors(lines)][-1:]
    return Failure(kind="tool", message=_short(next(iter([*last, *said]), "it said nothing")))


def _errors(lines: Sequence[str]) -> Iterator[int]:
    """Where an error is told, not quoted as a traceback quotes code."""
    return (number for number, line in enumerate(lines) if _EXCEPTION.match(line) or _NATIVE.search(line))


def _suspects(raw: Sequence[str], lines: Sequence[str], everywhere: bool) -> list[int]:
    """The errors that may be the cause, the last one first: those that led to it, or those of every process."""
    errors = list(_errors(lines))
    if everywhere or any(_ELSEWHERE.search(lines[number]) for number in errors[-1:]):
        told = [number for number in errors if _RANK.match(raw[number]) or _NATIVE.search(lines[number])]
        return list(reversed(told if any(_RANK.match(raw[number]) for number in told) else errors))
    chain = errors[-1:]
    for number in reversed(errors[:-1]):
        if not any(_CHAIN.search(line) for line in lines[number : chain[-1]]):
            break
        chain.append(number)
    return chain


def _found(lines: Sequence[str], suspects: Sequence[int]) -> Failure | None:
    """The first row of the table that fits one of them."""
    for known in KNOWN:
        for number in suspects:
            above = 4 if r"\n" in known.pattern else 0
            if found := re.search(known.pattern, "\n".join(lines[max(0, number - above) : number + 1])):
                return _failure(known, found, lines[number].strip(), lines)
    return None


def _failure(known: Known, found: re.Match[str], line: str, lines: Sequence[str]) -> Failure:
    group = next((text for text in found.groups() if text), "")
    said = _SOURCE.sub("", _EXCEPTION.sub("", line, count=1), count=1) or line
    message = known.message.format(group, last=line, said=said)
    hint = known.hint or (_memory(lines) if known.kind == "memory" else "")
    return Failure(kind=known.kind, message=_short(message.strip()), hint=hint, transient=known.transient)


def _memory(lines: Sequence[str]) -> str:
    """What to change when a GPU's memory ran out depends on what ran there."""
    text = "\n".join(lines)
    return next(hint for pattern, hint in known_failures.GPU_MEMORY if re.search(pattern, text))


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 1] + "…"


@dataclass(frozen=True, kw_only=True)
class _Worker:
    """The worker that torchrun saw failing first; what the workers said ends at line `until`."""

    rank: int
    returncode: int
    until: int


def _first_worker(lines: Sequence[str]) -> _Worker | None:
    """From torchrun's table at the end, if it is there."""
    table = next((number for number in range(len(lines) - 1, -1, -1) if "ChildFailedError:" in lines[number]), None)
    if table is None:
        return None
    rest = "\n".join(lines[table:])
    cause = re.search(r"Root Cause.*?rank\s*: (\d+).*?exitcode\s*: (-?\d+)", rest, re.DOTALL)
    if cause is None:
        return None
    until = next((number for number in range(table, -1, -1) if "Traceback (most recent" in lines[number]), table)
    return _Worker(rank=int(cause[1]), returncode=int(cause[2]), until=until)


_SIGNALS: dict[signal.Signals, Failure] = {
    signal.SIGKILL: Failure(kind="memory", message="was killed (SIGKILL)", hint=known_failures.KILLED_MEMORY),
    signal.SIGBUS: Failure(kind="memory", message="was ended by SIGBUS", hint=known_failures.SHARED_MEMORY),
    **{
        one: Failure(kind="preempted", message=f"was ended by {one.name}", hint=known_failures.STOPPED, transient=True)
        for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    },
    **{
        one: Failure(kind="hardware", message=f"was ended by {one.name}", hint=known_failures.MAY_TELL, transient=False)
        for one in (signal.SIGSEGV, signal.SIGABRT)
    },
}


def _by_signal(number: signal.Signals, who: str) -> Failure:
    why = _SIGNALS[number]
    return replace(why, message=who + why.message)


def _signal(returncode: int) -> signal.Signals | None:
    """The signal behind an exit code: -9 of a child, 137 of a shell, 247 of a wrapper that gave -9 on."""
    for number in (-returncode, returncode - 128, 256 - returncode if returncode < 255 else 0):  # 255: exit(-1)
        if number in _SIGNALS:
            return signal.Signals(number)
    return None
