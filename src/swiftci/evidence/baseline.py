"""What a result is compared with: an earlier run's record and items, laid into the run directory."""

import json
import shutil
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from swiftci.evidence import metric, training
from swiftci.store import record as records
from swiftci.store.files import write_json
from swiftci.store.plain import fits

BASELINE, ANCHOR = "baseline", "anchor"
FILE = "found.json"


@dataclass(frozen=True, kw_only=True)
class Found:
    """An earlier run to compare with; `source` is given, store, artifact or committed, `why` a few words for people.

    `differs` names what decides a measurement and was otherwise then, in the config's keys; `weights` is the digest of
    its training's result in the store, where that is known.
    """

    source: str
    run: str
    name: str
    why: str
    commit: str | None = None
    ref: str | None = None
    url: str | None = None
    started: float = 0.0
    differs: tuple[str, ...] = ()
    weights: str = ""


def write(folder: Path, subject: str, found: Found) -> None:
    write_json(folder / subject / FILE, asdict(found))


def read(folder: Path, subject: str = BASELINE) -> Found | None:
    """What was found; None where there is none. Raises ValueError where the file is damaged."""
    try:
        data = json.loads((folder / subject / FILE).read_text(encoding="utf-8"))
        found = Found(**{**data, "differs": tuple(data.get("differs", ()))})
    except FileNotFoundError:
        return None
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{subject}/{FILE} is damaged: {error}") from None
    if not all(isinstance(one, str) for one in found.differs) or not _typed(found, "differs"):
        raise ValueError(f"{subject}/{FILE} is damaged: a value is of a wrong type")
    return found


_KINDS = {kind: typing.get_type_hints(kind) for kind in (Found, metric.Metric, metric.Item)}


def _typed(one: Found | metric.Metric | metric.Item, *but: str) -> bool:
    return all(fits(getattr(one, name), kind) for name, kind in _KINDS[type(one)].items() if name not in but)


_INDIFFERENT = (
    "evaluate.datasets",
    "evaluate.args.limit",
    "evaluate.args.seed",
    "evaluate.base",
    "evaluate.show",
    "evaluate.clusters",
)
"""What of an evaluation may differ: the items that both have tell whether they can be compared."""


def differs(now: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[str, ...]:
    """What decides a measurement and is not the same in two records' `parts`, in the config's keys.

    The data itself is not asked: items are matched by prompt and expected answer.
    """
    keys = dict.fromkeys([*now, *then])
    return tuple(key for key in keys if _decides(key) and (now.get(key) or None) != (then.get(key) or None))


def _decides(key: str) -> bool:
    if key.startswith("evaluate."):
        return not f"{key}.".startswith(tuple(f"{one}." for one in _INDIFFERENT))
    return key == "image" or key.removeprefix("version of ") in _TOOLS


_TOOLS = ("evalscope", "torch", "transformers", "peft")


def lay(folder: Path, subject: str, source: Path, found: Found) -> None:
    """Puts a run's small files into a run directory as what is compared with. Raises ValueError: it is no result."""
    metrics = metric.read(source, "candidate")
    items = metric.read_items(source, "candidate")
    if not metrics:
        raise ValueError(f"{source} holds no {metric.FILE} of a trained model")
    if not (all(map(_typed, metrics)) and all(map(_typed, items))):
        raise ValueError(f"{metric.FILE} or the items are damaged: a value is of a wrong type")
    remove(folder, subject)
    for name in (records.FILE, f"train/{training.LOG}"):
        if (source / name).is_file():
            (folder / subject / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / subject / name)
    metric.write(folder, subject, [replace(one, subject=subject) for one in metrics], items)
    write(folder, subject, found)


def remove(folder: Path, subject: str) -> None:
    """Takes what was compared with out of a run directory."""
    shutil.rmtree(folder / subject, ignore_errors=True)
    items = folder / "items" / f"{subject}.jsonl"
    if items.exists():
        metric.write(folder, subject, [], [])
        items.unlink()
