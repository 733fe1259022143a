"""Digests (SHA-256, hex) of data, files and folders, remembered while a file does not change."""

import dataclasses
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from swiftci.store.files import write_json
from swiftci.store.plain import parse


def of_data(data: Any) -> str:
    """The digest of plain data and dataclasses; the order of keys does not count."""
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    return vars(value) if dataclasses.is_dataclass(value) else str(value)


def digest_of(path: Path) -> str:
    """The digest of a file's content; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(path: Path) -> str:
    """The digest of the names and sizes of a folder's files; of a file only whether it is there."""
    if not path.is_dir():
        return of_data(path.exists())
    files = sorted(p for p in path.rglob("*") if p.is_file())
    return of_data([(p.relative_to(path).as_posix(), p.stat().st_size) for p in files])


class Digests:
    """Digests of files and folders; `memory` is a JSON file of path to size, time, inode and digest."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        try:
            known = parse(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        self._known: dict[str, list[Any]] = known if isinstance(known, dict) else {}
        self._changed = False

    def of(self, path: Path) -> str:
        """The digest of a file's content, or of a folder's files with their names; raises OSError."""
        digest = self._folder(path) if path.is_dir() else self._file(path)
        if self._changed:
            with suppress(OSError):  # a machine that has no such folder reads files again
                write_json(self._memory, self._known)
            self._changed = False
        return digest

    def _folder(self, folder: Path) -> str:
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not _hidden(p.relative_to(folder)))
        return of_data([(p.relative_to(folder).as_posix(), self._file(p)) for p in files])

    def _file(self, path: Path) -> str:
        stat = path.stat()
        key = os.fsencode(path.resolve()).decode("utf-8", "backslashreplace")  # a name may be no text
        mark = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._known.get(key)
        if isinstance(known, list) and known[:3] == mark and len(known) == 4:
            return str(known[3])
        digest = digest_of(path)
        self._known[key] = [*mark, digest]
        self._changed = True
        return digest


def _hidden(path: Path) -> bool:
    """Whether it decides nothing: a hidden file, or what Python writes beside a plugin when it is imported."""
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)
