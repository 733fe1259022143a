"""What of a folder's store may go: by the project's policy, and what nobody needs; never what is not ours."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.model import NAME
from swiftci.config.project import Storage
from swiftci.spec.error import Busy
from swiftci.store import debris, needed
from swiftci.store import record as records
from swiftci.store.debris import Debris
from swiftci.store.local import Folder, is_digest
from swiftci.store.record import Record
from swiftci.store.removal import Job, Links, Removed, done

DAY = 86_400
FINISHED_DAYS = 7
"""So long a finished run's directory stays; its record and its results are kept apart from it."""
UNFINISHED_DAYS = 30
"""So long a run that was cut off may be gone on with, where the policy says nothing."""

_RUN = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """A stage's result in the store; `kept` in seconds since 1970."""

    digest: str
    path: Path
    weights: bool
    name: str
    kept: float
    bytes: int


def collect(store: Folder, place: Storage, dry: bool, now: float) -> list[Removed]:
    """Removes what policy and age allow, and says what; `dry` says the same and does nothing.

    `now` is in seconds of time.time(). What a ref's newest run or a running job needs stays, whatever the policy.
    Raises Busy where another process cleans up, or the filesystem has no locks, since then nobody knows who works;
    ToolError where the history cannot be read.
    """
    with nullcontext(True) if dry else store.locked("gc", None) as alone:
        if not alone:
            raise Busy(f"another swiftci cleans up {store.root}, or its filesystem has no locks")
        seen = needed.Seen.of(store)
        jobs = _jobs(store, place, now)
        gone: Links = Counter()
        found = [done(store, job, None if dry else seen, gone) for job in jobs]
        return [one for one in found if one]


def _jobs(store: Folder, place: Storage, now: float) -> list[Job]:
    keep = needed.by_refs(store) | needed.by_running(store)
    old = [_of_debris(one) for one in debris.find(store.root, now) if one.due]
    let_go = _superseded(results(store), place, keep, needed.by_records(store), now)
    return [
        *old,
        *(Job(path=one.path, why=why, digest=one.digest) for one, why in let_go),
        *_runs(store, place, now, keep),
    ]


def _of_debris(one: Debris) -> Job:
    digest = one.target.name if is_digest(one.target.name) else ""
    if one.lost:
        why = "a kill came between the two renames that replace it"
        return Job(path=one.path, why=why, digest=digest, target=one.target)
    why = "a removal that was cut off" if one.cleaned else "a killed process left it"
    return Job(path=one.path, why=why, digest="" if one.cleaned else digest)


def results(store: Folder) -> list[Result]:
    """The whole results that a store holds, oldest first; a damaged one is left to fsck."""
    found = [_result(store, path) for path in debris.folders(store.root / "results") if is_digest(path.name)]
    return sorted((one for one in found if one), key=lambda one: (one.kept, one.digest))


def _result(store: Folder, path: Path) -> Result | None:
    kept = store.read(path.name)
    if kept is None:
        return None
    entry = kept["entry"]
    when = needed.number(entry.get("kept"))
    if when is None:  # not ours to guess, and never older than it is
        return None
    return Result(
        digest=path.name,
        path=path,
        weights=entry.get("stage") == "train",
        name=str(entry.get("name")),
        kept=when,
        bytes=sum(size for size, _ in kept["files"].values()),
    )


def _superseded(
    found: list[Result], place: Storage, keep: set[str], recorded: set[str], now: float
) -> list[tuple[Result, str]]:
    """The results that the policy lets go, oldest first, each with the rule that does."""
    newer: Counter[str] = Counter()
    why: dict[str, str] = {}
    for one in reversed(found):
        if one.weights and place.keep_runs is not None and newer[one.name] >= place.keep_runs:
            why[one.digest] = f"store.keep_runs is {place.keep_runs}, and {one.name} has newer ones"
        newer[one.name] += one.weights
        old = place.keep_days is not None and one.kept < now - place.keep_days * DAY
        if old and (one.weights or one.digest not in recorded):
            why.setdefault(one.digest, f"store.keep_days is {place.keep_days}, and it is older")
    left = [one for one in found if one.weights and (one.digest in keep or one.digest not in why)]
    total = sum(one.bytes for one in left)
    for one in left:
        if place.max_gb is not None and total > place.max_gb * 1e9 and one.digest not in keep:
            why[one.digest] = f"store.max_gb is {place.max_gb}, and all weights together take more"
            total -= one.bytes
    return [(one, why[one.digest]) for one in found if one.digest in why and one.digest not in keep]


def _runs(store: Folder, place: Storage, now: float, keep: set[str]) -> Iterator[Job]:
    """Directories that a runner's jobs worked in, and to which nobody will come back."""
    days = place.keep_days or UNFINISHED_DAYS
    for path in debris.folders(store.root / "runs"):
        found = _of_runner(path)
        if found is None:
            continue
        record, age = found[0], now - found[1]
        finished = _finished(store, record)
        if finished and age > FINISHED_DAYS * DAY and not _only_copy(store, record, keep):
            why = f"finished more than {FINISHED_DAYS} days ago, and its record is kept"
            yield Job(path=path, why=why, lock=path / needed.RUN_LOCK)
        elif not finished and age > days * DAY:
            why = f"not finished, and nobody came back to it for {days} days"
            yield Job(path=path, why=why, lock=path / needed.RUN_LOCK)


def _of_runner(path: Path) -> tuple[Record, float] | None:
    """The record in a runner's run directory, `NAME-RUN_ID`, and when it was written; None for whatever else it is."""
    try:
        written = (path / records.FILE).lstat().st_mtime
        record = None if (path / records.FILE).is_symlink() else records.read(path)
    except (OSError, ValueError):
        return None
    if record is None or path.name != f"{record.name}-{record.run}":
        return None
    ours = NAME.fullmatch(str(record.name)) and _RUN.fullmatch(str(record.run)) and is_digest(str(record.fingerprint))
    return (record, written) if ours else None


def _finished(store: Folder, record: Record) -> bool:
    kept = store.root / "records" / str(record.name) / f"{record.fingerprint[:16]}-{record.run}" / records.FILE
    return all(one.state == "succeeded" for one in record.stages.values()) and kept.is_file()


def _only_copy(store: Folder, record: Record, keep: set[str]) -> bool:
    """Whether a checkpoint that a ref needs lies in the run directory alone."""
    train = record.stages.get("train")
    return train is not None and str(train.digest) in keep and store.read(str(train.digest)) is None
