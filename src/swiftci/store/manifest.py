"""What a result or a record in a bucket consists of; anybody may have written one, so nothing in it is believed."""

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from swiftci.spec.problem import printable
from swiftci.store.digest import of_data

CHUNK_NAME = re.compile(r"chunks/(\d{4}-\d\d-\d\d)/([0-9a-f]{64})")


class DamagedError(Exception):
    """What a bucket holds is not what was kept; the text says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A chunk of a file; `path` is its object's name."""

    path: str
    size: int

    @property
    def digest(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a result or a record; `name` is relative, with slashes. One with a `link` is a symbolic link."""

    name: str
    size: int = 0
    mode: int = 0o644
    pieces: tuple[Piece, ...] = ()
    link: str = ""

    @property
    def plain(self) -> dict[str, Any]:
        """As it stands in JSON."""
        if self.link:
            return {"name": self.name, "link": self.link}
        chunks = [[piece.path, piece.size] for piece in self.pieces]
        return {"name": self.name, "size": self.size, "mode": self.mode, "chunks": chunks}

    @property
    def part(self) -> str:
        """The name of what is there of it while it is fetched: another content has another."""
        return f".{of_data([self.name, [piece.digest for piece in self.pieces]])[:16]}.part"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A result or a record; written after its chunks, so that it is whole or not there. `kept` is a time since 1970."""

    kept: float
    entry: dict[str, Any]
    files: list[File]

    def text(self) -> bytes:
        data = {"schema": 1, "kept": self.kept, "entry": self.entry, "files": [file.plain for file in self.files]}
        return json.dumps(data, allow_nan=False).encode()

    @classmethod
    def read(cls, text: bytes) -> "Manifest":
        """Raises DamagedError."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or data.get("schema") != 1 or not isinstance(data.get("entry"), dict):
                raise DamagedError("it is nothing that this version wrote")
            return cls(kept=float(data["kept"]), entry=data["entry"], files=_files(data["files"]))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DamagedError(f"it cannot be read: {error}") from None


def _files(data: Any) -> list[File]:
    """Raises ValueError where a name leads elsewhere, or sums differ."""
    files = [_file(one) for one in data]
    if len({file.name for file in files}) != len(files):
        raise ValueError("a name stands there twice")
    return files


def _file(data: Any) -> File:
    try:
        name = safe(data["name"])
        if "link" in data:
            return File(name=name, link=safe(data["link"]))
        pieces = tuple(Piece(path=path, size=size) for path, size in data["chunks"])
        size, mode = data["size"], data["mode"]
        fits = all(type(one.size) is int and one.size > 0 and CHUNK_NAME.fullmatch(one.path) for one in pieces)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"a file is described wrongly: {error!r}") from None
    if not fits or type(size) is not int or sum(one.size for one in pieces) != size or mode not in (0o644, 0o755):
        raise ValueError(f"{printable(name)} is described wrongly")
    return File(name=name, size=size, mode=mode, pieces=pieces)


def safe(name: Any) -> str:
    """A relative name that stays where it is; raises ValueError for any other."""
    parts = name.split("/") if isinstance(name, str) else [""]
    if any(part in ("", ".", "..") or "\0" in part or len(os.fsencode(part)) > 255 for part in parts):
        raise ValueError(f"{printable(str(name))} is no name of a file below a folder")
    return str(name)
