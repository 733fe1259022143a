"""What the tests of retention share: a store to fill, with a clock that stands still."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from swiftci.config.project import Storage
from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import Record, StageRecord
from swiftci.store.retention import DAY, Removed, collect

NOW = 2_000_000_000.0
MAIN, PULL = "refs/heads/main", "refs/pull/7/merge"


def digest(letter: str) -> str:
    return letter * 64


def policy(**said: float) -> Storage:
    return Storage(path="/store", **said)  # type: ignore[arg-type] # the three numbers


class Kit:
    """A store to fill; each result has 1000 bytes of weights of its own."""

    def __init__(self, root: Path) -> None:
        self.store = Folder(root / "store")
        self.work = root / "work"
        self.work.mkdir()

    def result(self, letter: str, days: float, *, name: str = "tiny", stage: str = "train", size: int = 1000) -> None:
        (self.work / "weights").write_bytes(letter.encode() * size)
        entry = {"digest": digest(letter), "stage": stage, "name": name, "kept": NOW - days * DAY}
        self.store.keep(digest(letter), entry, self.work, ["weights"])
        (self.work / "weights").unlink()

    def history(self, ref: str | None, verdict: str = "pass", *, name: str = "tiny", **digests: str) -> None:
        named = {call: digest(letter) for call, letter in digests.items()}
        self.store.append({"name": name, "run": "r", "ref": ref, "verdict": verdict, "digests": named})

    def run(
        self, run: str, days: float, *, ref: str | None = PULL, state: str = "succeeded", kept: bool = True
    ) -> Path:
        """A run directory, last written so many days ago, with its record kept."""
        name = "tiny"
        one = Record(name=name, fingerprint=digest("f"), resolved={}, started=NOW - days * DAY, run=run, ref=ref)
        one.stages["train"] = StageRecord(state=state, digest=digest("9"), execution="x", started=0.0)
        folder = self.store.root / "runs" / f"{name}-{run}"
        (folder / "train").mkdir(parents=True)
        (folder / "train" / "weights").write_bytes(b"w" * 500)
        (folder / ".lock").touch()
        records.write(folder, one)
        if kept:
            self.store.put(name, f"{digest('f')[:16]}-{run}", folder, [records.FILE])
        os.utime(folder / records.FILE, (NOW - days * DAY, NOW - days * DAY))
        return folder

    def left(self) -> str:
        return "".join(sorted(path.name[0] for path in (self.store.root / "results").glob("[!.]*")))

    def collect(self, place: Storage | None = None, *, dry: bool = False, now: float = NOW) -> list[Removed]:
        return collect(self.store, place or policy(), dry, now)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
