"""Where a ledger lies: what it asks of a store, and a folder that gives it."""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from swiftci.store.files import write_text

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
SIZE_MAX = 65_536
"""Bytes of an entry that are read; a whole one has some 300."""

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)
"""Where one may still read what was spent, and cannot reserve."""


class Files(Protocol):
    """Small files by month and name, as in `2026-11` and `000012/reserved.json`.

    Raises OSError or ToolError where the store cannot be reached or written.
    """

    def now(self) -> float:
        """Seconds since 1970 by the store's own clock, which is the same for all machines that share it."""

    def months(self) -> list[str]:
        """Months that have files."""

    def names(self, month: str) -> list[str]:
        """The first parts of the names in a month; one that is made meanwhile may be missing."""

    def read(self, month: str, names: Iterable[str]) -> dict[str, bytes]:
        """Those of the files that exist, asked for by name: none that was made before the call is missing."""

    def create(self, month: str, name: str, data: bytes) -> bool:
        """Makes a file, whole or not at all, and lasting; False where one exists. Of two at once, one is refused.

        On S3 this is a PUT with `If-None-Match: *`, on OSS one with `x-oss-forbid-overwrite: true`.
        """

    def replace(self, month: str, name: str, data: bytes) -> None:
        """Makes a file or takes the place of one, in one step."""


class Folder:
    """Files below a folder, which several machines may share: no locks and no links are asked of its filesystem."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def now(self) -> float:
        probe = self.root / f".clock.{secrets.token_hex(4)}.part"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.touch(exist_ok=False)
            found = probe.stat().st_mtime
            probe.unlink()
        except OSError as error:
            if error.errno not in _UNWRITABLE:
                raise
            return time.time()
        return found

    def months(self) -> list[str]:
        return sorted(name for name in _listed(self.root) if MONTH.fullmatch(name))

    def names(self, month: str) -> list[str]:
        return sorted(name for name in _listed(self.root / month) if not name.startswith("."))

    def read(self, month: str, names: Iterable[str]) -> dict[str, bytes]:
        found = {}
        for name in names:
            try:
                with (self.root / month / name).open("rb") as file:
                    found[name] = file.read(SIZE_MAX)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except IsADirectoryError:
                found[name] = b""
        return found

    def create(self, month: str, name: str, data: bytes) -> bool:
        """The file is made in a folder of another name, which then gets its own: a full folder is never replaced."""
        target = self.root / month / name
        folder = target.parent
        part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
        try:
            write_text(part / target.name, data.decode())
            try:
                part.rename(folder)
            except OSError:  # ENOTEMPTY, or what else a filesystem calls it
                if not folder.exists():
                    raise
                return False
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _sync(folder.parent)
        return True

    def replace(self, month: str, name: str, data: bytes) -> None:
        write_text(self.root / month / name, data.decode())


def _listed(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _sync(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
