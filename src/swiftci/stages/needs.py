"""What a run is estimated to need on this machine, and what to change where memory did not suffice."""

import shutil
from dataclasses import asdict
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.evidence import advice, shape
from swiftci.evidence import estimate as estimates
from swiftci.spec.error import ToolError
from swiftci.stages.meter import pools
from swiftci.stages.stage import Context
from swiftci.tools import gpu
from swiftci.tools.hub.fetched import fetched
from swiftci.tools.hub.reference import argument
from swiftci.tools.known_failures import TRAIN_MEMORY
from swiftci.tools.local_path import local

ADVICE_MAX = 4


def base_model(context: Context) -> Path | None:
    """The base model's folder, where it is on this machine by now."""
    base = texts(context.loaded.config.train.args, "model")[0]
    folder = fetched(context.folder).get(base)
    path = Path(argument(base, folder).replace(":", "/", 1)) if folder else local(base, context.root, data=False)
    return path.resolve() if path else None


def estimate(context: Context) -> None:
    """Writes the estimate into the record, and warns where the cards have less memory than it says."""
    if context.record.succeeded("train"):
        return  # it would be told from this very run
    past = context.store.records() if context.store else ()
    config, budget = context.loaded.config, context.project.budget
    try:
        found = estimates.estimate(config, base_model(context), past, budget, pools(context))
    except (ToolError, OSError) as error:
        context.progress.line(f"nothing can be estimated: {error}")
        return
    context.record.estimate = asdict(found)
    for line in estimates.shown(found):
        context.progress.line(f"estimated {line}")
    free = shutil.disk_usage(context.folder).free
    if found.checkpoint_bytes and free < 2 * found.checkpoint_bytes:
        context.progress.line(f"warning: only {free / 1e9:.1f} GB of the disk are free, too few for two checkpoints")
    cards = gpu.cards(context.environ) if found.memory_bytes is not None else None
    smallest = min((one.total for one in cards or () if not one.lost), default=None)
    if found.memory_bytes is not None and smallest and found.memory_bytes > smallest * 2**20:
        room = f"{smallest / 1024:.0f} GiB"
        context.progress.line(f"warning: a card has {room}; {_changes(context) or 'the training may not fit'}")


def advised(error: ToolError, context: Context) -> ToolError:
    """Puts estimates into the advice of a failure for lack of a GPU's memory; the machine's is another matter."""
    if TRAIN_MEMORY in error.hint and (changes := _changes(context)):
        error.hint = error.hint.replace(TRAIN_MEMORY, changes)
    return error


def _changes(context: Context) -> str:
    model, train = base_model(context), context.loaded.config.train
    found = shape.read(model) if model and train.gpus else None
    if found is None:
        return ""
    given = advice.advise(train, found)[:ADVICE_MAX]
    steps = []
    for one in given:
        changes = ", ".join(f"{key}: {value}" for key, value in one.changes.items())
        steps.append(f"{changes} ({one.total / 2**30:.1f} GiB; {one.cost})")
    return "change under train.args, one after the other until it fits: " + "; then ".join(steps) if steps else ""
