"""The config: what one model's file says."""

import re
from dataclasses import dataclass
from typing import ClassVar

from swiftci.config.cron import is_cron
from swiftci.config.evaluate import Evaluate
from swiftci.config.gate import Gate, check_metrics
from swiftci.config.read import Section
from swiftci.config.train import Train
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, quoted

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,49}")
JOB_MINUTES_MAX = 5 * 24 * 60
"""A self-hosted job may take five days (docs.github.com, Actions limits)."""


@dataclass(frozen=True, kw_only=True)
class On(Section):
    """The events that start a run; one can always be started by hand."""

    pull_request: bool = option("Run on pull requests that change the config or its data.", default=False)
    push: tuple[str, ...] = option("Branches whose pushes start a run.", default=())
    schedule: tuple[str, ...] = option("Cron times (UTC) that start a run.", default=())

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        schedule = node.entries.get("schedule")
        for item in schedule.walk() if schedule else ():
            if item.kind == "scalar" and item.text and not is_cron(item.text):
                message = f"{quoted(item.text)} is not a cron time"
                hint = 'five fields, as in "0 2 * * 1": minute, hour, day, month, weekday'
                problems.append(Problem(code="bad-cron", message=message, position=item.position, hint=hint))


@dataclass(frozen=True, kw_only=True)
class Limits(Section):
    """How long things may take, and when a training is stopped for its own good; what can be saved is."""

    job_minutes: int = option(
        "Minutes a GPU job may take; 10 minutes before, training saves and stops, to be gone on with.", default=720
    )
    run_minutes: int | None = option("Minutes of GPU jobs that a whole run may take, over all its jobs.", default=None)
    gpu_wait_minutes: int | None = option(
        "Minutes to wait for free GPUs: 0 refuses at once; until the job's end when absent.", default=None
    )
    stall_minutes: int = option(
        "Minutes without a new step or any output after which a training is stopped, its stacks dumped; 0 for never.",
        default=30,
    )
    idle_minutes: int = option("Minutes in which all its GPUs compute nothing, likewise; 0 for never.", default=30)
    diverged: str = option(
        "What to do when gradients or loss are no numbers, or the loss explodes, for several logged steps.",
        default="stop",
        choices=("stop", "warn", "off"),
    )
    free_disk_gb: float = option(
        "Free disk below which a training is stopped, once it has saved if there is room; 0 for never.", default=1.0
    )
    retries: int = option("How often a stage is tried again after what a retry can mend: network, hardware.", default=2)

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        for key, (low, high) in _BOUNDS.items():
            item = node.entries.get(key)
            if item and type(item.value) in (int, float) and not low <= item.value <= high:
                days = " (five days)" if high == JOB_MINUTES_MAX else ""
                message = f"limits.{key} should be {low} to {high:,}{days}, found {item.describe}"
                problems.append(Problem(code="wrong-value", message=message, position=item.position))


_BOUNDS = {
    "job_minutes": (1, JOB_MINUTES_MAX),
    "run_minutes": (1, 40 * JOB_MINUTES_MAX),
    "gpu_wait_minutes": (0, JOB_MINUTES_MAX),
    "stall_minutes": (0, JOB_MINUTES_MAX),
    "idle_minutes": (0, JOB_MINUTES_MAX),
    "free_disk_gb": (0, 100_000),
    "retries": (0, 20),
}


@dataclass(frozen=True, kw_only=True)
class Config(Section):
    """Everything about one model."""

    name: str = option("Name of the model's runs: letters, digits, - and _.")
    on: On = option("When to run.", default=On())
    train: Train = option("What to train.")
    evaluate: Evaluate | None = option("What to measure.", default=None)
    gate: Gate = option("Conditions on the result.", default=Gate())
    limits: Limits = option("How long it may take.", default=Limits())

    SHORTHAND: ClassVar[str | None] = None

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        name = node.entries.get("name")
        if name and name.kind == "scalar" and name.text and name.value is not None and not NAME.fullmatch(name.text):
            message = f"name {quoted(name.text)} cannot be a file name and a job id"
            hint = "start with a letter; then letters, digits, - and _, 50 at most"
            problems.append(Problem(code="bad-name", message=message, position=name.position, hint=hint))
        datasets = node.at("evaluate.datasets")
        known = [item.text for item in datasets.walk() if item.kind == "scalar"] if datasets else []
        check_metrics(node, known, problems)
