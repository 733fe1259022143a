"""A store in a bucket, which any number of machines may share."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from swiftci.spec.error import ToolError
from swiftci.store import chunks
from swiftci.store import record as runs
from swiftci.store.chunks import Chunks
from swiftci.store.kept import Kept
from swiftci.store.manifest import DamagedError, Manifest, Piece, safe
from swiftci.tools.objects import Remote


class Bucket:
    """`results/DIGEST.json` and `records/NAME/RUN.json`, with their files under `chunks`; `history`, one object a line.

    `told` gets lines that a reader wants to keep; `step`, megabytes done, their total, and a few words. All raise
    ToolError where the bucket cannot be reached.
    """

    def __init__(
        self,
        url: str,
        environ: Mapping[str, str],
        told: Callable[[str], None] = lambda _: None,
        step: Callable[[int, int, str], None] = lambda *_: None,
    ) -> None:
        self._remote = Remote(url, environ)
        self._told = told
        self._chunks = Chunks(remote=self._remote, step=step)
        self._conditional: bool | None = None
        self._last = 0

    @property
    def where(self) -> str:
        return self._remote.url

    @property
    def local(self) -> Path | None:
        return None

    def find(self, digest: str) -> dict[str, Any] | None:
        found = self._read(f"results/{digest}.json")
        return found.entry if found else None

    def keep(self, digest: str, entry: Mapping[str, Any], folder: Path, names: Sequence[str]) -> None:
        self._write(f"results/{digest}.json", entry, folder, names)

    def take(self, digest: str, folder: Path) -> dict[str, Any] | None:
        return self._take(f"results/{digest}.json", folder)

    @contextmanager
    def lock(self, digest: str, waiting: Callable[[], None]) -> Iterator[bool]:
        """A bucket has no locks: two that make one result at once both keep it, and the later stays."""
        yield False

    def put(self, name: str, run: str, folder: Path, names: Sequence[str]) -> Path | None:
        data = json.loads((folder / runs.FILE).read_text(encoding="utf-8"))
        self._write(f"records/{safe(name)}/{safe(run)}.json", data, folder, names)
        return None

    def records(self, name: str | None = None) -> Iterator[Kept]:
        there = self._remote.sizes(f"records/{safe(name)}" if name else "records")
        paths = sorted(there, key=lambda path: path.split("/"))
        for path, found in zip(paths, self._remote.each(self._read, paths), strict=True):
            _, of, run = path.split("/", 2)
            if found:
                yield Kept(name=of, run=run.removesuffix(".json"), data=found.entry)

    def bring(self, name: str, run: str, folder: Path) -> None:
        if self._take(f"records/{safe(name)}/{safe(run)}.json", folder) is None:
            message = f"{self.where} has no whole record of {name}, run {run}"
            raise ToolError(message=message, kind="data", hint="`swiftci store fsck` says what is wrong")

    def append(self, line: Mapping[str, Any]) -> None:
        self._last = max(time.time_ns(), self._last + 1)
        name = f"history/{self._last:020d}-{secrets.token_hex(4)}.json"
        self._remote.write(name, json.dumps(dict(line), allow_nan=False).encode())

    def history(self) -> Iterator[dict[str, Any]]:
        """In the order of the writers' clocks."""
        for _, text in self.objects("history"):
            if (line := _line(text)) is not None:
                yield line

    def objects(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the objects under a folder, by name; for small ones."""
        paths = sorted(self._remote.sizes(safe(prefix)))
        for path, text in zip(paths, self._remote.each(self._remote.read, paths), strict=True):
            if text is not None:
                yield path, text

    def add(self, path: str, data: bytes) -> bool:
        """Writes an object once; False where it exists. Raises ToolError where the server does not know that."""
        if self._conditional is None:
            probe = f"probe/{secrets.token_hex(8)}"
            self._remote.write(probe, b"1")
            self._conditional = not self._remote.create(probe, b"2")
            self._remote.remove(probe)
        if not self._conditional:
            message = f"{self.where}: its server overwrites what it was asked not to, so two runs could both be first"
            raise ToolError(message=message, kind="tool", hint="it needs conditional writes (If-None-Match on PUT)")
        return self._remote.create(safe(path), data)

    def fsck(self, *, deep: bool) -> list[str]:
        """What is wrong, one sentence each; `deep` reads every byte."""
        wrong, named = [], []
        for path, found in self._manifests():
            if isinstance(found, str):
                wrong.append(f"{path}: {found}")
            else:
                named += [(path, file.name, piece) for file in found.files for piece in file.pieces]
        wrong += [f"{path}: it is no line of a history" for path, text in self.objects("history") if not _line(text)]
        there = self._remote.sizes("chunks")  # after those that name them: what came in between has all its chunks
        for path, name, piece in named:
            if piece.path not in there:
                wrong.append(f"{path}: {piece.path} of {name} is not there")
            elif there[piece.path] != piece.size:
                wrong.append(f"{path}: {piece.path} of {name} has {there[piece.path]} bytes, not {piece.size}")
        wrong += [f"{path} is no chunk" for path in there if chunks.day_of(path) is None]
        if deep:
            pieces = [Piece(path=path, size=size) for path, size in there.items() if chunks.day_of(path)]
            wrong += [fault for fault in self._remote.each(self._fault, pieces, chunks.AT_ONCE) if fault]
        return wrong

    def gc(self, keep: set[str], older_than: float, *, dry: bool) -> tuple[int, int]:
        """Removes results that were kept before a time (since 1970) and are not in `keep`, and chunks nothing names.

        Chunks stay some days longer, since a result may be under way that counts on them. Gives objects and bytes.
        Raises ToolError where something cannot be read: what it names is unknown.
        """
        until = min(datetime.fromtimestamp(older_than, UTC).date(), chunks.today() - timedelta(days=chunks.DAYS - 1))
        there = self._remote.sizes("chunks")  # before those that name them, see chunks
        old = {path: size for path, size in there.items() if (day := chunks.day_of(path)) and day < until}
        used: set[str] = set()
        gone: dict[str, int] = {}
        for path, found in self._manifests():
            if isinstance(found, str):
                hint = "remove it if nobody knows better, then clean up"
                raise ToolError(message=f"{self.where}/{path}: {found}", kind="data", hint=hint)
            if _digest(path) not in keep | {""} and found.kept < older_than:
                gone[path] = len(found.text())
            else:
                used |= {piece.path for file in found.files for piece in file.pieces}
        if not dry:
            gone = {path: size for path, size in gone.items() if self._removed(path, older_than)}
        loose = {path: size for path, size in old.items() if path not in used}
        if not dry:
            list(self._remote.each(self._remote.remove, loose))
        return len(gone) + len(loose), sum(gone.values()) + sum(loose.values())

    def _removed(self, path: str, older_than: float) -> bool:
        """Removes a manifest, unless it was written anew meanwhile."""
        found = self._read(path)
        if found is None or found.kept >= older_than:
            return False
        self._remote.remove(path)
        return True

    def _manifests(self) -> Iterator[tuple[str, Manifest | str]]:
        """All there are, or what is wrong with them."""
        paths = [*sorted(self._remote.sizes("results")), *sorted(self._remote.sizes("records"))]
        for path, text in zip(paths, self._remote.each(self._remote.read, paths), strict=True):
            if text is None:
                continue  # removed meanwhile
            try:
                yield path, Manifest.read(text)
            except DamagedError as error:
                yield path, str(error)

    def _fault(self, piece: Piece) -> str:
        try:
            self._chunks.whole(piece)
        except DamagedError as error:
            return str(error)
        return ""

    def _write(self, path: str, entry: Mapping[str, Any], folder: Path, names: Sequence[str]) -> None:
        files = self._chunks.send(folder, names)
        self._remote.write(path, Manifest(kept=time.time(), entry=dict(entry), files=files).text())

    def _read(self, path: str) -> Manifest | None:
        """What is there, as far as it can be read."""
        text = self._remote.read(path)
        try:
            return Manifest.read(text) if text is not None else None
        except DamagedError as error:
            self._told(f"{self.where}/{path} is left out: {error}")
            return None

    def _take(self, path: str, folder: Path) -> dict[str, Any] | None:
        found = self._read(path)
        try:
            if found:
                self._chunks.fetch(found.files, folder)
        except DamagedError as error:
            self._told(f"{self.where}/{path} is left out: {error}")
            return None
        return found.entry if found else None


def _digest(path: str) -> str:
    """A result's digest; empty for a record, which is never cleaned up here."""
    return path.removeprefix("results/").removesuffix(".json") if path.startswith("results/") else ""


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None
