"""A ledger's entries, and what they come to: spent, and still held for runs that go on."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

By = Literal["name", "person", "branch"]

LEASE = 1800.0
"""Seconds after which a run that said nothing is taken for dead: what it had not used is free again."""

SECONDS_MAX = 366 * 86_400
"""No reservation is longer than a year; a larger figure comes from a wrong clock or a wrong unit."""

_LIMITS = {
    "gpus": 1_000_000,
    "hours": SECONDS_MAX / 3600,
    "price": 1e9,
    "time": 253_402_300_799,
    "seconds": SECONDS_MAX,
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One reservation, as it was granted; never changed. `time` is its machine's clock, `id` its own.

    `run` and `name` together are one run, over all its jobs. `pool` is empty where no pool's price applied.
    """

    id: str
    run: str
    name: str
    branch: str
    person: str
    pool: str
    currency: str
    gpus: int
    hours: float
    price: float
    time: float

    @property
    def per_second(self) -> float:
        return self.gpus * self.price / 3600

    @property
    def amount(self) -> float:
        return self.per_second * self.hours * 3600

    def same_run(self, other: "Entry") -> bool:
        return (self.run, self.name) == (other.run, other.name)


@dataclass(frozen=True, kw_only=True)
class Used:
    """Seconds that a reservation has used by now, told by its one owner; `final` when it is over."""

    seconds: float
    final: bool
    time: float


def dump(one: Entry | Used) -> bytes:
    return (json.dumps({"schema": 1, **asdict(one)}, allow_nan=False) + "\n").encode()


def parse_entry(data: bytes) -> Entry:
    """Raises ValueError where it is not one, or says what cannot be."""
    return Entry(**_fields(data, Entry))


def parse_used(data: bytes) -> Used:
    """Raises ValueError likewise."""
    return Used(**_fields(data, Used))


def _fields(data: bytes, cls: type[Entry] | type[Used]) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    wanted: dict[str, Any] = {name: one.type for name, one in cls.__dataclass_fields__.items()}
    if not isinstance(found, dict) or found.pop("schema", None) != 1 or set(found) != set(wanted):
        raise ValueError("not an entry of this version")
    for key, value in found.items():
        kinds = (int, float) if wanted[key] is float else (wanted[key],)
        if type(value) not in kinds:
            raise ValueError(f"{key} is of a wrong type")
        if key in _LIMITS and not 0 <= value <= _LIMITS[key]:  # NaN compares so too
            raise ValueError(f"{key} cannot be {value}")
    return found


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one reservation comes to: seconds used, and money held beyond them."""

    number: int
    entry: Entry
    seconds: float
    held: float

    @property
    def spent(self) -> float:
        return self.entry.per_second * self.seconds

    @property
    def total(self) -> float:
        return self.spent + self.held


def lines(entries: dict[int, Entry], used: dict[int, Used], now: float) -> list[Line]:
    """Every reservation with what it counts: all that it reserved while its run lives, else what it used.

    A run lives while it is not over, no later job of it has reserved anew, and it was heard of within the lease. A
    time in the future is taken for now: whose clock is wrong cannot be known, and money is safer held than given out.
    """
    newest = {(entry.run, entry.name): number for number, entry in sorted(entries.items())}
    found = []
    for number, entry in sorted(entries.items()):
        one = used.get(number)
        due = (one.time if one else entry.time + entry.hours * 3600) + LEASE
        lives = not (one and one.final) and now <= due and newest[entry.run, entry.name] == number
        seconds = one.seconds if one else 0.0
        held = max(0.0, entry.amount - entry.per_second * seconds) if lives else 0.0
        found.append(Line(number=number, entry=entry, seconds=seconds, held=held))
    return found


@dataclass(kw_only=True)
class Sum:
    """Reservations added up."""

    runs: set[tuple[str, str]] = field(default_factory=set)
    gpu_hours: float = 0.0
    spent: float = 0.0
    held: float = 0.0

    @property
    def total(self) -> float:
        return self.spent + self.held


def total(found: Iterable[Line]) -> Sum:
    one = Sum()
    for line in found:
        one.runs.add((line.entry.run, line.entry.name))
        one.gpu_hours += line.seconds * line.entry.gpus / 3600
        one.spent += line.spent
        one.held += line.held
    return one


def grouped(found: Iterable[Line], by: By) -> dict[str, Sum]:
    """Sums by a field of the entries, the dearest first."""
    groups: dict[str, list[Line]] = {}
    for line in found:
        groups.setdefault(getattr(line.entry, by), []).append(line)
    sums = {key: total(group) for key, group in groups.items()}
    return dict(sorted(sums.items(), key=lambda one: (-one[1].total, one[0])))


def money(amount: float) -> str:
    """An amount as people read it; halves of the smallest coin are no matter here."""
    return f"{amount + 0.0:,.2f}" if math.isfinite(amount) else str(amount)
