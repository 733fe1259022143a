"""Fine-tunes the model with ms-swift and believes its files, not its exit code."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.config.arguments import texts
from swiftci.evidence import training
from swiftci.spec.error import ToolError
from swiftci.spec.option import option
from swiftci.stages.launch import Launched, launch
from swiftci.stages.stage import Context, Place, Progress, Stage
from swiftci.tools import failure

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


class _Tail:
    """Reads what was added to logging.jsonl since the last look."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path, self.progress = path, progress
        self.offset = 0

    def __call__(self) -> None:
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                self.show(row)

    def show(self, row: dict[str, Any]) -> None:
        done = training.step(row)
        if done is None or "train_runtime" in row:
            return
        parts = [f"{key} {row[key]:.4g}" for key in ("loss", "eval_loss") if isinstance(row.get(key), (int, float))]
        parts += [f"reward {row['reward']:.4g}"] if isinstance(row.get("reward"), (int, float)) else []
        if row.get("remaining_time"):
            parts.append(f"{row['remaining_time']} left")
        self.progress.step(*done, "steps: " + ", ".join(parts))


def run(inputs: Inputs, context: Context) -> Outputs:
    config = context.loaded.config
    output = context.folder / "train"
    _clear(output)
    launched = launch(context, output, _Tail(output / training.LOG, context.progress))
    left = training.read(output)
    _succeeded(launched, left)
    faults = training.faults(left, may_stop_early="early_stop" in texts(config.train.args, "callbacks"))
    if faults or left.last is None:
        diverged = any("number" in fault for fault in faults)
        raise ToolError(
            message="ms-swift ended well, but " + " and ".join(faults),
            kind="data" if left.loss != left.loss else "tool",
            hint="lower learning_rate, or train in bf16 or float32 instead of fp16" if diverged else "",
            argv=launched.argv,
            returncode=0,
            tail=launched.ended.tail,
            log=launched.log,
        )
    dropped = training.dropped_rows(launched.log.read_text(encoding="utf-8", errors="replace"))
    if dropped:
        context.progress.line(f"ms-swift left out {dropped} or more rows that it could not use; the log names them")
    return Outputs(checkpoint=left.best or left.last, steps=left.steps, loss=left.loss, dropped=dropped)


def _succeeded(launched: Launched, left: training.Training) -> None:
    """Raises ToolError where the training was stopped or failed."""
    ended = launched.ended
    if ended.overdue:
        message = f"the time limit came near at step {left.steps} of {left.max_steps}, so the training was stopped"
        hint = "raise limits.job_minutes, or train fewer steps"
        raise ToolError(message=message, kind="preempted", hint=hint, argv=launched.argv, log=launched.log)
    if ended.returncode != 0:
        where = f"ms-swift failed at step {left.steps}" if left.steps else "ms-swift failed"
        raise failure.error(where, ended.returncode, ended.tail, launched.argv, launched.log)


def _clear(output: Path) -> None:
    """ms-swift appends to what an earlier try left, so a new one starts from nothing."""
    if output.exists():
        shutil.rmtree(output)


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
)
