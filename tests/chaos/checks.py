"""What must hold after a kill, and at a run's end; it reads the files itself, with none of swiftci's code."""

import hashlib
import json
import os
import re
import struct
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.lab import MARK, Lab

KEPT = ("evaluate-base", "train", "evaluate")
"""The calls whose results are kept."""
_LOGGED = re.compile(r"\{'loss'.*?'global_step/max_steps': '(\d+)/")


def data(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file of JSON lines; a torn one is none."""
    found = []
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found += [row] if isinstance(row, dict) else []
    return found


def curve(folder: Path) -> list[tuple[Any, ...]]:
    """Each logged step with all that was measured."""
    keys = ("loss", "grad_norm", "learning_rate", "token_acc")
    steps = [row for row in rows(folder / "train/logging.jsonl") if "loss" in row and "global_step/max_steps" in row]
    return [(int(row["global_step/max_steps"].partition("/")[0]), *(row.get(key) for key in keys)) for row in steps]


def last_step(folder: Path) -> int:
    return max((row[0] for row in curve(folder)), default=0)


def saved(folder: Path) -> int:
    """The newest checkpoint that is whole; 0 where there is none."""
    return max((int(path.name[11:]) for path in (folder / "train").glob("checkpoint-*") if _whole(path)), default=0)


def _whole(path: Path) -> bool:
    try:
        state = data(path / "trainer_state.json")
        weights = list(path.glob("*.safetensors"))
        pickled = [path / name for name in ("optimizer.pt", "scheduler.pt")]
        return (
            f"checkpoint-{state['global_step']}" == path.name
            and bool(weights)
            and all(_tensors(one) for one in weights)
            and all(zipfile.is_zipfile(one) for one in pickled)
        )
    except (OSError, ValueError, KeyError, struct.error):
        return False


def _tensors(path: Path) -> bool:
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
    end = max(one["data_offsets"][1] for name, one in header.items() if name != "__metadata__")
    return bool(path.stat().st_size == 8 + length + end)


def answered(folder: Path, subject: str) -> int:
    return sum(len(rows(path)) for path in (folder / "eval" / subject / "predictions").glob("**/*.jsonl"))


def succeeded(folder: Path) -> dict[str, str]:
    """The execution of each kept call that has succeeded. Raises ValueError where run.json is damaged."""
    if not (folder / "run.json").exists():
        return {}
    stages = data(folder / "run.json")["stages"]
    return {call: stages[call]["execution"] for call in KEPT if stages.get(call, {}).get("state") == "succeeded"}


def alive(root: Path) -> list[int]:
    """Every process that was started for a lab, by whomever."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"{MARK}={root}".encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def gone(root: Path, seconds: float = 15.0) -> float | None:
    """How long it took until no process was left; None where one is still there."""
    started = time.monotonic()
    while alive(root):
        if time.monotonic() - started > seconds:
            return None
        time.sleep(0.05)
    return time.monotonic() - started


def store_faults(store: Path) -> list[str]:
    """What is wrong with the store: results that are not what their entry says, records that cannot be read."""
    found = []
    for folder in sorted((store / "results").glob("[!.]*")):
        try:
            files = data(folder / "entry.json")["files"]
        except (OSError, ValueError, KeyError) as error:
            found.append(f"result {folder.name[:12]}: {error!r}")
            continue
        there = {p.relative_to(folder / "files").as_posix(): p for p in (folder / "files").rglob("*") if p.is_file()}
        found += [f"result {folder.name[:12]}: {name} is gone" for name in files.keys() - there.keys()]
        for name, path in there.items():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if files.get(name) != [path.stat().st_size, digest]:
                found.append(f"result {folder.name[:12]}: {name} is not what was kept")
    for path in sorted((store / "records").glob("*/[!.]*/")):
        if not rows_or_data(path / "run.json"):
            found.append(f"record {path.name}: run.json cannot be read")
    return found


def history_faults(store: Path) -> list[str]:
    """A half line stays one of its own: every line but those says which record is there."""
    named = [row.get("run") for row in rows(store / "history.jsonl")]
    missing = [run for run in named if not list((store / "records").glob(f"*/{run}/run.json"))]
    return [f"history.jsonl names {run}, which is no record" for run in missing] or ([] if named else ["no history"])


def rows_or_data(path: Path) -> bool:
    try:
        return isinstance(data(path), dict)
    except (OSError, ValueError):
        return False


def steps_logged(log: Path, before: bytes) -> tuple[list[int], bytes]:
    """The steps that ms-swift printed since the last look, and what the log holds now."""
    now = log.read_bytes() if log.exists() else b""
    new = now[len(before) :] if now.startswith(before) else now
    return [int(step) for step in _LOGGED.findall(new.decode(errors="replace"))], now


@dataclass
class Outcome:
    """What a run left, as far as it must be the same however often it was cut off."""

    curve: list[tuple[Any, ...]] = field(default_factory=list)
    state: Any = None
    weights: str = ""
    metrics: Any = None
    items: dict[str, Any] = field(default_factory=dict)


def outcome(lab: Lab, subject: str = "candidate") -> Outcome:
    """Reads it. Raises OSError, ValueError or KeyError where the run is not whole."""
    checkpoint = lab.folder / data(lab.folder / "run.json")["stages"]["train"]["outputs"]["checkpoint"]
    state = data(checkpoint / "trainer_state.json")
    metrics = [one for one in data(lab.folder / "metrics.json")["metrics"] if one["subject"] == subject]
    return Outcome(
        curve=curve(lab.folder),
        state=[{k: v for k, v in row.items() if "time" not in k and "speed" not in k} for row in state["log_history"]],
        weights=hashlib.sha256((checkpoint / "adapter_model.safetensors").read_bytes()).hexdigest(),
        metrics=metrics,
        items={row["index"]: row for row in rows(lab.folder / "items" / f"{subject}.jsonl")},
    )


def differences(wanted: Outcome, found: Outcome) -> Iterator[str]:
    """What of a run's end is not as an uninterrupted run's."""
    if [row[0] for row in found.curve] != [row[0] for row in wanted.curve]:
        yield f"logged steps are {[row[0] for row in found.curve]}"
    for one, other in zip(wanted.curve, found.curve, strict=False):
        if one != other:
            yield f"step {one[0]}: {other[1:]} instead of {one[1:]}"
    for name in ("state", "weights", "metrics", "items"):
        if getattr(wanted, name) != getattr(found, name):
            yield f"{name} differ"


def crashed(said: str) -> bool:
    """Whether swiftci itself ended with a traceback; a tool's lines are set off."""
    return "\nTraceback" in said or "this is a bug" in said


def leftovers(lab: Lab) -> list[str]:
    return [str(path.relative_to(lab.folder)) for path in lab.folder.rglob("*.part")]
