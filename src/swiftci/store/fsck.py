"""What is wrong with a store in a folder, and what to do about it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from swiftci.spec.problem import printable
from swiftci.store import debris
from swiftci.store import record as records
from swiftci.store.digest import digest_of
from swiftci.store.kept import RESULT
from swiftci.store.local import HISTORY, Folder, is_digest

AGAIN = "remove it, and the next run makes it again"
REPORTED_MAX = 20
"""Of one result's files; a disk that lost a folder lost all that is in it."""


def fsck(store: Folder, *, deep: bool) -> list[str]:
    """One sentence for each fault, with what to do; `deep` reads every byte.

    Nothing is changed, and no lock is asked for: what a run replaces at this moment is looked at twice.
    """
    lines = _lines(store)  # before the records that they name
    return [printable(one) for one in (*_results(store, deep=deep), *_records(store), *_history(store, lines))]


def leftovers(store: Folder, now: float) -> list[str]:
    """What killed processes left behind an hour ago or more: no fault, since nobody reads it."""
    found = [one for one in debris.find(store.root, now) if one.seconds > debris.OLD_SECONDS or one.cleaned]
    return [printable(_leftover(store, one)) for one in found]


def _leftover(store: Folder, one: debris.Debris) -> str:
    path = one.path.relative_to(store.root)
    if one.lost:
        return f"{path}: a kill took {one.target.name} away; `swiftci store gc` brings it back"
    return f"{path}: a killed process left it; `swiftci store gc` removes it"


def _foreign(store: Folder, place: Path) -> Iterator[str]:
    """What no swiftci puts into a folder of folders."""
    names = {path.name for path in (*debris.folders(place), *debris.folders(place, hidden=True))}
    if place.is_symlink():
        yield f"{place.relative_to(store.root)} is a link, which gc does not follow: mount the store's place instead"
    elif place.is_dir():
        for path in sorted(place.iterdir()):
            if path.name not in names:
                yield f"{path.relative_to(store.root)} is not swiftci's: move it away"


def _results(store: Folder, *, deep: bool) -> Iterator[str]:
    place = store.root / "results"
    yield from _foreign(store, place)
    for path in debris.folders(place):
        if not is_digest(path.name):
            yield f"results/{path.name} is not swiftci's: move it away"
            continue
        faults = list(_result(path, deep=deep))
        if faults:
            faults = list(_result(path, deep=deep)) if path.exists() else []
        yield from (f"results/{path.name}: {fault}; {AGAIN}" for fault in faults[:REPORTED_MAX])


def _result(path: Path, *, deep: bool) -> Iterator[str]:
    try:
        found = json.loads((path / RESULT).read_text(encoding="utf-8"))
        entry, files = found["entry"], {str(name): (size, digest) for name, (size, digest) in found["files"].items()}
        damage = "" if isinstance(entry, dict) else "entry is no object"
    except OSError as error:
        damage = str(error.strerror)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        damage = f"{type(error).__name__}"
    if damage:
        yield f"its {RESULT} cannot be read ({damage})"
        return
    if entry.get("digest", path.name) != path.name:
        yield f"its {RESULT} is of another result, {str(entry['digest'])[:64]}"
    for name, (size, digest) in files.items():
        yield from _file(path / "files", name, size, digest, deep=deep)


def _file(folder: Path, name: str, size: object, digest: object, *, deep: bool) -> Iterator[str]:
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\0" in name:
        yield f"it names {_short(name)}, which is outside of it"
        return
    try:
        found = (folder / name).lstat().st_size
        other = deep and found == size and digest_of(folder / name) != digest
    except OSError as error:
        yield f"{_short(name)} cannot be read ({error.strerror})"
        return
    if found != size:
        yield f"{_short(name)} has {found} bytes, not {str(size)[:20]}"
    elif other:
        yield f"{_short(name)} has another content than it was kept with"


def _records(store: Folder) -> Iterator[str]:
    yield from _foreign(store, store.root / "records")
    for place in debris.folders(store.root / "records"):
        yield from _foreign(store, place)
        for path in debris.folders(place):
            fault = _record(path)
            if fault and path.exists():
                yield f"records/{place.name}/{path.name}: {fault}; what it said is lost: remove it"


def _record(path: Path) -> str:
    try:
        found = records.read(path)
    except (OSError, ValueError) as error:
        return f"its {records.FILE} cannot be read ({getattr(error, 'strerror', None) or str(error)[:200]})"
    if found is None:
        return f"it has no {records.FILE}"
    named = (
        f"{str(found.fingerprint)[:16]}-{found.run}"  # the records of older versions do not say which run they are of
    )
    if found.name != path.parent.name or not (path.name == named or (not found.run and path.name.startswith(named))):
        told = f"{str(found.name)[:60]}, run {str(found.fingerprint)[:16]}-{str(found.run)[:60]}"
        return f"its {records.FILE} is of another run: {told}"
    return ""


def _lines(store: Folder) -> list[bytes]:
    try:
        return (store.root / HISTORY).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []


def _history(store: Folder, lines: list[bytes]) -> Iterator[str]:
    lost = {one.target for one in debris.find(store.root, time.time()) if one.lost}
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = _line(text)
        if line is None and number == len(lines):
            continue  # it has no end: a kill cut it off, and the next run takes it away
        if line is None:
            yield f"{HISTORY}: line {number} is damaged: remove that line"
        elif not _recorded(store, line, lost):
            told = f"{_short(str(line.get('name')))}, {_short(str(line.get('run')))}"
            yield f"{HISTORY}: line {number} names a run whose record is gone ({told}): remove that line"


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _recorded(store: Folder, line: dict[str, Any], lost: set[Path]) -> bool:
    """Whether its record is there, or on its way back."""
    name, run = str(line.get("name")), str(line.get("run"))
    if any(part in ("", ".", "..") or "/" in part or "\0" in part for part in (name, run)):
        return False
    target = store.root / "records" / name / run
    try:
        return target.is_dir() or target in lost
    except OSError:
        return False  # no name of a file


def _short(name: str) -> str:
    return name if len(name) <= 120 else f"{name[:119]}…"
