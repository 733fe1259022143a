"""Finds the Python that holds ms-swift and EvalScope; swiftci's own has neither."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.error import ToolError

PACKAGES = ("ms_swift", "evalscope", "torch", "transformers", "peft", "trl", "datasets")

FOLDERS_MAX = 20
"""Folders of PATH that are searched; each Python found costs a tenth of a second."""

_PROBE = """
import importlib.metadata as m, importlib.util as u, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        try:
            there = u.find_spec(name.replace("megatron_", "megatron."))
        except (ImportError, ValueError):
            there = None
        if there and there.origin:
            found[name] = "?"
print(json.dumps(found))
"""
"""A package that was never installed, but lies on PYTHONPATH, as Megatron's often does, has no version."""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python with the versions of the packages that decide a result (`PACKAGES`, where installed)."""

    path: str
    versions: Mapping[str, str]


def find(configured: str | None, root: Path, environ: Mapping[str, str], *needs: str) -> Interpreter:
    """The project's interpreter, or the first on PATH, that has all the packages that `needs` names."""
    candidates = _candidates(configured, root, environ)
    looked = []
    for candidate in candidates:
        versions = probe(candidate, needs, environ)
        if versions is not None and set(needs) <= set(versions):
            return Interpreter(path=candidate, versions=versions)
        lacks = ", ".join(name.replace("_", "-") for name in needs if versions and name not in versions)
        looked.append(
            f"{candidate} ({'python ' + versions['python'] + ' without ' + lacks if versions else 'does not run'})"
        )
    names = [name.replace("_", "-") for name in needs]
    where = "; ".join(looked) or "no python on PATH"
    raise ToolError(
        message=f"no Python that swiftci looked at has {' and '.join(names)}: {where}",
        kind="user",
        hint=f"pip install {' '.join(names)}, and name that Python as `python:` in swiftci.yaml, or put it on PATH",
    )


def probe(path: str, more: Sequence[str], environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """Versions of PACKAGES, and of `more`, under an interpreter; None where it does not run.

    It may be a file of the repository's, so `environ` must hold no more than a tool may see.
    """
    try:
        done = subprocess.run(
            [path, "-c", _PROBE, *dict.fromkeys((*PACKAGES, *more))],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=dict(environ),
            cwd="/",  # nothing of the repository's may stand in for a package
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def _candidates(configured: str | None, root: Path, environ: Mapping[str, str]) -> list[str]:
    if configured:
        return [
            str(root / configured)
            if "/" in configured
            else shutil.which(configured, path=environ.get("PATH")) or configured
        ]
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder][:FOLDERS_MAX]
    found = (shutil.which(name, path=folder) for folder in folders for name in ("python", "python3"))
    different = {str(Path(path).parent) + str(Path(path).resolve()): path for path in found if path}
    return list(different.values())
