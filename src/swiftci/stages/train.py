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
from swiftci.stages.stage import Context, Place, Progress, Stage
from swiftci.tools import failure, interpreter, program, swift

PACKAGES = ("ms_swift", "torch", "transformers", "peft", "trl", "datasets")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None yet: the config says it all."""


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
        done, _, total = str(row.get("global_step/max_steps", "")).partition("/")
        if not (done.isdigit() and total.isdigit()) or "train_runtime" in row:
            return
        parts = [f"{key} {row[key]:.4g}" for key in ("loss", "eval_loss") if isinstance(row.get(key), (int, float))]
        if row.get("remaining_time"):
            parts.append(f"{row['remaining_time']} left")
        self.progress.step(int(done), int(total), ", ".join(parts))


def run(inputs: Inputs, context: Context) -> Outputs:
    config = context.loaded.config
    output = context.folder / "train"
    log = context.folder / "logs" / "train.log"
    _clear(output, log)
    found = interpreter.find(context.project.python, context.root, context.environ, "ms_swift")
    argv = swift.argv(found.path, config.train.method, swift.arguments(config.train, context.root, output))
    ended = program.run(
        argv,
        log=log,
        env=swift.environment(context.project, config.train, context.environ),
        cwd=context.root,
        secrets=context.secrets,
        echo=context.progress.echo,
        tick=_Tail(output / training.LOG, context.progress),
        deadline=context.deadline,
    )
    left = training.read(output)
    shown = tuple(program.mask(word, context.secrets) for word in argv)
    if ended.overdue:
        message = f"the time limit came near at step {left.steps} of {left.max_steps}, so the training was stopped"
        raise ToolError(
            message=message,
            kind="preempted",
            hint="raise limits.job_minutes, or train fewer steps",
            argv=shown,
            log=log,
        )
    if ended.returncode != 0:
        why = failure.explain(ended.returncode, ended.tail)
        raise ToolError(
            message=f"ms-swift failed at step {left.steps}: {why.message}"
            if left.steps
            else f"ms-swift failed: {why.message}",
            kind=why.kind,
            hint=why.hint,
            argv=shown,
            returncode=ended.returncode,
            tail=ended.tail,
            log=log,
        )
    faults = training.faults(left, may_stop_early="early_stop" in texts(config.train.args, "callbacks"))
    if faults or left.last is None:
        message = "ms-swift ended well, but " + " and ".join(faults)
        diverged = any("number" in fault for fault in faults)
        raise ToolError(
            message=message,
            kind="data" if left.loss != left.loss else "tool",
            hint="lower learning_rate, or train in bf16 or float32 instead of fp16" if diverged else "",
            argv=shown,
            returncode=0,
            tail=ended.tail,
            log=log,
        )
    dropped = training.dropped_rows(log.read_text(encoding="utf-8", errors="replace"))
    if dropped:
        context.progress.line(f"ms-swift left out {dropped} or more rows that it could not use; the log names them")
    return Outputs(checkpoint=left.best or left.last, steps=left.steps, loss=left.loss, dropped=dropped)


def _clear(output: Path, log: Path) -> None:
    """ms-swift appends to what an earlier try left, so a new one starts from nothing."""
    if output.exists():
        shutil.rmtree(output)
    log.unlink(missing_ok=True)


STAGE = Stage(
    name="train",
    help="Fine-tune the model with ms-swift.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train",),
    secrets=("hub",),
    packages=PACKAGES,
)
