"""Takes things out of a folder's store, alone and in one step each, or brings them back."""

import fcntl
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from swiftci.store import debris, needed
from swiftci.store.local import Folder
from swiftci.store.needed import Seen


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What went, by its path in the store; `bytes` is what that frees: a file with a link elsewhere frees nothing.

    `state` is restored where a kill had taken it away and it is back now, failed where the system refused.
    """

    what: str
    why: str
    bytes: int = 0
    state: Literal["removed", "restored", "failed"] = "removed"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to remove, or to bring back to `target`; nobody may work on `digest`, or hold `lock`, meanwhile."""

    path: Path
    why: str
    digest: str = ""
    lock: Path | None = None
    target: Path | None = None


Links = Counter[tuple[int, int]]
"""How many links a file has, by device and inode."""


def done(store: Folder, job: Job, seen: Seen | None, gone: Links) -> Removed | None:
    """Does one job; None where somebody is at work there. What a kill leaves, the next call removes.

    `seen` is the store as it was when the job was decided on; without it, this only says what would be done, and
    `gone` counts the links that the jobs before would have removed.
    """
    what = (job.target or job.path).relative_to(store.root).as_posix()
    dry = seen is None
    with _alone(store, job, dry=dry) as alone:
        if not alone or _needed(store, job, seen):
            return None
        try:
            if job.target:
                if not dry:
                    job.path.rename(job.target)
                return Removed(what=what, why=job.why, state="restored")
            size = _freed(job.path, gone if dry else Counter())
            if not dry:
                _remove(store, job)
        except OSError as error:
            return Removed(what=what, why=f"{error.filename}: {error.strerror}", state="failed")
    return Removed(what=what, why=job.why, bytes=size)


def _needed(store: Folder, job: Job, seen: Seen | None) -> bool:
    """Whether somebody came to need it since the job was decided on."""
    if job.target:
        return os.path.lexists(job.target)  # it is back already
    return seen is not None and job.digest != "" and job.digest in seen.since(store)


def _remove(store: Folder, job: Job) -> None:
    """In one step out of everybody's sight, then bit by bit."""
    part = job.path
    if not part.name.endswith(".gc.part"):
        part = part.with_name(f".{part.name}.{secrets.token_hex(4)}.gc.part")
        job.path.rename(part)
    shutil.rmtree(part)
    if job.digest and not store.result(job.digest).exists():
        (store.root / "locks" / f"{job.digest}.lock").unlink(missing_ok=True)  # whoever waits for it makes another


@contextmanager
def _alone(store: Folder, job: Job, *, dry: bool) -> Iterator[bool]:
    """Holds what the job must hold; False where another process does."""
    lock = store.root / "locks" / f"{job.digest}.lock" if job.digest else job.lock
    if lock is None or dry:
        yield lock is None or not needed.is_held(lock)
    elif job.digest:
        with store.locked(job.digest, None) as held:
            yield held
    else:
        with _held(lock) as held:
            yield held


@contextmanager
def _held(lock: Path) -> Iterator[bool]:
    """Holds a run directory's lock; one that is not there, nobody holds."""
    try:
        file = lock.open("r+b")
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _freed(path: Path, gone: Links) -> int:
    """Bytes of the files that have no link outside of `path` and of what is in `gone`, which then has these too."""
    here: Links = Counter()
    sizes: dict[tuple[int, int], tuple[int, int]] = {}
    for file in debris.files(path):
        found = os.lstat(file)
        key = (found.st_dev, found.st_ino)
        here[key] += 1
        sizes[key] = (found.st_nlink, found.st_size)
    size = sum(size for key, (links, size) in sizes.items() if here[key] + gone[key] >= links)
    gone.update(here)
    return size
