"""run.json: what a run is, and how far each of its stages came."""

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swiftci.store.files import write_json
from swiftci.store.plain import fits, parse, refuse

FILE = "run.json"

SMALL = (
    "run.json",
    "downloads.json",
    "tracker.json",
    "metrics.json",
    "verdict.json",
    "eval_results.json",
    "report.md",
    "report.html",
    "items",
    "baseline",
    "anchor",
    "trend.json",
    "logs",
)
"""What of a run directory travels and is kept: no weights, nothing large."""

TRAINING_SMALL = ("train/logging.jsonl", "train/args.json")


@dataclass(kw_only=True)
class StageRecord:
    """One stage call's entry in the journal.

    `state` is running, succeeded, failed, interrupted or partial (stopped ahead of a limit, to be gone on with).
    `execution` names this very execution, and `needs` those it was made from, so that a result can be told from one of
    an older training. Times are seconds since 1970; outputs are relative to the run directory. `origin` is the run
    whose result it is, where it was taken from the store; `tries` counts what was tried again; `kind` is a failure's;
    `kept` is when the store got it, 0 where it has not; `forced` the workflow run that made it anew, `-` without one.
    """

    state: str
    digest: str
    execution: str
    started: float
    seconds: float = 0.0
    outputs: dict[str, Any] = field(default_factory=dict)
    needs: dict[str, str] = field(default_factory=dict)
    inventory: dict[str, str] = field(default_factory=dict)
    error: str = ""
    exit: int = 0
    kind: str = ""
    tries: int = 1
    origin: str = ""
    kept: float = 0.0
    forced: str = ""


@dataclass(kw_only=True)
class Record:
    """A run. `resolved` is the config as it was carried out; `ref`, `event` and `actor` are GitHub's words.

    `parts` are what the fingerprint is made of, by the user's keys; `run` names it among those of its config.
    `attempt` names the job that works on it now, `attempt_started` when that began: a job's deadline counts from there.
    `spent_seconds` is how long jobs worked on it before, over all attempts; `cost` is in the project's currency.
    """

    name: str
    fingerprint: str
    resolved: dict[str, Any]
    started: float
    schema: int = 1
    commit: str | None = None
    ref: str | None = None
    event: str | None = None
    actor: str | None = None
    url: str | None = None
    swiftci: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    attempt: str = ""
    attempt_started: float = 0.0
    spent_seconds: float = 0.0
    gpu_seconds: float = 0.0
    cost: float | None = None
    estimate: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""
    stages: dict[str, StageRecord] = field(default_factory=dict)

    def succeeded(self, call: str) -> bool:
        """Whether a call's result is there, and was made from what is there now."""
        one = self.stages.get(call)
        if one is None or one.state != "succeeded":
            return False
        return all(self.succeeded(need) and self.stages[need].execution == made for need, made in one.needs.items())


def read(folder: Path) -> Record | None:
    """A run directory's record, None where there is none; raises ValueError where it is damaged."""
    try:
        data = parse((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return of(data)


def of(data: Any) -> Record:
    """A record from what its file holds; raises ValueError where that is none."""
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise ValueError("not a record of this version")
    refuse(data)
    try:
        stages = {name: stage(one) for name, one in data["stages"].items()}
        found = Record(**{**data, "stages": stages})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(str(error)) from None
    _typed(found)
    return found


def stage(data: Any) -> StageRecord:
    """A journal entry likewise."""
    try:
        found = StageRecord(**data)
    except TypeError as error:
        raise ValueError(str(error)) from None
    _typed(found)
    return found


def _typed(found: Record | StageRecord) -> None:
    for name, kind in typing.get_type_hints(type(found)).items():
        if not fits(getattr(found, name), kind):
            raise ValueError(f"{name} is of a wrong type")


def write(folder: Path, record: Record) -> None:
    write_json(folder / FILE, dataclasses.asdict(record))


def plain(data: Any) -> Any:
    """Data as it comes back from a JSON file: tuples are lists."""
    return json.loads(json.dumps(data, ensure_ascii=False))
