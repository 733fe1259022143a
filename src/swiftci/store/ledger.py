"""The ledger: what runs reserved of the budget and what they used of it.

Reservations of a month are numbered without a gap, and a number can be taken only once, by whoever has seen all before
it. So each is granted on what is truly left, and of two that race for the last hour the second sees the first; no clock
has a say in it. Only months, and when a silent run is taken for dead, go by a clock: the store's, which no machine can
have wrong for itself. Should it jump, a run that was taken for dead counts again as soon as it is heard of, and
`seconds_left` shrinks for all who share the cap: more may have been granted, but no more is spent.
"""

import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from swiftci.config.budget import CAPS, Budget
from swiftci.spec.error import ToolError
from swiftci.spec.problem import printable
from swiftci.store.ledger_files import Files
from swiftci.store.ledger_page import Page, entry_file, read, used_file
from swiftci.store.spending import SECONDS_MAX, By, Entry, Line, Sum, Used, dump, grouped, money, total

WARN_SHARE = 0.8
SMALLEST = 60.0
"""Seconds of a run that its cap must still allow: less is not worth a model's loading."""

RUN_MONTHS = 3
"""Months in which a run's earlier jobs may lie: GitHub ends a workflow run after 35 days."""

PATIENCE = 120.0
"""Seconds for which a number is tried for; a folder's listing may be a minute old over NFS (nfs(5), acdirmax)."""

TIME_MAX = 253_402_300_799
"""The last second of the year 9999."""

_EPSILON = 1e-6


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a run wants to reserve. `pools` are its runner's labels and group; `hours` how long it plans to hold GPUs.

    A later ask of the same `run` and `name` takes the place of an earlier one, whose use still counts.
    """

    run: str
    name: str
    branch: str
    person: str
    pools: tuple[str, ...]
    gpus: int
    hours: float

    def __post_init__(self) -> None:
        if self.gpus < 0 or not 0 <= self.hours < math.inf:
            raise ValueError(f"{self.gpus} GPUs for {self.hours} h cannot be reserved")


class Ledger:
    """A project's budget and its entries; `clock` gives seconds since 1970, and is the store's when absent."""

    def __init__(self, files: Files, budget: Budget, clock: Callable[[], float] | None = None) -> None:
        self.files, self.budget, self.clock = files, budget, clock or files.now

    def now(self) -> float:
        return min(max(0.0, self.clock()), TIME_MAX)

    def month(self) -> str:
        """The month that counts now: the clock's, or a later one that the ledger has come to; it never goes back."""
        now = month_of(self.now())
        later = (one for one in self.files.months() if one > now)
        return max((one for one in later if self.page(one).lines), default=now)

    def page(self, month: str) -> Page:
        """Everything in a month."""
        return read(self.files, month, self.budget.currency, self.now())

    def spent(self, month: str, by: By) -> dict[str, Sum]:
        """What a month came to, by model, person or branch, the dearest first."""
        return grouped(self.page(month).lines, by)

    def reserve(self, ask: Ask) -> "Reservation":
        """Reserves what a run plans to use, at most what `budget.run` leaves it.

        Raises ToolError(kind="capacity") where a cap does not allow it, OSError where the ledger cannot be written.
        """
        pool, price = self.budget.price(ask.pools)
        wanted = Entry(
            id=secrets.token_hex(8),
            run=ask.run,
            name=ask.name,
            branch=ask.branch,
            person=ask.person,
            pool=pool,
            currency=self.budget.currency,
            gpus=ask.gpus,
            hours=min(ask.hours, SECONDS_MAX / 3600),
            price=price,
            time=self.now(),
        )
        month = self.month()
        end = time.monotonic() + PATIENCE
        tried = 0
        while True:
            page = self.page(month)
            mine = next((line for line in page.lines if line.entry.id == wanted.id), None)
            if mine:  # a store that answered "exists" to the second try of a write whose first had arrived
                return Reservation(self, month, mine.number, mine.entry, ask.hours)
            entry = self._granted(wanted, page)
            if self.files.create(month, entry_file(page.next), dump(entry)):
                return Reservation(self, month, page.next, entry, ask.hours)
            if tried == page.next:  # taken, and still not to be seen
                if time.monotonic() > end:
                    message = f"the ledger's number {tried} of {month} is taken, and its entry is not to be seen"
                    hint = "is the store's folder shared in a way that hides new files for minutes?"
                    raise ToolError(message=message, kind="disk", hint=hint)
                time.sleep(0.2)
            tried = page.next

    def _granted(self, wanted: Entry, page: Page) -> Entry:
        """The entry as it may be written; raises ToolError where a cap does not allow it."""
        if wanted.amount <= 0:
            return wanted
        if self.budget.run is not None:
            left = self.budget.run - total(self.counted("run", wanted, page)).total
            if left / wanted.per_second < min(SMALLEST, wanted.hours * 3600):
                raise self._refused("run", wanted, page)
            wanted = replace(wanted, hours=min(wanted.hours, left / wanted.per_second / 3600))
        for key, cap in self.caps():
            if total(self.counted(key, wanted, page)).total + wanted.amount > cap + _EPSILON:
                raise self._refused(key, wanted, page)
        return wanted

    def caps(self) -> list[tuple[str, float]]:
        return [(key, cap) for key in CAPS if (cap := getattr(self.budget, key)) is not None]

    def counted(self, key: str, entry: Entry, page: Page) -> list[Line]:
        """What a cap counts beside an entry: of its own run's earlier jobs, what they used."""
        found = [line for line in page.lines if line.entry.id != entry.id]
        if key == "run":
            before = [month for month in self.files.months() if month < page.month][1 - RUN_MONTHS :]
            found += [line for month in before for line in self.page(month).lines]
            found = [line for line in found if line.entry.same_run(entry)]
        elif key != "month":
            found = [line for line in found if getattr(line.entry, key) == getattr(entry, key)]
        return [replace(line, held=0.0) if line.entry.same_run(entry) else line for line in found]

    def warnings(self, entry: Entry, page: Page, seconds: float = 0.0) -> tuple[str, ...]:
        """Caps of which four fifths are gone with this entry; of `budget.run`, which bounds its time, by use alone."""
        found = list(page.faults)
        now = month_of(self.now())
        if now < page.month:
            found.append(f"the clock says {now} and the ledger has come to {page.month}: it counts there")
        for key, cap in self.caps() if entry.amount else ():
            own = entry.per_second * seconds
            sum_ = total(self.counted(key, entry, page)).total + (own if key == "run" else max(own, entry.amount))
            if sum_ >= WARN_SHARE * cap:
                words = "used" if key == "run" else "used or reserved"
                found.append(f"{self._scope(key, entry, page)}: {money(sum_)} of {self._money(cap)} are {words}")
        return tuple(found)

    def _scope(self, key: str, entry: Entry, page: Page) -> str:
        who = {"run": f"run {entry.run}", "month": page.month}.get(key, f"{getattr(entry, key, '')} in {page.month}")
        return f"budget.{key} ({printable(who)})"

    def _money(self, amount: float) -> str:
        return f"{money(amount)} {self.budget.currency}"

    def _refused(self, key: str, entry: Entry, page: Page) -> ToolError:
        found = self.counted(key, entry, page)
        sum_, cap = total(found), getattr(self.budget, key)
        held = sorted((line for line in found if line.held), key=lambda line: -line.held)
        by = "; ".join(f"{one.entry.name} by {one.entry.person or '-'}: {money(one.held)}" for one in held[:5])
        by += f"; {len(held) - 5} more" if len(held) > 5 else ""
        asked = f"{entry.gpus} GPU{'s' * (entry.gpus != 1)} for {entry.hours:.4g} h at {money(entry.price)}"
        message = (
            f"{self._scope(key, entry, page)} does not allow {self._money(entry.amount)} ({asked}): of {money(cap)}, "
            f"{money(sum_.spent)} are spent and {money(sum_.held)} reserved" + (f" ({printable(by)})" if by else "")
        )
        wait = (
            "" if key == "run" else ", wait for the runs that hold some of it" if held else ", wait for the next month"
        )
        hint = f"plan less time or fewer GPUs{wait}, or raise budget.{key} in swiftci.yaml; `swiftci cost` shows it all"
        return ToolError(message=message, kind="capacity", hint=hint)


class Reservation:
    """A run's hold on the budget; only the process that reserved it tells what it used."""

    def __init__(self, ledger: Ledger, month: str, number: int, entry: Entry, asked: float) -> None:
        self.ledger, self.month, self.number, self.entry = ledger, month, number, entry
        self.seconds = 0.0
        self.settled = False
        self.warnings = ledger.warnings(entry, ledger.page(month))
        if entry.hours < asked:
            note = f"budget.run leaves this run {entry.hours:.4g} h of the {asked:.4g} h planned, and is stopped then"
            self.warnings = (note, *self.warnings)

    def meter(self, seconds: float) -> None:
        """Tells how many seconds, by a clock that is never set (`time.monotonic`), GPUs are held by now.

        Fewer than before, none at all or more than a year are not believed. To be called at the start and about every
        minute: a run that is silent for half an hour is taken for dead. Raises OSError; the next call makes up for it.
        """
        self._write(seconds, final=False)

    def settle(self, seconds: float) -> None:
        """Ends the reservation: what it did not use is free again. Raises OSError."""
        self._write(seconds, final=True)

    def _write(self, seconds: float, *, final: bool) -> None:
        if self.settled:
            return
        if self.seconds < seconds <= SECONDS_MAX:
            self.seconds = seconds
        used = Used(seconds=self.seconds, final=final, time=self.ledger.now())
        self.ledger.files.replace(self.month, used_file(self.number), dump(used))
        self.settled = final

    def seconds_left(self) -> float:
        """Seconds from the last `meter` on until the tightest cap is used up; infinite where none is near.

        Others' reservations count in full, so what they hold is never taken from them. Zero where a later job of the
        same run reserved anew. Brings `warnings` up to date. Raises OSError.
        """
        page = self.ledger.page(self.month)
        self.warnings = self.ledger.warnings(self.entry, page, self.seconds)
        if any(line.number > self.number and line.entry.same_run(self.entry) for line in page.lines):
            return 0.0
        if self.entry.per_second == 0:
            return math.inf
        caps = self.ledger.caps()
        left = (cap - total(self.ledger.counted(key, self.entry, page)).total for key, cap in caps)
        return max(0.0, min((one / self.entry.per_second - self.seconds for one in left), default=math.inf))


def month_of(seconds: float) -> str:
    """The calendar month, UTC, of a time since 1970."""
    return time.strftime("%Y-%m", time.gmtime(seconds))
