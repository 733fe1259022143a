"""A folder of pages that is replaced as a whole, and only where all in it is ours."""

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from swiftci.spec.problem import ConfigError, Problem, printable, quoted
from swiftci.store.files import write_text

MADE_BY = "swiftci leaderboard"
NAMED_MAX = 3


def write(folder: Path, files: Mapping[str, str], data: str) -> None:
    """Makes a folder hold just these texts; `data` is the JSON file among them that gets the list of all.

    By that list the folder is known the next time. Raises ConfigError where it holds anything else, and leaves the old
    pages in place until the new ones are all written.
    """
    target = folder.resolve()
    _refuse_foreign(target, folder, data)
    listed = json.loads(files[data]) | {"made_by": MADE_BY, "files": sorted(files)}
    texts = {**files, data: json.dumps(listed, ensure_ascii=False, indent=1, allow_nan=False) + "\n"}
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    old = part.with_suffix(".old")
    try:
        for name, text in texts.items():
            write_text(part / name, text, durable=False)
        if target.exists():
            target.rename(old)
        try:
            part.rename(target)
        except OSError:
            if old.exists() and not target.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(target: Path, shown: Path, data: str) -> None:
    """What is not ours is never removed."""
    if not target.exists():
        return
    if not target.is_dir():
        raise _problem(f"{quoted(str(shown))} is a file, and should be a folder of pages")
    there = {
        path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    strange = sorted(there - _ours(target / data))
    if strange:
        names = ", ".join(printable(name) for name in strange[:NAMED_MAX])
        more = f" and {len(strange) - NAMED_MAX} more" if len(strange) > NAMED_MAX else ""
        raise _problem(f"{quoted(str(shown))} holds what no leaderboard wrote: {names}{more}")


def _ours(path: Path) -> set[str]:
    """The files that an earlier call wrote beside its data."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    if not isinstance(found, dict) or found.get("made_by") != MADE_BY or not isinstance(found.get("files"), list):
        return set()
    return {name for name in found["files"] if isinstance(name, str)}


def _problem(message: str) -> ConfigError:
    hint = "name a folder that does not exist, or one that `swiftci leaderboard` wrote"
    return ConfigError([Problem(code="usage", message=message, hint=hint)])
