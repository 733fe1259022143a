"""What a recorded failure is, and the two tools' command lines."""

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.corpus.record import COMMON, QA, SERVER, flags

STEP = r"'global_step/max_steps': '\d"
"""What ms-swift prints once it trains."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One failure; `{lab}`, `{out}`, `{port}` in `argv` and `env` are filled in.

    `kind` and `retry` are what a person would say of it. `disk` are options of a tmpfs at `{out}`, `serve` what a
    server at `{port}` answers; `stop` is sent once `when` stands in the log, to a torchrun's `worker` if asked.
    """

    name: str
    kind: str
    note: str
    argv: tuple[str, ...]
    retry: str = "no"
    env: Mapping[str, str] = field(default_factory=dict)
    disk: str = ""
    serve: int | str | None = None
    address_space: int = 0
    stop: signal.Signals | None = None
    when: str = STEP
    worker: bool = False
    lines: int = 60


def sft(
    name: str,
    kind: str,
    note: str,
    *more: str,
    launch: tuple[str, ...] = ("-m",),
    module: str = "sft",
    changes: Mapping[str, object] | None = None,
    **rest: object,
) -> Case:
    """A training on the tiny model; a change of None leaves an argument out."""
    values = {key: value for key, value in {**COMMON, **(changes or {})}.items() if value is not None}
    argv = (*launch, f"swift.cli.{module}", *flags(**values), *more)
    return Case(name=f"swift/{name}", kind=kind, note=note, argv=argv, **rest)  # type: ignore[arg-type]


def score(
    name: str,
    kind: str,
    note: str,
    *more: str,
    dataset: str = "general_qa",
    settings: Mapping[str, object] = QA,
    changes: Mapping[str, object] | None = None,
    **rest: object,
) -> Case:
    """An evaluation of an endpoint, or of what `changes` name."""
    generation = {"max_tokens": 6, "temperature": 0.0, "retries": 1, "timeout": 3}
    values = {
        **SERVER,
        "model-id": "candidate",
        "datasets": dataset,
        "dataset-args": json.dumps({dataset: settings}),
        "generation-config": json.dumps(generation),
        "limit": 4,
        "work-dir": "{out}",
        **(changes or {}),
    }
    argv = (
        "-m",
        "evalscope.cli.cli",
        "eval",
        *flags(**{k: v for k, v in values.items() if v is not None}),
        "--no-timestamp",
        *more,
    )
    return Case(name=f"evalscope/{name}", kind=kind, note=note, argv=argv, **rest)  # type: ignore[arg-type]


def data(name: str) -> dict[str, object]:
    return {"dataset": "{lab}/bad/" + name}
