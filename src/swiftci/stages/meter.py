"""What GPU time costs: reserved before, metered while cards are held, stopped where a cap is reached."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from swiftci.spec.error import ToolError
from swiftci.stages.stage import Context
from swiftci.store.ledger import Ask, Ledger, Reservation
from swiftci.store.ledger_files import Folder
from swiftci.tools.program import Stop

METER_SECONDS = 60.0
SAVING_SECONDS = 120.0
"""A training is stopped this long before its budget is used up, so that it can save."""


@dataclass
class Meter:
    """Called often while cards are held; a Stop where the budget is used up, or the run was given to another job."""

    context: Context
    reservation: Reservation | None
    started: float = field(default_factory=time.monotonic)
    last: float = float("-inf")
    left: float = float("inf")
    told: tuple[str, ...] = ()

    def __call__(self) -> Stop | None:
        if self.reservation is None:
            return None
        now = time.monotonic()
        if now - self.last >= METER_SECONDS:
            self.last = now
            try:
                self.reservation.meter(now - self.started)
                self.left = now + self.reservation.seconds_left()
            except (OSError, ToolError) as error:
                self.context.progress.line(f"the budget's ledger cannot be written: {error}")
            self.tell(self.reservation)
        if now < self.left - SAVING_SECONDS:
            return None
        hint = "`swiftci cost` shows what it was spent on; raise the cap under `budget` in swiftci.yaml to go on"
        return Stop(kind="capacity", reason="the budget is used up", hint=hint)

    def tell(self, reservation: Reservation) -> None:
        for warning in reservation.warnings:
            if warning.partition(":")[0] not in self.told:
                self.told = (*self.told, warning.partition(":")[0])
                self.context.progress.line(f"budget: {warning}")

    def end(self, count: int) -> None:
        """Notes what was used."""
        seconds, record = time.monotonic() - self.started, self.context.record
        record.gpu_seconds += seconds * count
        budget = self.context.project.budget
        if budget:
            record.cost = round(record.gpu_seconds / 3600 * budget.price(pools(self.context))[1], 4)
        if self.reservation:
            try:
                self.reservation.meter(seconds)
            except (OSError, ToolError) as error:
                self.context.progress.line(f"the budget's ledger cannot be written: {error}")


def reserve(context: Context, count: int, hours: float | None = None) -> Reservation | None:
    """Reserves what the job has time for; None without a budget, GPUs or a store.

    Raises ToolError(kind="capacity") where the budget does not allow it.
    """
    store, budget, record = context.store, context.project.budget, context.record
    if budget is None or count == 0 or store is None or store.local is None:
        return None
    left = max(0.0, (context.deadline or time.time()) - time.time()) / 3600 if hours is None else hours
    ask = Ask(
        run=record.run,
        name=record.name,
        branch=(record.ref or "local").removeprefix("refs/heads/"),
        person=record.actor or context.environ.get("USER", "local"),
        pools=pools(context),
        gpus=count,
        hours=left,
    )
    return Ledger(Folder(store.local / "ledger"), budget).reserve(ask)


def pools(context: Context) -> tuple[str, ...]:
    """What names the runner that this job is on."""
    return context.project.runner(context.loaded.config.train.nodes).names


@contextmanager
def metered(context: Context, count: int) -> Iterator[Meter]:
    """Meters the cards that are held while inside."""
    meter = Meter(context, reserve(context, count))
    meter()
    try:
        yield meter
    finally:
        if count:
            meter.end(count)


def settle(context: Context) -> None:
    """Frees what the run reserved and did not use; a ledger that cannot be written frees it by itself in a while."""
    if not context.record.gpu_seconds:
        return
    try:
        reservation = reserve(context, context.loaded.config.train.cards, hours=0.0)
        if reservation:
            reservation.settle(0.0)
    except (OSError, ToolError) as error:
        context.progress.line(f"the budget's ledger cannot be written: {error}")
