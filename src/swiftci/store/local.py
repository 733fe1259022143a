"""A store in a folder, which several machines may share."""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from swiftci.store import record as records
from swiftci.store.digest import digest_of
from swiftci.store.files import read_rows, write_json
from swiftci.store.kept import RESULT, Kept

_HEX = re.compile(r"[0-9a-f]{64}")
HISTORY = "history.jsonl"
_ADDED_TO = (".log", ".jsonl")


class Folder:
    """`results/DIGEST` and `records/NAME/RUN`, each whole or not there; `history.jsonl`; `locks`.

    A result's files are hard links to those of the run that made it, so that they take no room twice.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def where(self) -> str:
        return str(self.root)

    @property
    def local(self) -> Path | None:
        return self.root

    def result(self, digest: str) -> Path:
        return self.root / "results" / digest

    def find(self, digest: str) -> dict[str, Any] | None:
        kept = self.read(digest)
        return dict(kept["entry"]) if kept else None

    def read(self, digest: str) -> dict[str, Any] | None:
        """A result's own file; None where there is none, or a file that it names is gone or cut off."""
        folder = self.result(digest)
        try:
            kept = json.loads((folder / RESULT).read_text(encoding="utf-8"))
            files = kept["files"]
            whole = isinstance(kept["entry"], dict) and all(
                _inside(name) and os.lstat(folder / "files" / name).st_size == size for name, (size, _) in files.items()
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return kept if whole else None

    def keep(self, digest: str, entry: Mapping[str, Any], folder: Path, names: Sequence[str]) -> None:
        target = self.result(digest)
        with _whole(target) as part:
            for name in names:
                link(folder / name, part / "files" / name)
            files = {
                path.relative_to(part / "files").as_posix(): [path.stat().st_size, digest_of(path)]
                for path in sorted((part / "files").rglob("*"))
                if path.is_file() and not path.is_symlink()
            }
            write_json(part / RESULT, {"schema": 1, "entry": dict(entry), "files": files})

    def take(self, digest: str, folder: Path) -> dict[str, Any] | None:
        kept = self.read(digest)
        if kept is None:
            return None
        source = self.result(digest) / "files"
        for path in sorted(source.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                continue
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
            link(path, part)
            if part.is_symlink() or part.exists():
                part.replace(target)
        return dict(kept["entry"])

    @contextmanager
    def lock(self, digest: str, waiting: Callable[[], None]) -> Iterator[bool]:
        with self.locked(digest, waiting) as held:
            yield held

    @contextmanager
    def locked(self, name: str, waiting: Callable[[], None] | None) -> Iterator[bool]:
        """Holds a lock of that name; False where this filesystem has none, or, without `waiting`, another holds it."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked(folder / f"{name}.lock", waiting)
        try:
            yield file is not None
        finally:
            if file:
                file.close()

    def put(self, name: str, run: str, folder: Path, names: Sequence[str]) -> Path | None:
        target = self.root / "records" / name / run
        with _whole(target) as part:
            for one in names:
                _copy(folder / one, part / one)
        return target

    def records(self, name: str | None = None) -> Iterator[Kept]:
        for path in sorted((self.root / "records").glob(f"{name or '*'}/[!.]*/{records.FILE}")):
            try:
                data = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                continue  # somebody else's file, or a disk's fault: this run is not there
            if isinstance(data, dict):
                yield Kept(name=path.parent.parent.name, run=path.parent.name, data=data)

    def bring(self, name: str, run: str, folder: Path) -> None:
        shutil.copytree(self.root / "records" / name / run, folder, dirs_exist_ok=True)

    def append(self, line: Mapping[str, Any]) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self.locked("history", lambda: None) as held, (self.root / HISTORY).open("ab+") as file:
            if file.seek(0, os.SEEK_END) and _last(file.fileno()) != b"\n":
                if held:
                    file.truncate(_whole_lines(file))  # a kill cut the rest off, and it was never said
                else:
                    text = "\n" + text  # somebody may be writing it just now
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())

    def history(self) -> Iterator[dict[str, Any]]:
        try:
            yield from read_rows(self.root / HISTORY, skip=True)
        except OSError:
            return

    def fsck(self, *, deep: bool) -> list[str]:
        from swiftci.store.fsck import fsck

        return fsck(self, deep=deep)


def _whole_lines(file: BinaryIO) -> int:
    """How many bytes of a file are lines that end."""
    file.seek(0)
    return file.read().rfind(b"\n") + 1


def _inside(name: str) -> bool:
    """Whether a name from a file leads nowhere else."""
    return not name.startswith("/") and ".." not in name.split("/") and "\0" not in name


def _last(file: int) -> bytes:
    return os.pread(file, 1, os.fstat(file).st_size - 1)


def _locked(path: Path, waiting: Callable[[], None] | None) -> TextIO | None:
    """A lock file, held; another try where it was removed in between, since then nobody else can see our lock."""
    while True:
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is None:
                file.close()
                return None
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            file.close()
            return None  # a filesystem without locks
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except OSError:
            pass
        file.close()


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A folder to build, which then takes the place of `target`; an older one is there until then."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    old = part.with_name(f"{part.name.removesuffix('.part')}.old.part")
    try:
        yield part
        if target.exists():
            target.rename(old)
        try:
            part.rename(target)
        except OSError:
            if not target.exists():
                raise  # else another process was quicker, with the same
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def link(source: Path, target: Path) -> None:
    """Makes `target` the same file, or folder of files, as `source`; copies where the filesystem has no links.

    Logs are copied, since tools add to them. Symbolic links inside are copied as such when they stay inside, and left
    out when they do not.
    """
    if source.is_symlink():
        leads = source.readlink()
        if not leads.is_absolute() and ".." not in leads.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(leads)
    elif source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(source):
            link(Path(entry.path), target / entry.name)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            if source.suffix not in _ADDED_TO:
                os.link(source, target)
                return
        except FileExistsError:
            raise
        except OSError:
            pass  # a filesystem without links
        shutil.copy2(source, target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def is_digest(text: str) -> bool:
    return bool(_HEX.fullmatch(text))
