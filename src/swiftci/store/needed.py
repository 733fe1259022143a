"""Which results somebody needs: a ref's newest run, or a run that works now."""

import fcntl
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.spec.error import ToolError
from swiftci.store import debris
from swiftci.store import record as records
from swiftci.store.kept import Kept, Store
from swiftci.store.local import HISTORY, Folder

RUN_LOCK = ".lock"
"""In a run directory; the process that works in it holds it."""
_REFS = ("refs/heads/", "refs/tags/")


def by_refs(store: Store) -> set[str]:
    """Digests of what the newest run of each config and branch, tag or this machine left, and the newest that passed.

    Records and the history both tell it, so that a damaged one costs nothing. Raises ToolError where the history
    cannot be read.
    """
    newest: dict[tuple[str, ...], str] = {}
    for line in _history(store):
        _note(newest, "history", line, line.get("digests"))
    for one in sorted(store.records(), key=lambda one: number(one.data.get("started")) or 0.0):
        _note(newest, "records", one.data, _succeeded(one))
    return set(newest.values())


def _history(store: Store) -> list[dict[str, Any]]:
    if store.local is not None:
        path = store.local / HISTORY
        try:
            if path.exists():
                path.open("rb").close()
        except OSError as error:
            hint = "without it nobody knows which weights a branch needs; nothing was removed"
            raise ToolError(message=f"{path} cannot be read: {error.strerror}", kind="disk", hint=hint) from None
    return list(store.history())


def _note(newest: dict[tuple[str, ...], str], source: str, run: Mapping[str, Any], digests: object) -> None:
    ref = run.get("ref")
    lasting = ref is None or (isinstance(ref, str) and ref.startswith(_REFS))
    if not lasting or not isinstance(digests, dict):
        return
    for call, digest in digests.items():
        key = (source, str(run.get("name")), str(ref), str(call))
        newest[(*key, "any")] = str(digest)
        if run.get("verdict") == "pass":
            newest[(*key, "pass")] = str(digest)


def by_running(store: Folder) -> set[str]:
    """Digests in the journals of runs that a process works in."""
    found: set[str] = set()
    for folder in debris.folders(store.root / "runs"):
        if is_held(folder / RUN_LOCK):
            found |= _journal(folder)
    return found


def _journal(folder: Path) -> set[str]:
    try:
        record = records.read(folder)
    except (OSError, ValueError):
        return set()
    return {str(one.digest) for one in record.stages.values()} if record else set()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A store at one moment: its history's size, and when each run's journal was written."""

    history: int
    journals: Mapping[Path, int]

    @classmethod
    def of(cls, store: Folder) -> "Seen":
        journals = {folder: _stat(folder / records.FILE) for folder in debris.folders(store.root / "runs")}
        return cls(
            history=_stat(store.root / HISTORY, "st_size"),
            journals={folder: found for folder, found in journals.items() if found},
        )

    def since(self, store: Folder) -> set[str]:
        """Digests that somebody needs by what was written after that moment.

        A run that takes a result journals it before it lets go of that result's lock.
        """
        now = Seen.of(store)
        found = by_refs(store) if now.history != self.history else set()
        changed = [folder for folder, when in now.journals.items() if self.journals.get(folder) != when]
        return found.union(*(_journal(folder) for folder in changed))


def _stat(path: Path, of: str = "st_mtime_ns") -> int:
    try:
        return int(getattr(path.stat(), of))
    except OSError:
        return 0


def is_held(lock: Path) -> bool:
    """Whether a process holds that lock, as far as this one can tell; a file that is not there is not held."""
    try:
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def by_records(store: Store) -> set[str]:
    """Digests of all results that a record names."""
    return {digest for one in store.records() for digest in _succeeded(one).values()}


def trainings(store: Store, count: int | None = None) -> set[str]:
    """Digests of the trainings that records name, or of the newest `count` of each config."""
    found: dict[str, list[str]] = {}
    for one in sorted(store.records(), key=lambda one: number(one.data.get("started")) or 0.0, reverse=True):
        digest, digests = _succeeded(one).get("train"), found.setdefault(one.name, [])
        if digest is not None and digest not in digests:
            digests.append(digest)
    return {digest for digests in found.values() for digest in digests[:count]}


def _succeeded(one: Kept) -> dict[str, str]:
    stages = one.data.get("stages")
    entries = stages.items() if isinstance(stages, dict) else ()
    return {
        str(call): str(entry.get("digest"))
        for call, entry in entries
        if isinstance(entry, dict) and entry.get("state") == "succeeded"
    }


def number(value: object) -> float | None:
    """A finite number from a JSON file; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
