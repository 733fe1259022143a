"""Copies a checkpoint's weights: what a training needs to go on is left out, what is copied is compared."""

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.error import ToolError
from swiftci.spec.problem import ConfigError, Problem, printable
from swiftci.store import safetensors

_LEFT_OUT = re.compile(
    r"(optimizer|scheduler|scaler)(_[^/]*)?(\.(pt|bin|pth)|/.*)"
    r"|rng_state(_\d+)?\.pth|random_states_\d+\.pkl|trainer_state\.json|training_args\.bin"
    r"|global_step\d+/.*|latest|zero_to_fp32\.py|README\.md|([^/]*/)*[^/]*\.(pkl|pickle|pt|pth|ckpt)"
)
"""What a Trainer or DeepSpeed keeps to go on with, training_args.bin, which is a pickle, and peft's blank README.md,
whose `base_model` is a path of the training machine: a hub refuses it."""
_WEIGHTS = re.compile(r"[^/]*\.(safetensors|bin)")
_BLOCK = 1 << 20
SPARE = 50_000_000
"""Bytes that are left free on a disk."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a checkpoint; `name` is relative to it, with slashes."""

    name: str
    path: Path
    size: int


def files(folder: Path) -> list[File]:
    """The files that make up the model. Raises ToolError where one is unsafe to copy, or weights are not whole."""
    inside = folder.resolve()
    found = [one for path in _walk(folder) if (one := _file(path, folder, inside))]
    if not any(_WEIGHTS.fullmatch(one.name) for one in found):
        raise ToolError(message=f"{folder} holds no weights", kind="data")
    for one in found:
        if one.name.endswith(".safetensors") and (why := safetensors.fault(one.path)):
            message = f"{printable(str(one.path))} is not whole: {why}"
            raise ToolError(message=message, kind="data", hint="the disk may have been full when it was saved")
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _file(path: Path, folder: Path, inside: Path) -> File | None:
    """A file to copy; None for one that is left out."""
    name = path.relative_to(folder).as_posix()
    if _LEFT_OUT.fullmatch(name):
        return None
    shown = printable(str(path))
    try:
        found, leaves = path.stat(), not path.resolve().is_relative_to(inside)
    except (OSError, RuntimeError):  # Python before 3.13 raises the second where links go round
        raise ToolError(message=f"{shown} is a link to nothing", kind="data") from None
    if leaves:
        message = f"{shown} is a link that leaves the checkpoint, to {printable(str(path.readlink()))}"
        raise ToolError(message=message, kind="data", hint="a training writes files; somebody put this link there")
    if not stat.S_ISREG(found.st_mode):
        raise ToolError(message=f"{shown} is neither a file nor a folder", kind="data")
    return File(name=name, path=path, size=found.st_size)


def need(target: Path, size: int) -> None:
    """Raises ToolError where a disk has no room for `size` bytes beside `target`, which need not exist yet."""
    folder = next(parent for parent in target.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < size + SPARE:
        message = f"{folder} has {free / 1e9:.1f} GB free, and {(size + SPARE) / 1e9:.1f} GB are needed"
        raise ToolError(
            message=message,
            kind="disk",
            hint="free some disk, or name a larger one: with --to, and for a push with TMPDIR",
        )


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A name beside `target` to build a folder at; it becomes `target` at the end, or is removed where that fails.

    Raises ConfigError where `target` exists: nothing is ever overwritten.
    """
    _refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield part
        _refuse_existing(target)
        part.rename(target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"the disk of {target.parent} became full"
            raise ToolError(message=message, kind="disk", hint="free some, or name a folder on a larger one") from None
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        message = f"{target} exists, and nothing is overwritten"
        raise ConfigError([Problem(code="usage", message=message, hint="remove it, or name another folder with --to")])


def copy(found: list[File], target: Path, moved: Callable[[int], None]) -> None:
    """Copies files into a new folder and reads them back; `moved` is told of bytes as they are written.

    Raises ToolError where a copy is not what was read.
    """
    target.mkdir()
    for one in found:
        path = target / one.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with one.path.open("rb") as source, path.open("xb") as out:
            digest = hashlib.sha256()
            while block := source.read(_BLOCK):
                digest.update(block)
                out.write(block)
                moved(len(block))
            out.flush()
            os.fsync(out.fileno())
        with path.open("rb") as again:
            same = hashlib.file_digest(again, "sha256").digest() == digest.digest()
        if not same or path.stat().st_size != one.size:
            message = f"{printable(one.name)} came out of its copy changed"
            raise ToolError(message=message, kind="disk", hint="the disk may be failing, or somebody wrote to the run")
