"""Says in a person's words why a tool failed, from its exit code and last lines (ms-swift 4.6.0, EvalScope 1.14.1)."""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.error import Class, ToolError


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a tool failed: `hint` is what to try."""

    kind: Class
    message: str
    hint: str = ""


_PATTERNS: tuple[tuple[str, Class, str, str], ...] = (
    (
        r"OutOfMemoryError|CUDA out of memory|can't allocate memory|DefaultCPUAllocator",
        "memory",
        "memory ran out: {last}",
        "lower per_device_train_batch_size (and raise gradient_accumulation_steps) or max_length; in an evaluation, "
        "lower eval_batch_size",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "disk",
        "the disk is full: {last}",
        "free some disk, or point `store:` at a larger one",
    ),
    (
        r"iostream error|inline_container\.cc.*unexpected pos",
        "disk",
        "a checkpoint could not be written, as when the disk is full: {last}",
        "free some disk, or point `store:` at a larger one",
    ),
    (
        r"remaining_argv: (.*)",
        "user",
        "this ms-swift does not have the arguments {0}",
        "look for a typing mistake under train.args",
    ),
    (r"error: (argument .*|unrecognized arguments: .*)", "user", "{0}", "an argument's name or value is wrong"),
    (
        r"Unknown (tuner_type: .*)|((?:model_type|template_type|template): '[^']*') not in ",
        "user",
        "ms-swift does not know {0}",
        "see the value under train.args",
    ),
    (
        r"(Failed to automatically match (?:model_type|template).*)",
        "user",
        "{0}",
        "say under train.args which `model_type` and `template` it is",
    ),
    (
        r"path: '(.*)' not found",
        "user",
        "{0} does not exist on this machine",
        "see the paths of models and checkpoints under train.args",
    ),
    (
        r"The local path does not exist, dataset_id: `(.*?)`|Couldn't find any data file at (\S+)\.",
        "user",
        "the data set {0} does not exist on this machine",
        "see train.args.dataset and val_dataset",
    ),
    (
        r"PackageNotFoundError|ModuleNotFoundError|No module named|ImportError: .*not installed",
        "user",
        "{last}",
        "install that package into the Python that holds ms-swift and EvalScope",
    ),
    (
        r"NetworkError|APIConnectionError|ConnectionError|LocalEntryNotFoundError|_DownloadDeadlineError|Max retries"
        r"|OfflineModeIsEnabled",
        "network",
        "{last}",
        "a model or data set was looked for on a hub; a local one needs a path that exists",
    ),
    (
        r"openai\.\w+: (Error code: .*)",
        "tool",
        "the endpoint answered with an error: {0}",
        "the endpoint's own log says why",
    ),
    (r"CUDA error|NCCL|Xid|ECC error", "hardware", "{last}", "look at `nvidia-smi` on the machine"),
    (
        r"StopIteration",
        "data",
        "a data set is empty ({last})",
        "see train.args.dataset and val_dataset",
    ),
    (
        r"ZeroDivisionError: integer division",
        "data",
        "a data set has no row that ms-swift can use ({last})",
        "a row needs columns that ms-swift knows, such as `messages`, or `query` and `response`",
    ),
    (
        r"AssertionError: (rejected_response: .*, response: .*)",
        "data",
        "a rejected response is the chosen one: {0}",
        "mend that row; kto takes another row's response as rejected: `strict: false` leaves such rows out",
    ),
    (
        r"KeyError: '(content|messages|role)'",
        "data",
        "a row of a data set lacks `{0}` ({last})",
        "mend that row; `strict: false` under train.args would train without such rows",
    ),
    (
        r"DatasetGenerationError|JSONDecodeError",
        "data",
        "a data set cannot be read ({last})",
        "each line of a .jsonl file is one JSON object",
    ),
    (r"(Benchmark '.*' not found.*)", "user", "{0}", "see evaluate.datasets"),
    (
        r"(No dataset file found.*)",
        "user",
        "{0}",
        "see local_path and subset_list under evaluate.args.dataset_args; a subset's file is SUBSET.jsonl",
    ),
    (r"KeyboardInterrupt", "preempted", "was interrupted ({last})", ""),
)
"""What to look for in an error's line, the failure's class, its message and what to try; first match wins.

In a message, `{0}` is what the pattern's group matched, and `{last}` the line.
"""
_EXCEPTION = re.compile(r"(?:[\w.]+\.)?([A-Za-z_]\w*(?:Error|Exception|Interrupt|Iteration|Exit))\b(.*)")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_BAR = re.compile(r"\d+%\||\dit/s|s/it\b")
MESSAGE_MAX = 400


def error(what: str, returncode: int, tail: Sequence[str], argv: Sequence[str], log: Path) -> ToolError:
    """The failure of a program; `what` says which, as in `ms-swift failed`, `argv` and `tail` are masked."""
    why = explain(returncode, tail)
    return ToolError(
        message=f"{what}: {why.message}",
        kind=why.kind,
        hint=why.hint,
        argv=tuple(argv),
        returncode=returncode,
        tail=tuple(tail),
        log=log,
    )


def explain(returncode: int, tail: Sequence[str]) -> Failure:
    """The failure's class, one sentence, and what to try."""
    number = _signal(returncode)
    if number is not None:
        return _SIGNALS[number]
    lines = [_CONTROL.sub("", line).rstrip() for line in tail]
    errors = [line for line in reversed(lines) if _EXCEPTION.match(line) or ": error: " in line]
    chained = any("the above exception" in line for line in lines)
    for line in errors if chained else errors[:1]:
        for pattern, kind, message, hint in _PATTERNS:
            if found := re.search(pattern, line):
                group = next((text for text in found.groups() if text), "")
                return Failure(kind=kind, message=_short(message.format(group, last=line)), hint=hint)
    said = [line.strip() for line in reversed(lines) if line.strip() and not _BAR.search(line)]
    return Failure(kind="tool", message=_short(next(iter([*errors, *said]), "it said nothing")))


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 1] + "…"


_SIGNALS: dict[signal.Signals, Failure] = {
    signal.SIGKILL: Failure(
        kind="memory",
        message="was killed (SIGKILL)",
        hint="the kernel does this when memory runs out (`dmesg` tells): use less memory, or a larger machine",
    ),
    signal.SIGBUS: Failure(
        kind="memory",
        message="was ended by SIGBUS",
        hint="a container's shared memory may be too small: add --shm-size=16g to container.options",
    ),
    signal.SIGTERM: Failure(
        kind="preempted", message="was ended by SIGTERM", hint="something else on the machine stopped it"
    ),
    signal.SIGINT: Failure(
        kind="preempted", message="was ended by SIGINT", hint="something else on the machine stopped it"
    ),
    signal.SIGSEGV: Failure(kind="hardware", message="was ended by SIGSEGV", hint="`nvidia-smi` and `dmesg` may tell"),
    signal.SIGABRT: Failure(kind="hardware", message="was ended by SIGABRT", hint="`nvidia-smi` and `dmesg` may tell"),
}


def _signal(returncode: int) -> signal.Signals | None:
    """The signal behind an exit code: -9 of a child, 137 of a shell, 247 of a wrapper that gave -9 on."""
    for number in (-returncode, returncode - 128, 256 - returncode):
        if number in _SIGNALS:
            return signal.Signals(number)
    return None
