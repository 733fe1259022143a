"""What killed processes left in a folder's store: half-built folders, and those that were to be replaced or removed."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLD_SECONDS = 3600
"""A younger one may belong to a process that still works on it."""
DUE_SECONDS = 86_400
LOST_SECONDS = 60
"""A folder that is being replaced is away for the moment between two renames, never this long."""

_NAME = re.compile(r"\.(?P<target>.+)\.[0-9a-f]{8}(?P<kind>|\.old|\.gc)\.part", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Debris:
    """One of them; `target` is what it was to become or was. `lost`: it is the only copy of that, and whole."""

    path: Path
    target: Path
    seconds: float
    lost: bool
    cleaned: bool

    @property
    def due(self) -> bool:
        """Whether it may be dealt with: what was to be removed at once, all else when nobody can be at work on it."""
        return self.cleaned or self.seconds > (LOST_SECONDS if self.lost else DUE_SECONDS)


def find(root: Path, now: float) -> list[Debris]:
    """All of them, by path; of several that are lost for one target, only the newest is."""
    places = [root / "results", *folders(root / "records"), root / "runs"]
    found = [one for place in places for path in folders(place, hidden=True) if (one := _debris(path, now))]
    found = [one for one in found if one.cleaned or one.path.parent != root / "runs"]  # there nothing else is ours
    newest = {one.target: one for one in sorted(found, key=lambda one: -one.seconds) if one.lost}
    return [one for one in found if not one.lost or newest[one.target] is one]


def _debris(path: Path, now: float) -> Debris | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    target = path.with_name(match["target"])
    return Debris(
        path=path,
        target=target,
        seconds=now - max((_touched(one) for one in (path, *files(path))), default=now),
        lost=match["kind"] == ".old" and not os.path.lexists(target),
        cleaned=match["kind"] == ".gc",
    )


def _touched(path: Path) -> float:
    """When it was last written, linked or renamed; a copy keeps its source's time of writing."""
    try:
        found = path.lstat()
    except OSError:
        return 0.0
    return max(found.st_mtime, found.st_ctime)


def folders(place: Path, *, hidden: bool = False) -> list[Path]:
    """The folders in a folder, by name, which is not followed where it is a link; those with a dot, or the others."""
    if place.is_symlink():
        return []
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        Path(entry.path)
        for entry in entries
        if entry.name.startswith(".") == hidden and entry.is_dir(follow_symlinks=False)
    ]


def files(folder: Path) -> Iterator[Path]:
    """Everything below a folder that is no folder; links are not followed."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)
