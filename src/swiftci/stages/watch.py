"""Watches a training while it runs, and says when it had better stop."""

import json
import math
import shutil
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swiftci.config.model import Limits
from swiftci.evidence import training
from swiftci.evidence.points import step
from swiftci.stages.stage import Progress
from swiftci.tools.program import Stop

LOOK_SECONDS = 10.0
"""How often disk and budget are looked at."""
ASK_SECONDS = 60.0
"""How often the cards are asked whether they compute, which takes a process of its own."""
IN_A_ROW = 3
"""Logged steps that must be bad one after another: mixed precision skips a single one now and then."""
EXPLODED = 5.0
"""A loss that many times the first ones' median, where that is above 0.1, has exploded."""
_FIRST = 5


class Watch:
    """Called about twice a second; shows new steps, and returns a Stop where a limit is passed.

    `busy` gives how many per cent of the training's cards compute, None where that cannot be told.
    """

    def __init__(
        self,
        output: Path,
        log: Path,
        limits: Limits,
        progress: Progress,
        busy: Callable[[], float | None] | None = None,
        more: Callable[[], Stop | None] | None = None,
    ) -> None:
        self.output, self.log, self.limits, self.progress = output, log, limits, progress
        self.busy, self.more = busy, more
        self.offset = _size(output / training.LOG)  # what an earlier try logged was shown then
        self.sizes = (0, 0)
        self.sign = self.computed = self.looked = self.asked = time.monotonic()
        self.first: list[float] = []
        self.bad = 0
        self.warned = False
        self.step = 0

    def __call__(self) -> Stop | None:
        now = time.monotonic()
        sizes = (_size(self.output / training.LOG), _size(self.log))
        if sizes != self.sizes:
            self.sizes, self.sign = sizes, now
        stop = self._read()
        if self.limits.stall_minutes and now - self.sign > 60 * self.limits.stall_minutes:
            return self._stalled()
        if now - self.looked >= LOOK_SECONDS:
            self.looked = now
            stop = stop or self._disk() or (self.more() if self.more else None)
        if self.busy and now - self.asked >= ASK_SECONDS:
            self.asked = now
            stop = stop or self._idle(now)
        return stop

    def _read(self) -> Stop | None:
        """Shows the steps that were logged since the last look."""
        try:
            with (self.output / training.LOG).open("rb") as file:
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return None
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        stop = None
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict) and (done := step(row)) and "train_runtime" not in row:
                self.step = done[0]
                self._show(done, row)
                stop = self._judge(row) or stop
        return stop

    def _show(self, done: tuple[int, int], row: dict[str, Any]) -> None:
        parts = [f"{key} {row[key]:.4g}" for key in ("loss", "eval_loss", "reward") if _number(row.get(key))]
        if row.get("remaining_time"):
            parts.append(f"{row['remaining_time']} left")
        self.progress.step(*done, "steps: " + ", ".join(parts))

    def _judge(self, row: dict[str, Any]) -> Stop | None:
        loss, norm = row.get("loss"), row.get("grad_norm")
        if self.limits.diverged == "off" or not isinstance(loss, (int, float)):
            return None
        fault = ""
        if not math.isfinite(loss) or (isinstance(norm, float) and not math.isfinite(norm)):
            fault = "the gradients are not numbers (NaN)"  # ms-swift logs a loss that is NaN as 0.0
        elif "reward" not in row and len(self.first) == _FIRST and _exploded(loss, self.first):
            fault = f"the loss exploded to {loss:.4g}; it began at {statistics.median(self.first):.4g}"
        if not fault and len(self.first) < _FIRST:
            self.first.append(loss)
        self.bad = self.bad + 1 if fault else 0
        if self.bad < IN_A_ROW:
            return None
        hint = "lower learning_rate, or train in bf16 or float32 instead of fp16; limits.diverged: warn goes on"
        if self.limits.diverged == "warn":
            if not self.warned:
                self.progress.line(f"warning: {fault}, at step {self.step}")
            self.warned = True
            return None
        reason = f"{fault}, for {IN_A_ROW} logged steps up to {self.step}"
        return Stop(kind="data", reason=reason, hint=hint, number=signal.SIGKILL)  # nothing of it is worth saving

    def _stalled(self) -> Stop:
        return Stop(
            kind="hardware",
            reason=f"nothing was logged or printed for {self.limits.stall_minutes} minutes",
            hint="the log ends with the stacks of its threads; limits.stall_minutes says how long to wait",
            number=signal.SIGABRT,
        )

    def _disk(self) -> Stop | None:
        if not self.limits.free_disk_gb:
            return None
        free = shutil.disk_usage(self.output.parent).free
        if free >= 1e9 * self.limits.free_disk_gb:
            return None
        last, _ = training.checkpoints(self.output)
        room = last is not None and free > 1.2 * sum(_size(path) for path in last.rglob("*"))
        return Stop(
            kind="disk",
            reason=f"only {free / 1e9:.2f} GB of the disk are free" + ("" if room else ", too few to save once more"),
            hint="free some, name a larger `store`, or set save_total_limit; limits.free_disk_gb is when to stop",
            number=signal.SIGTERM if room else signal.SIGKILL,
        )

    def _idle(self, now: float) -> Stop | None:
        if self.busy is None or not self.limits.idle_minutes:
            return None
        percent = self.busy()
        if percent is None or percent > 0:
            self.computed = now
        if now - self.computed <= 60 * self.limits.idle_minutes:
            return None
        return Stop(
            kind="tool",
            reason=f"the GPUs computed nothing for {self.limits.idle_minutes} minutes",
            hint="data may come too slowly, or a process hangs; limits.idle_minutes says how long to wait",
        )


def _exploded(loss: float, first: list[float]) -> bool:
    start = statistics.median(first)
    return start > 0.1 and loss > EXPLODED * start


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
