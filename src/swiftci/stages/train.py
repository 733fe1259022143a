"""Fine-tunes the model with ms-swift and believes its files, not its exit code."""

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from swiftci.config.arguments import texts
from swiftci.evidence import training
from swiftci.spec.error import Partial, ToolError
from swiftci.spec.option import option
from swiftci.stages.launch import Launched, launch
from swiftci.stages.meter import Meter
from swiftci.stages.needs import advised
from swiftci.stages.stage import MARK, Context, Place, Stage
from swiftci.stages.watch import Watch
from swiftci.store.files import write_text
from swiftci.tools import failure, gpu, swift

PACKAGES = ("ms_swift", "torch", "transformers", "peft", "trl", "datasets")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: the config says it all."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the training left."""

    checkpoint: Path = option("The best complete checkpoint, or the last where none was measured.")
    steps: int = option("Steps done.")
    loss: float | None = option("The last logged loss.")
    dropped: int = option("Rows of the data that ms-swift left out, at least.")
    resumed: int = option("The step that an earlier try had saved, and this one went on from; 0 for none.", default=0)


def run(inputs: Inputs, context: Context) -> Outputs:
    output = context.folder / "train"
    log = context.folder / "logs" / "train.log"
    resume = _resume(output, context)
    launched = None
    if resume is None or resume.step < resume.max_steps:
        if swift.STOP_FILE.exists():
            message = f"{swift.STOP_FILE} exists, at which ms-swift ends every training on this machine"
            raise ToolError(message=message, kind="user", hint="remove that file")
        if resume is None:
            log.unlink(missing_ok=True)
        launched = launch(
            context, output, partial(_watch, context, output, log), resume=resume.path if resume else None
        )
        _succeeded(launched, output, context)
    left = training.read(output)
    early = "early_stop" in texts(context.loaded.config.train.args, "callbacks")
    faults = training.faults(left, may_stop_early=early)
    if faults or left.last is None:
        raise _no_training(faults, left, launched)
    dropped = training.dropped_rows(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else 0
    if dropped:
        context.progress.line(f"ms-swift left out {dropped} or more rows that it could not use; the log names them")
    return Outputs(
        checkpoint=left.best or left.last,
        steps=left.steps,
        loss=left.loss,
        dropped=dropped,
        resumed=resume.step if resume else 0,
    )


def _watch(context: Context, output: Path, log: Path, cards: tuple[str, ...], meter: Meter) -> Watch:
    def busy() -> float | None:
        found = gpu.cards(context.environ) or []
        percents = [one.utilisation for one in found if one.index in cards or one.uuid in cards]
        known = [one for one in percents if one is not None]
        return max(known, default=None)

    limits = context.loaded.config.limits
    return Watch(output, log, limits, context.progress, busy=busy if cards else None, more=meter)


def _resume(output: Path, context: Context) -> training.Resume | None:
    """Where to go on from, what came after it taken back; else the output folder is emptied.

    ms-swift appends to what it finds, and only what was made from the very same may be gone on with.
    """
    mark = output / MARK
    try:
        same = bool(context.digest) and mark.read_text(encoding="utf-8") == context.digest
    except OSError:
        same = False
    resume = training.resumable(output) if same and not context.loaded.config.train.megatron else None
    if resume is None:
        if output.exists():
            shutil.rmtree(output)
        write_text(mark, context.digest)
        return None
    training.rewind(output, resume)
    text = f"going on from step {resume.step} of {resume.max_steps}"
    context.progress.line(f"{text}; {resume.path.name} lacks {resume.lacks}" if resume.lacks else text)
    return resume


def _succeeded(launched: Launched, output: Path, context: Context) -> None:
    """Raises Partial where the training was stopped ahead of a limit, ToolError where it had to stop or failed."""
    ended = launched.ended
    if ended.returncode == 0 and not ended.overdue and not ended.stopped:
        return
    left, saved = training.read(output), training.resumable(output)
    if ended.returncode == 0 and 0 < left.max_steps <= left.steps:
        return  # it had ended by itself; what it left is looked at next
    where = f"at step {left.steps} of {left.max_steps}" if left.steps else "before its first step"
    kept = f"step {saved.step} is saved, and the same run goes on from there" if saved else "nothing was saved yet"
    if ended.overdue:
        message = f"{context.why} came near {where}, so the training was stopped; {kept}"
        raise Partial(message=message, kind="preempted", hint=context.advice, argv=launched.argv, log=launched.log)
    if ended.stopped:
        stop = ended.stopped
        _make_room(stop.kind, output)
        if stop.kind == "data":  # a checkpoint of what diverged is nothing to go on with
            (output / MARK).unlink(missing_ok=True)
            kept = "the next try begins anew"
        message = f"{stop.reason}, so the training was stopped {where}; {kept}"
        error = Partial if stop.kind == "capacity" else ToolError
        raise error(
            message=message,
            kind=stop.kind,
            hint=stop.hint,
            argv=launched.argv,
            tail=ended.tail,
            log=launched.log,
            transient=True if stop.number == signal.SIGABRT else None,  # what hung may not hang again
        )
    what = f"ms-swift failed {where}" if left.steps else "ms-swift failed"
    failed = advised(failure.error(what, ended.returncode, ended.tail, launched.argv, launched.log), context)
    _make_room(failed.kind, output)
    raise failed


def _make_room(kind: str, output: Path) -> None:
    """On a disk that is full, half a checkpoint stands where the journal and the report have to go."""
    if kind == "disk":
        training.drop_half(output)


def _no_training(faults: list[str], left: training.Training, launched: Launched | None) -> ToolError:
    diverged = any("number" in fault for fault in faults)
    hint = "lower learning_rate, or train in bf16 or float32 instead of fp16" if diverged else ""
    if left.steps < left.max_steps and swift.STOP_FILE.exists():
        hint = f"{swift.STOP_FILE} exists, at which ms-swift ends every training on this machine: remove it"
    return ToolError(
        message="ms-swift ended well, but " + " and ".join(faults),
        kind="data" if left.loss != left.loss else "tool",
        hint=hint,
        argv=launched.argv if launched else (),
        returncode=0,
        tail=launched.ended.tail if launched else (),
        log=launched.log if launched else None,
    )


def _results(_: Inputs, outputs: Mapping[str, Any]) -> tuple[str, ...]:
    small = (f"train/{training.LOG}", "train/args.json", f"train/{MARK}", "logs/train.log", "tracker.json")
    return (str(outputs["checkpoint"]), *small)


STAGE = Stage(
    name="train",
    help="Fine-tune the model with ms-swift.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train",),
    secrets=("tracker",),
    packages=PACKAGES,
    results=_results,
    unfinished=("train", "tracker.json"),
)
