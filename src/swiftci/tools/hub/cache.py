"""The cache that jobs share: where a repository lies, whether it is whole, and who may write it now."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from swiftci.config.project import Project
from swiftci.spec.error import Busy, ToolError
from swiftci.tools.hub.amount import amount
from swiftci.tools.hub.listing import File, Listing
from swiftci.tools.hub.reference import Reference


def root(project: Project, environ: Mapping[str, str]) -> Path:
    """The project's cache, else one in the user's own."""
    if project.cache:
        return Path(project.cache) / "swiftci"
    home = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME') or Path.home()}/.cache"
    return Path(home) / "swiftci"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One state of one repository in the cache.

    Its folder's last component is the repository's name, by which ms-swift knows models and data sets. Beside it are
    the manifest, written when all is there, the unfinished files, and the lock.
    """

    folder: Path

    @classmethod
    def of(cls, cache: Path, reference: Reference, state: str) -> "Place":
        owner, name = reference.id.split("/")
        return cls(folder=cache / reference.hub / f"{reference.kind}s" / owner / state / name)

    @property
    def manifest(self) -> Path:
        return self._beside("json")

    @property
    def parts(self) -> Path:
        return self._beside("parts")

    def _beside(self, ending: str) -> Path:
        return self.folder.with_name(f".{self.folder.name}.{ending}")

    def has(self, file: File) -> bool:
        """Whether a file is there; only whole ones ever get there."""
        try:
            return (self.folder / file.path).stat().st_size == file.size
        except OSError:
            return False

    def whole(self) -> tuple[File, ...] | None:
        """The repository's files, if all are there; None otherwise."""
        try:
            data = json.loads(self.manifest.read_text(encoding="utf-8"))
            files = tuple(File(**one) for one in data["files"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return files if all(map(self.has, files)) else None

    def complete(self, reference: Reference, listing: Listing) -> None:
        """Says that all is there: in one step, and on disk when this returns."""
        data = {**asdict(reference), "commit": listing.commit, "files": [asdict(file) for file in listing.files]}
        new = self._beside("json.new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.manifest)
        shutil.rmtree(self.parts, ignore_errors=True)

    def missing_bytes(self, listing: Listing) -> int:
        """What is still to be fetched."""
        missing = 0
        for file in listing.files:
            if not self.has(file):
                part = self.parts / file.path
                missing += max(0, file.size - (part.stat().st_size if part.is_file() else 0))
        return missing

    def check_disk(self, reference: Reference, listing: Listing) -> None:
        """Refuses a download that could not end."""
        needs, free = self.missing_bytes(listing), shutil.disk_usage(self.folder.parent).free
        if needs > free:
            message = f"{reference} needs {amount(needs)} more, and {self.folder.parent} has {amount(free)} free"
            hint = "free some disk, or point `cache:` in swiftci.yaml at a larger one"
            raise ToolError(message=message, kind="disk", hint=hint)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the place; raises Busy where another process does. A process that dies lets go."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self._beside("lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"another job fetches {self.folder.name}") from None
            yield
