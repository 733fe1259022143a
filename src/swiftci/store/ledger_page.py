"""A month of the ledger, read: its reservations, and what is wrong with its files."""

import re
from dataclasses import dataclass

from swiftci.spec.problem import printable
from swiftci.store.ledger_files import Files
from swiftci.store.spending import Entry, Line, Used, lines, parse_entry, parse_used

GAP_MAX = 1000
"""A number further from those before it is no number of ours, and is not counted up to."""

_NUMBER = re.compile("[0-9]{6}")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A month's reservations, the next free number, and what is wrong with the files, a sentence each."""

    month: str
    lines: list[Line]
    next: int
    faults: tuple[str, ...]


def entry_file(number: int) -> str:
    return f"{_name(number)}/reserved.json"


def used_file(number: int) -> str:
    return f"{_name(number)}/used.json"


def read(files: Files, month: str, currency: str, now: float) -> Page:
    """Everything in a month; what is damaged, foreign or in another currency is told and does not count."""
    names = set(files.names(month))
    found = sorted(int(name) for name in names if _NUMBER.fullmatch(name))
    own = [number for place, number in enumerate(found) if 0 < number <= place + GAP_MAX]
    numbers = range(1, (own[-1] if own else 0) + 1)  # also those that a listing missed while they were made
    faults = [f"{month}/{printable(name)} is none of its files" for name in sorted(names - set(map(_name, own)))]
    data = files.read(month, [name(number) for number in numbers for name in (entry_file, used_file)])
    entries: dict[int, Entry] = {}
    used: dict[int, Used] = {}
    for number in numbers:
        entry = _entry(data.get(entry_file(number)), currency)
        if isinstance(entry, str):
            faults.append(f"{month}/{entry_file(number)} {entry}, and does not count")
            continue
        entries[number] = entry
        if (text := data.get(used_file(number))) is not None:
            try:
                used[number] = parse_used(text)
            except ValueError as error:
                faults.append(f"{month}/{used_file(number)} is damaged ({error}): all that was reserved counts as used")
                used[number] = Used(seconds=entry.hours * 3600, final=True, time=entry.time)
    told = tuple(f"ledger: {fault}" for fault in faults)
    return Page(month=month, lines=lines(entries, used, now), next=numbers.stop, faults=told)


def _entry(data: bytes | None, currency: str) -> Entry | str:
    """An entry that counts, or why it does not."""
    if data is None:
        return "is missing"
    try:
        entry = parse_entry(data)
    except ValueError as error:
        return f"is damaged ({error})"
    return entry if entry.currency == currency else f"is in {printable(entry.currency)}"


def _name(number: int) -> str:
    return f"{number:06d}"
