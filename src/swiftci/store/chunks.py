"""Files of any size in a bucket: cut into chunks that are named by their content.

A chunk lies under the day it was sent on. Who sends takes only chunks of today and yesterday as being there, and what
is removed is days older, under names that nobody sends to any more. So no sender is robbed of a chunk, without a lock,
and however late a removal comes: only a sender that is stopped for two days between its last look and its manifest's
writing could be. The days are those of the machines' clocks, which S3 and OSS hold to 15 minutes.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath

from swiftci.spec.error import ToolError
from swiftci.spec.problem import printable
from swiftci.store.manifest import CHUNK_NAME, DamagedError, File, Piece, safe
from swiftci.store.weights import need
from swiftci.tools.objects import Remote

CHUNK = 32 << 20
"""Bytes of a chunk, but for a file's last."""
AT_ONCE = 3
"""Chunks at the same time; one under way takes twice its size (aiohttp 3.14 copies it), so 200 MB in all."""
DAYS = 4
"""A chunk that nothing names is removed when it is so many days old; its senders counted on it for at most two."""


def today() -> date:
    return datetime.now(UTC).date()


def day_of(path: str) -> date | None:
    """The day that a chunk was sent on; None for what is no chunk."""
    found = CHUNK_NAME.fullmatch(path)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


@dataclass(kw_only=True)
class Chunks:
    """Sends and fetches files; `step` is told megabytes done, their total, and a few words."""

    remote: Remote
    step: Callable[[int, int, str], None]

    def send(self, folder: Path, names: Sequence[str]) -> list[File]:
        """Brings files, and all files of folders, into the bucket; names that are not there are left out.

        What was sent before is not sent again. Raises ToolError where a file changes meanwhile.
        """
        while True:
            files = self._send(list(_walk(folder, names)))
            oldest = min((day_of(piece.path) or date.min for file in files for piece in file.pieces), default=today())
            if oldest >= today() - timedelta(days=1):
                return files

    def _send(self, found: list[tuple[File, Path]]) -> list[File]:
        there: dict[str, int] = {}
        for day in (today() - timedelta(days=1), today()):
            there |= self.remote.sizes(f"chunks/{day}")
        jobs = [
            (path, start, min(CHUNK, file.size - start)) for file, path in found for start in range(0, file.size, CHUNK)
        ]
        with closing(self.remote.each(lambda job: self._piece(*job, there), jobs, AT_ONCE)) as pieces:
            return self._gathered(found, pieces)

    def _gathered(self, found: list[tuple[File, Path]], pieces: Iterator[Piece]) -> list[File]:
        done, total = 0, sum(file.size for file, _ in found)
        marks = [path.lstat() for _, path in found]  # nothing is read before the first piece is asked for
        files = []
        for (file, path), mark in zip(found, marks, strict=True):
            own = []
            for _ in range(0, file.size, CHUNK):
                own.append(next(pieces))
                done += own[-1].size
                self.step(done // 1_000_000, total // 1_000_000, "MB sent to the store")
            now = path.lstat()
            if not file.link and (now.st_size, now.st_mtime_ns) != (file.size, mark.st_mtime_ns):
                raise _changed(path)
            files.append(File(name=file.name, size=file.size, mode=file.mode, pieces=tuple(own), link=file.link))
        return files

    def _piece(self, path: Path, start: int, size: int, there: dict[str, int]) -> Piece:
        """One chunk, in a thread; sent where it is not there."""
        with path.open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), size, start)
        if len(data) != size:
            raise _changed(path)
        digest = hashlib.sha256(data).hexdigest()
        now = today()
        for day in (now - timedelta(days=1), now):
            if there.get(piece := f"chunks/{day}/{digest}") == size:
                return Piece(path=piece, size=size)
        self.remote.write(piece, data)
        there[piece] = size
        return Piece(path=piece, size=size)

    def fetch(self, files: list[File], folder: Path) -> None:
        """Brings files into a folder, each whole or not there; goes on with what an earlier call left of them.

        Raises DamagedError where a chunk is gone or changed, ToolError where the disk has no room.
        """
        try:
            self._fetch(files, folder)
        except OSError as error:
            message = f"{folder}: {error.strerror or error}"
            raise ToolError(
                message=message, kind="disk", hint="see whether it is full, or belongs to another"
            ) from None

    def _fetch(self, files: list[File], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        targets = {file.name: _inside(folder, file.name) for file in files}
        todo = [file for file in files if not file.link and not _same(file, targets[file.name])]
        parts = {file.name: targets[file.name].with_name(file.part) for file in todo}
        total = sum(file.size for file in todo)
        need(folder / "x", total - sum(_blocks(path) for path in parts.values()))
        jobs = [
            (parts[file.name], sum(one.size for one in file.pieces[:index]), piece)
            for file in todo
            for index, piece in enumerate(file.pieces)
        ]
        with closing(self.remote.each(lambda job: self._fetched(*job), jobs, AT_ONCE)) as results:
            try:
                self._placed([(file, parts[file.name], targets[file.name]) for file in todo], results, total)
            except DamagedError:
                results.close()
                for path in parts.values():
                    path.unlink(missing_ok=True)  # nobody will go on with these
                raise
        for file in files:
            if file.link:
                _link(targets[file.name], file)

    def _placed(self, todo: list[tuple[File, Path, Path]], results: Iterator[None], total: int) -> None:
        """Puts each file where it belongs when all of its chunks are there."""
        done = 0
        for file, part, target in todo:
            for piece in file.pieces:
                next(results)
                done += piece.size
                self.step(done // 1_000_000, total // 1_000_000, "MB fetched from the store")
            _place(part, target, file)

    def _fetched(self, part: Path, start: int, piece: Piece) -> None:
        """One chunk, in a thread; one that an earlier call wrote is only read."""
        file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if hashlib.sha256(os.pread(file, piece.size, start)).hexdigest() == piece.digest:
                return
            data = self.whole(piece)
            if os.pwrite(file, data, start) != len(data):
                raise OSError(28, "No space left on device")
        finally:
            os.close(file)

    def whole(self, piece: Piece) -> bytes:
        """A chunk's content; raises DamagedError where that is not what its name says."""
        data = self.remote.read(piece.path, piece.size)
        if data is None:
            raise DamagedError(f"{piece.path} is not there")
        if len(data) != piece.size:
            raise DamagedError(f"{piece.path} does not have {piece.size} bytes")
        if hashlib.sha256(data).hexdigest() != piece.digest:
            raise DamagedError(f"{piece.path} does not hold what its name says")
        return data


def _changed(path: Path) -> ToolError:
    return ToolError(message=f"{path} changed while it was kept", kind="data", hint="something still writes to the run")


def _walk(folder: Path, names: Sequence[str]) -> Iterator[tuple[File, Path]]:
    """The files under names; links that lead out of their folder are left out, and so is what is no file."""
    seen = set()
    stack = [safe(PurePosixPath(name).as_posix()) for name in reversed(names)]
    while stack:
        name = stack.pop()
        path = folder / name
        if path.is_symlink():
            link = str(path.readlink())
            if PurePosixPath(link).is_absolute() or ".." in PurePosixPath(link).parts or name in seen:
                continue
            seen.add(name)
            yield File(name=name, link=PurePosixPath(link).as_posix()), path
        elif path.is_dir():
            stack += sorted((f"{name}/{entry.name}" for entry in os.scandir(path)), reverse=True)
        elif path.is_file() and name not in seen:
            seen.add(name)
            found = path.stat()
            mode = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
            yield File(name=name, size=found.st_size, mode=mode), path


def _inside(folder: Path, name: str) -> Path:
    """Where a file goes; raises DamagedError where a link on the way leads out of the folder."""
    target = folder / name
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise DamagedError(f"{printable(name)} would be written outside {folder}")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _same(file: File, target: Path) -> bool:
    """Whether a file is there already, with this content."""
    try:
        with os.fdopen(os.open(target, os.O_RDONLY | os.O_NOFOLLOW), "rb") as found:
            mark = os.fstat(found.fileno())
            if mark.st_size != file.size or mark.st_mode & 0o777 != file.mode:
                return False
            return all(hashlib.sha256(found.read(one.size)).hexdigest() == one.digest for one in file.pieces)
    except OSError:
        return False


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


def _place(part: Path, target: Path, file: File) -> None:
    opened = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(opened, file.size)
        os.fchmod(opened, file.mode)
        os.fsync(opened)
    finally:
        os.close(opened)
    part.replace(target)


def _link(target: Path, file: File) -> None:
    part = target.with_name(file.part)
    part.unlink(missing_ok=True)
    part.symlink_to(file.link)
    part.replace(target)
