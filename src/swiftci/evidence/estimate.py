"""What a run will need, before a GPU is taken: memory by counting, time and cost from past runs of the same shape."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from swiftci.config.arguments import Arguments, texts
from swiftci.config.budget import Budget
from swiftci.config.model import Config
from swiftci.config.train import Train
from swiftci.evidence import memory, shape
from swiftci.store import record as records
from swiftci.store.digest import of_data
from swiftci.store.kept import Kept
from swiftci.store.record import Record
from swiftci.tools.hub.amount import amount

_FREE = (
    *("learning_rate", "seed", "data_seed", "dataset", "val_dataset", "max_steps", "num_train_epochs", "warmup_ratio"),
    *(
        "weight_decay",
        "lr_scheduler_type",
        "system",
        "report_to",
        "run_name",
        "lora_alpha",
        "lora_dropout",
        "callbacks",
    ),
)
"""Arguments that hardly change how long a step takes."""
SHOWN_SECONDS = 60
"""Nobody plans by less."""
NEWEST = 5
"""Past runs of a shape that count: the newest."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """`memory_bytes` is of the fullest GPU, `checkpoint_bytes` of a checkpoint on the disk with its optimizer's state,
    `seconds` of training and evaluation; None where it cannot be told.

    `runs` is how many past runs the time is from, `assumed` what was not known of the memory.
    """

    memory_bytes: int | None = None
    checkpoint_bytes: int | None = None
    seconds: float | None = None
    runs: int = 0
    cost: float | None = None
    currency: str = ""
    assumed: tuple[str, ...] = ()


def estimate(
    config: Config, model: Path | None, past: Iterable[Kept], budget: Budget | None = None, pools: tuple[str, ...] = ()
) -> Estimate:
    """The estimate; `model` is the base model's folder, where it is here, and `past` the records of a store."""
    found = shape.read(model) if model else None
    needed = memory.estimate(config.train, found) if found and config.train.gpus else None
    saved = _checkpoint(config.train, found) if found and not config.train.megatron else None
    seconds, runs = _seconds(config, past)
    cards = config.train.cards
    cost = seconds / 3600 * cards * budget.price(pools)[1] if budget and seconds is not None and cards else None
    return Estimate(
        memory_bytes=int(needed.total) if needed else None,
        checkpoint_bytes=saved,
        seconds=seconds,
        runs=runs,
        cost=cost,
        currency=budget.currency if budget else "",
        assumed=tuple(needed.assumed) if needed else (),
    )


_SHARDING = ("deepspeed", "fsdp", "freeze_vit")


def _checkpoint(train: Train, found: shape.Shape) -> int:
    """What is trained, and its optimizer's state: as one process would hold them."""
    args = Arguments({name: value for name, value in train.args.items() if name not in _SHARDING})
    parts = memory.estimate(replace(train, gpus=1, processes=1, args=args), found).parts
    return int((parts["adapter"] or parts["weights"]) + parts["optimizer"])


def _seconds(config: Config, past: Iterable[Kept]) -> tuple[float | None, int]:
    """How long training and evaluation took in past runs of the same shape, and how many those are."""
    train, evaluate = asdict(config.train), asdict(config.evaluate) if config.evaluate else None
    same = []
    for kept in past:
        try:
            record = records.of(dict(kept.data))
            before = record.resolved["config"]
            if _shape(before["train"]) == _shape(train):
                same.append((record, before))
        except (ValueError, TypeError, LookupError, AttributeError):
            continue  # of another version, or somebody else's
    same = list({one[0].stages["train"].execution: one for one in same if "train" in one[0].stages}.values())
    same.sort(key=lambda one: -one[0].started)
    paces = [one for record, _ in same if (one := _pace(record))][:NEWEST]
    steps = _steps(config, same)
    if not paces or steps is None:
        return None, 0
    seconds = statistics.median(paces) * steps
    for call in ("evaluate", "evaluate-base") if evaluate else ():
        spent = [
            _spent(record, call)
            for record, before in same
            if records.plain(before["evaluate"]) == records.plain(evaluate)
        ]
        known = [one for one in spent if one is not None][:NEWEST]
        seconds += statistics.median(known) if known else 0.0
    return seconds, len(paces)


def _shape(train: Mapping[str, Any]) -> str:
    """What decides how long a step takes."""
    args = {name: value for name, value in train["args"].items() if name not in _FREE}
    return of_data({"args": args} | {key: train[key] for key in ("method", "gpus", "processes", "nodes", "servers")})


def _pace(record: Record) -> float | None:
    """Seconds a step of a training that this run did itself, and whole."""
    one = record.stages.get("train")
    if one is None or one.state != "succeeded" or one.origin or one.outputs.get("resumed"):
        return None
    steps = one.outputs.get("steps")
    return one.seconds / steps if isinstance(steps, int) and steps > 0 else None


def _spent(record: Record, call: str) -> float | None:
    one = record.stages.get(call)
    return one.seconds if one and one.state == "succeeded" and not one.origin else None


def _steps(config: Config, same: list[tuple[Record, Any]]) -> int | None:
    """How many steps the training has: as asked, else as one with the same data and epochs had."""
    asked = next(iter(texts(config.train.args, "max_steps")), "")
    if asked.isdigit() and int(asked):
        return int(asked)
    keys = ("dataset", "val_dataset", "num_train_epochs")
    own = {key: config.train.args.get(key) for key in keys}
    for record, before in same:
        train = record.stages.get("train")
        if {key: before["train"]["args"].get(key) for key in keys} == own and train and train.state == "succeeded":
            steps = train.outputs.get("steps")
            return steps if isinstance(steps, int) else None
    return None


def shown(found: Estimate) -> list[str]:
    """The estimate in lines for people; empty where nothing is known."""
    lines = []
    if found.memory_bytes is not None:
        assumed = f" ({'; '.join(found.assumed)})" if found.assumed else ""
        lines.append(f"memory: {found.memory_bytes / 2**30:.1f} GiB on the fullest GPU{assumed}")
    if found.checkpoint_bytes is not None:
        lines.append(f"disk: {amount(found.checkpoint_bytes)} for each checkpoint")
    if found.seconds is not None and found.seconds >= SHOWN_SECONDS:
        runs = f"{found.runs} past run{'s' * (found.runs != 1)} of this shape"
        lines.append(f"time: {duration(found.seconds)}, from {runs}")
    if found.cost is not None:
        lines.append(f"cost: {found.cost:.2f} {found.currency}")
    return lines


def duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
