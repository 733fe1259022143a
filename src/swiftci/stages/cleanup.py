"""Leaves the machine as it was found: superseded checkpoints gone, the run kept, files given back to their owner."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence import metric, training
from swiftci.evidence.foreseen import effects
from swiftci.spec.error import Busy, ToolError
from swiftci.spec.option import option
from swiftci.stages import earlier
from swiftci.stages.gate import judged
from swiftci.stages.meter import settle
from swiftci.stages.stage import DATASETS, Context, Place, Stage
from swiftci.store.kept import Store
from swiftci.store.local import Folder
from swiftci.store.record import SMALL, TRAINING_SMALL, Record
from swiftci.store.retention import collect
from swiftci.tools.hub.amount import amount
from swiftci.tools.ownership import reclaim

METRICS_MAX = 40
"""Metrics that a line of the history holds, primary ones first."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: it acts on the run directory."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was done."""

    freed_bytes: int = option("Bytes that were freed.")
    kept: Path | None = option("Where the run's record is kept.", default=None)
    state: str = option(
        "`partial` where time did not suffice and another job can go on, else `ended`.", default="ended"
    )


def run(inputs: Inputs, context: Context) -> Outputs:
    trained = context.record.stages.get("train")
    freed = _prune(context.folder / "train", str((trained.outputs if trained else {}).get("checkpoint", "")))
    for part in context.folder.rglob("*.part"):
        part.unlink(missing_ok=True) if part.is_file() else shutil.rmtree(part, ignore_errors=True)
    joined = "join" in context.record.stages  # the leading machine keeps the run
    shutil.rmtree(context.folder / DATASETS, ignore_errors=True)
    earlier.remove(context.folder)
    kept = _keep(context.store, context) if context.store and not joined else None
    if not joined:
        settle(context)
        _collect(context)
    reclaim(context.environ)
    if freed:
        context.progress.line(f"{amount(freed)} of superseded checkpoints removed")
    return Outputs(freed_bytes=freed, kept=kept, state="partial" if _goes_on(context) else "ended")


def _goes_on(context: Context) -> bool:
    """Whether time was all that lacked, and the run has some left for another job."""
    minutes, record = context.loaded.config.limits.run_minutes, context.record
    left = minutes is None or record.spent_seconds < 60 * (minutes - 1)
    return left and any(one.state == "partial" and one.kind == "preempted" for one in record.stages.values())


def _keep(store: Store, context: Context) -> Path | None:
    """Keeps the run's record, and notes it in the history where its verdict can be known."""
    record = context.record
    found = judged(context)
    record.verdict = found.verdict
    run = f"{record.fingerprint[:16]}-{record.run}"
    try:
        kept = store.put(record.name, run, context.folder, (*SMALL, *TRAINING_SMALL))
        store.append(
            {
                "time": round(time.time(), 3),
                "name": record.name,
                "run": run,
                "ref": record.ref,
                "event": record.event,
                "commit": record.commit,
                "fingerprint": record.fingerprint,
                "digests": {call: one.digest for call, one in record.stages.items() if record.succeeded(call)},
                "verdict": record.verdict,
                "url": record.url,
                "metrics": _headline(context.folder, record),
                "tells": effects(found),
            }
        )
    except (ToolError, OSError) as error:
        context.progress.line(f"the run could not be kept in {store.where}: {error}")
        return None
    return kept


def _headline(folder: Path, record: Record) -> dict[str, Any]:
    """Value, standard error and items of whole data sets' metrics: what a trend is drawn from."""
    try:
        found = metric.whole(metric.read(folder, "candidate")) if record.succeeded("evaluate") else {}
    except ValueError:
        return {}
    chosen = sorted(found.items(), key=lambda one: not one[1].primary)[:METRICS_MAX]
    return {key: {"value": one.value, "stderr": one.stderr, "items": one.items} for key, one in chosen}


def _collect(context: Context) -> None:
    """Lets go what the store's policy says; trouble with that is no trouble of this run's."""
    place = context.project.store
    if place is None or not isinstance(context.store, Folder):
        return
    try:
        for one in collect(context.store, place, dry=False, now=time.time()):
            context.progress.line(f"store: {one.what} {one.state}: {one.why}")
    except Busy:
        return  # another run does just that
    except (ToolError, OSError) as error:
        context.progress.line(f"the store could not be tidied up: {error}")


def _prune(output: Path, made: str) -> int:
    """Removes checkpoints that are neither the one `made` nor the last or best complete; links are never followed."""
    resume = training.resumable(output)  # of a training that did not end
    found = (*training.checkpoints(output), Path(made), resume.path if resume else None)
    keep = {path.name.removesuffix("-merged") for path in found if path and path.name}
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
