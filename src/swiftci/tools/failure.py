"""Says in a person's words why a tool failed, from its exit code and last lines (ms-swift 4.6.0, EvalScope 1.14.1)."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from swiftci.spec.error import Class


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a tool failed: `hint` is what to try."""

    kind: Class
    message: str
    hint: str = ""


_PATTERNS: tuple[tuple[str, Class, str], ...] = (
    (
        r"OutOfMemoryError|CUDA out of memory|can't allocate memory|DefaultCPUAllocator",
        "memory",
        "lower per_device_train_batch_size or max_length; raise gradient_accumulation_steps by as much",
    ),
    (
        r"No space left on device|Disk quota exceeded|iostream error|inline_container\.cc.*unexpected pos",
        "disk",
        "free some disk, or point `store:` at a larger one",
    ),
    (r"remaining_argv", "user", "the words listed are arguments that this ms-swift does not have"),
    (r"error: (argument|unrecognized arguments)", "user", "an argument's name or value is wrong"),
    (r"PackageNotFoundError|ModuleNotFoundError|No module named", "user", "install that package beside ms-swift"),
    (
        r"NetworkError|APIConnectionError|ConnectionError|LocalEntryNotFoundError|_DownloadDeadlineError|Max retries"
        r"|OfflineModeIsEnabled",
        "network",
        "a model or data set was looked for on a hub; a local one needs a path that exists",
    ),
    (r"CUDA error|NCCL|Xid|ECC", "hardware", "look at `nvidia-smi` on the machine"),
    (
        r"StopIteration|ZeroDivisionError: integer division|DatasetGenerationError|JSONDecodeError"
        r"|KeyError: '(content|messages|role)'",
        "data",
        "a data set is empty, has no usable columns, or is not JSON lines",
    ),
    (r"Benchmark '.*' not found|No dataset file found", "user", "see evaluate.datasets and its local_path"),
)
"""What to look for in the last error, or else in the last lines; first match wins."""
_EXCEPTION = re.compile(r"^(?:[\w.]+\.)?([A-Za-z_]\w*(?:Error|Exception|Interrupt|Iteration|Exit))\b(.*)")


def explain(returncode: int, tail: Sequence[str]) -> Failure:
    """The failure's class, one sentence, and what to try."""
    number = _signal(returncode)
    if number == signal.SIGKILL:
        hint = "the kernel does this when memory runs out (`dmesg` tells): use less memory, or a larger machine"
        return Failure(kind="memory", message="was killed (SIGKILL)", hint=hint)
    if number is not None:
        kind: Class = "preempted" if number in (signal.SIGTERM, signal.SIGINT) else "hardware"
        return Failure(kind=kind, message=f"was ended by {number.name}")
    text = "\n".join(tail)
    last = _last_error(tail)
    for pattern, kind, hint in _PATTERNS:
        if re.search(pattern, last) or re.search(pattern, text):
            return Failure(kind=kind, message=last, hint=hint)
    return Failure(kind="tool", message=last)


def _last_error(tail: Sequence[str]) -> str:
    for line in reversed(tail):
        if _EXCEPTION.match(line.strip()) or ": error:" in line:
            return line.strip()[:500]
    for line in reversed(tail):
        if line.strip() and "it/s" not in line and "s/it" not in line:
            return line.strip()[:500]
    return "it said nothing"


def _signal(returncode: int) -> signal.Signals | None:
    """The signal behind an exit code: -9 of a child, 137 of a shell, 247 of a wrapper that gave -9 on."""
    for number in (-returncode, returncode - 128, 256 - returncode):
        if returncode not in (0, 1, 2) and number in (
            signal.SIGKILL,
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGSEGV,
            signal.SIGBUS,
            signal.SIGABRT,
        ):
            return signal.Signals(number)
    return None
