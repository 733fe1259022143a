"""A file on its way: written as it comes, its digest taken meanwhile, gone on with where another process left it."""

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from swiftci.tools.hub import refusal
from swiftci.tools.hub.client import AgainError, Client
from swiftci.tools.hub.listing import File

_BLOCK = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Part:
    """The unfinished file, opened; what is there counts as `moved` bytes, and what is thrown away as less."""

    def __init__(self, path: Path, file: File, moved: Callable[[int], None], check: Callable[[], None]) -> None:
        self.path, self.file, self.moved = path, file, moved
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = path.open("ab+", buffering=0)
        self._out.seek(0)
        self._begin()
        while block := self._out.read(_BLOCK):
            check()
            self._digest.update(block)
            self.size += len(block)
            moved(len(block))
        if self.size > file.size:
            self.restart()

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._out.close()

    def _begin(self) -> None:
        self.size = 0
        kind = self.file.digest.partition(":")[0]
        self._digest = hashlib.sha1(usedforsecurity=False) if kind == "git" else hashlib.sha256()
        if kind == "git":
            self._digest.update(b"blob %d\0" % self.file.size)

    def restart(self) -> None:
        """Throws away what is there."""
        self._out.truncate(0)
        self.moved(-self.size)
        self._begin()

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._out.write(view) or 0 :]
        self._digest.update(chunk)
        self.size += len(chunk)
        self.moved(len(chunk))

    @property
    def fault(self) -> str:
        """How a complete file differs from what the hub says of it."""
        if self.size != self.file.size:
            more = "more than " if self.size > self.file.size else ""
            return f"it has {more}{min(self.size, self.file.size) if more else self.size} bytes, not {self.file.size}"
        wanted = self.file.digest.partition(":")[2]
        if wanted and self._digest.hexdigest() != wanted:
            return f"its digest begins {self._digest.hexdigest()[:12]}, not {wanted[:12]}"
        return ""

    def keep(self, target: Path) -> None:
        """Puts the file where it belongs, safely on disk."""
        os.fsync(self._out.fileno())
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(target)


def download(client: Client, address: str, part: Part, what: str) -> None:
    """Fetches what is missing of a file; one that is not what the hub says is fetched once more from its start."""
    for last in (False, True):
        if part.size < part.file.size or part.file.size == 0:
            client.retried(lambda: _once(client, address, part, what), what, lambda: part.size)
        fault = part.fault
        if not fault:
            return
        part.restart()
        if last:
            raise refusal.differs(client.access, what, fault)


def _once(client: Client, address: str, part: Part, what: str) -> None:
    with client.open(address, what, start=part.size) as response:
        if response.status_code == 416:
            part.restart()
            raise AgainError("has less of the file than is here already")
        if part.size:
            found = _RANGE.match(response.headers.get("content-range", ""))
            if response.status_code != 206 or found is None or int(found[1]) != part.size:
                part.restart()
            if response.status_code == 206 and part.size == 0:
                raise AgainError("sent another part of the file than was asked for")
        for chunk in client.chunks(response):
            part.write(chunk)
            if part.size > part.file.size:
                return  # a fault, whatever follows
