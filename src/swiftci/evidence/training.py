"""What a training left: its curve, its checkpoints, and whether it can be trusted (ms-swift 4.6.0's files)."""

import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence.points import POINTS_MAX, Point, point, rows, step, thinned
from swiftci.store import safetensors
from swiftci.store.files import write_text

LOG = "logging.jsonl"
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")
_INCOMPLETE = "checkpoint-is-incomplete.txt"
_MEGATRON = "latest_checkpointed_iteration.txt"
_DROPPED = "There are errors in the dataset, the data will be deleted"
_FILTERED = re.compile(r"Dataset filtered, origin length: (\d+), filtered dataset length: (\d+)")
"""ms-swift's words when it leaves rows out; the second come with `strict: true` too (4.6.0)."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What the files say; `steps` of `max_steps` were done, `parameters` is ms-swift's own line.

    Of a very long log `points` are those that draw the same curves.
    `memory_gib` is the most that was reserved on the first GPU; None on a CPU.
    """

    points: tuple[Point, ...]
    steps: int
    max_steps: int
    last: Path | None
    best: Path | None
    parameters: str = ""
    rows: str = ""
    memory_gib: float | None = None

    @property
    def loss(self) -> float | None:
        return next((p.true_loss for p in reversed(self.points) if p.loss is not None), None)


def read(folder: Path) -> Training:
    """Reads an output folder as it is now, finished or not; what is damaged counts as absent."""
    points: list[Point] = []
    steps = max_steps = 0
    summary: dict[str, Any] = {}
    memory = 0.0
    for row in rows(folder / LOG):
        if done := step(row):
            steps, max_steps = done
            points.append(point(steps, row))
            memory = max(memory, points[-1].memory_gib or 0.0)
            if len(points) > POINTS_MAX:
                points = thinned(points)
        elif "last_model_checkpoint" in row:
            summary = row
    last, best = checkpoints(folder)
    return Training(
        points=tuple(points),
        steps=steps,
        max_steps=max_steps,
        last=last,
        best=best,
        parameters=str(summary.get("model_parameter_info", "")),
        rows=str(summary.get("train_dataset", "")),
        memory_gib=memory or None,
    )


def checkpoints(folder: Path) -> tuple[Path | None, Path | None]:
    """The last and the best complete checkpoint.

    trainer_state.json, written last, makes one of transformers' complete; one of Megatron's is when `last-checkpoint`
    points at it or a later one, and its weights in transformers' form may lie beside it in `checkpoint-N-merged`.
    """
    complete: dict[int, Path] = {}
    best = ""
    for number, path in sorted(_numbered(folder)):
        if (path / _MEGATRON).is_file():
            if number <= _pointed(folder):
                merged = path.with_name(f"{path.name}-merged")
                complete[number] = merged if merged.is_dir() else path
        elif (state := _state(path)) is not None:
            complete[number] = path
            best = Path(str(state.get("best_model_checkpoint") or "")).name
    if not complete:
        return None, None
    known = {path.name: path for path in complete.values()}
    return complete[max(complete)], known.get(best)


@dataclass(frozen=True, kw_only=True)
class Resume:
    """A checkpoint that a training can go on from; `lacks` names what of its state is not there."""

    path: Path
    step: int
    max_steps: int
    lacks: str = ""


def resumable(folder: Path) -> Resume | None:
    """The newest complete checkpoint whose weights are whole; one with its optimizer's state before one without.

    ms-swift goes on without that state and says nothing (4.6.0). Megatron's checkpoints are not gone on from.
    """
    found = []
    for number, path in _numbered(folder):
        state = _state(path)
        if state is None or state.get("global_step") != number or not _whole(path):
            continue
        most = state.get("max_steps")
        lacks = ", ".join(name for name, names in _STATE.items() if not any(any(path.glob(one)) for one in names))
        found.append(Resume(path=path, step=number, max_steps=most if isinstance(most, int) else 0, lacks=lacks))
    return max(found, key=lambda one: (not one.lacks, one.step), default=None)


_STATE = {
    "the optimizer's state": ("optimizer.pt", "optimizer.bin", "optimizer_*", "global_step*", "optimizer"),
    "the learning rate's schedule": ("scheduler.pt", "scheduler.bin", "global_step*"),
}
"""What a checkpoint needs to go on exactly, and the files that hold it (Trainer, FSDP, DeepSpeed)."""


def _whole(path: Path) -> bool:
    """Whether a checkpoint's weights are there, and none of them is cut off."""
    try:
        weights = [one for one in path.glob("*.safetensors") if not safetensors.fault(one)]
        return bool(weights or any(path.glob("*.bin"))) and len(weights) == len(list(path.glob("*.safetensors")))
    except OSError:
        return False


def rewind(folder: Path, resume: Resume) -> None:
    """Takes an output folder back to a checkpoint: what was logged or half saved after it goes."""
    kept = [row for row in rows(folder / LOG) if (done := step(row)) and done[0] <= resume.step]
    kept = [row for row in kept if "train_runtime" not in row]  # which a training that was stopped logs too
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)  # NaN as ms-swift writes it
    write_text(folder / LOG, text)
    _drop(folder, resume.step)


def drop_half(folder: Path) -> None:
    """Removes what was half saved after the last complete checkpoint."""
    last, _ = checkpoints(folder)
    _drop(folder, max((number for number, path in _every(folder) if path == last), default=0))


def _drop(folder: Path, step: int) -> None:
    for number, path in _every(folder):
        if number > step:
            shutil.rmtree(path)


def _every(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("checkpoint-*"):
        match = _CHECKPOINT.fullmatch(path.name.removesuffix("-merged"))
        if match and path.is_dir() and not path.is_symlink():
            yield int(match[1]), path


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in folder.glob("checkpoint-*"):
        match = _CHECKPOINT.fullmatch(path.name)
        if match and not path.is_symlink() and not (path / _INCOMPLETE).exists():
            yield int(match[1]), path


def _state(path: Path) -> dict[str, Any] | None:
    try:
        state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return state if isinstance(state, dict) else None


def _pointed(folder: Path) -> int:
    """The step of the checkpoint that ms-swift's own link points at; 0 where there is none."""
    try:
        match = _CHECKPOINT.fullmatch((folder / "last-checkpoint").readlink().name)
    except OSError:
        return 0
    return int(match[1]) if match else 0


def faults(training: Training, *, may_stop_early: bool = False) -> list[str]:
    """Why a training that ended with exit code 0 is no good all the same; empty when it is good."""
    found = []
    if not training.points:
        found.append("it logged no step")
    elif training.steps < training.max_steps and not may_stop_early:
        found.append(f"it stopped at step {training.steps} of {training.max_steps}")
    bad = [p.step for p in training.points if p.loss is not None and not math.isfinite(p.loss)]
    if bad:
        found.append(f"the loss is not a number from step {bad[0]} on")
    norms = [(p.step, p.grad_norm) for p in training.points if p.grad_norm is not None]
    if not bad and norms and not math.isfinite(norms[-1][1]):
        # ms-swift logs a loss that is NaN as 0.0; one NaN amid numbers is a step that mixed precision skipped
        first = next(step for step, norm in norms if not math.isfinite(norm))
        found.append(f"the gradients are not numbers (NaN), first at step {first}")
    if training.last is None:
        found.append("it left no complete checkpoint")
    return found


def dropped_rows(log: str) -> int:
    """How many rows a training's log says were left out, at least."""
    counted = sum(int(before) - int(after) for before, after in _FILTERED.findall(log))
    return max(counted, log.count(_DROPPED))
