"""What a repository holds: its files, and the commit that they are of."""

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.hub.reference import Kind

NAME_MAX = 255
"""Bytes that a file's name may have."""

_OTHER_WEIGHTS = (
    "pytorch_model*.bin",
    "pytorch_model*.bin.index.json",
    "flax_model*.msgpack",
    "tf_model*.h5",
    "rust_model.ot",
    "onnx/*",
    "original/*",
    "metal/*",
)
"""The same weights once more, where model*.safetensors has them."""
_DATASET_INFOS = "dataset_infos.json"
"""Old metadata that EvalScope deletes from a local folder (1.14.1, api/dataset/hub.py): jobs share the folder."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One file as the hub lists it; `digest` is `sha256:…` or `git:…` (a blob's SHA-1), empty where it gives none."""

    path: str
    size: int
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A repository's files; `commit` is None where the hub did not tell it."""

    commit: str | None
    files: tuple[File, ...]

    @property
    def state(self) -> str:
        """A name of exactly this content: the commit, else a digest of the list."""
        if self.commit:
            return self.commit
        text = json.dumps(sorted((file.path, file.size, file.digest) for file in self.files))
        return "list-" + hashlib.sha256(text.encode()).hexdigest()[:40]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def wanted(kind: Kind, files: list[File]) -> tuple[File, ...]:
    """The files without those that no training or evaluation reads."""
    if kind == "dataset":
        return tuple(file for file in files if file.path != _DATASET_INFOS)
    if not any(fnmatchcase(file.path, "model*.safetensors") for file in files):
        return tuple(files)
    return tuple(file for file in files if not any(fnmatchcase(file.path, pattern) for pattern in _OTHER_WEIGHTS))


def checked(path: Any, size: Any, digest: str, where: str) -> File:
    """An entry of a hub's list, as a file; a server must not choose where on this machine it is written."""
    if not isinstance(path, str) or not _is_safe(path):
        message = f"{where} lists a file {quoted(str(path))}, whose name is not safe to write"
        raise ToolError(message=message, kind="data", hint="use another repository, or tell the hub")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        message = f"{where} lists {quoted(path)} without a size"
        raise ToolError(message=message, kind="data", hint="is the endpoint a mirror that keeps to the hub's protocol?")
    return File(path=path, size=size, digest=digest)


def unique(files: list[File], where: str) -> list[File]:
    """The files, where each name is there once and none is another's folder."""
    names = {file.path for file in files}
    folders = {path[:i] for path in names for i, char in enumerate(path) if char == "/"}
    if len(names) != len(files) or names & folders:
        doubled = next(iter(names & folders), None) or _twice(files)
        raise ToolError(message=f"{where} lists {quoted(doubled)} twice", kind="data")
    return files


def _is_safe(path: str) -> bool:
    if not path.isprintable() or "\\" in path:
        return False
    try:
        parts = path.encode().split(b"/")
    except UnicodeEncodeError:
        return False
    return all(part not in (b"", b".", b"..") and len(part) <= NAME_MAX for part in parts)


def _twice(files: list[File]) -> str:
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            return file.path
        seen.add(file.path)
    return ""
