"""Leaves the machine as it was found: superseded checkpoints gone, the run kept, files given back to their owner."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from swiftci.evidence import training
from swiftci.spec.option import option
from swiftci.stages.stage import DATASETS, Context, Place, Stage
from swiftci.store.local import Store
from swiftci.tools.ownership import reclaim


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: it acts on the run directory."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was done."""

    freed_bytes: int = option("Bytes that were freed.")
    kept: Path | None = option("Where the run's record is kept.", default=None)


def run(inputs: Inputs, context: Context) -> Outputs:
    freed = _prune(context.folder / "train")
    for part in context.folder.rglob("*.part"):
        part.unlink(missing_ok=True) if part.is_file() else shutil.rmtree(part, ignore_errors=True)
    joined = "join" in context.record.stages  # the leading machine keeps the run
    shutil.rmtree(context.folder / DATASETS, ignore_errors=True)
    kept = Store(context.store).put(context.folder) if context.store and not joined else None
    reclaim(context.environ)
    if freed:
        context.progress.line(f"{freed / 1e6:,.0f} MB of superseded checkpoints removed")
    return Outputs(freed_bytes=freed, kept=kept)


def _prune(output: Path) -> int:
    """Removes checkpoints that are neither the last nor the best complete one; links are never followed."""
    keep = {path.name.removesuffix("-merged") for path in training.checkpoints(output) if path}
    if not keep:
        return 0
    freed = 0
    for path in output.glob("checkpoint-*"):
        if path.name.removesuffix("-merged") in keep or path.is_symlink() or not path.is_dir():
            continue
        freed += sum(os.lstat(file).st_size for file in path.rglob("*"))
        shutil.rmtree(path)
    return freed


STAGE = Stage(
    name="cleanup",
    help="Remove superseded checkpoints, keep the record, give files back to their owner.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    always=True,
    reusable=False,
)
