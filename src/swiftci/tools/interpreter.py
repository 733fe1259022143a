"""Finds the Python that holds ms-swift and EvalScope; swiftci's own has neither."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.error import ToolError

PACKAGES = ("ms_swift", "evalscope", "torch", "transformers", "peft", "trl", "datasets")

_PROBE = """
import importlib.metadata as m, json, platform, sys
found = {"python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = m.version(name)
    except m.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python with the versions of the packages that decide a result (`PACKAGES`, where installed)."""

    path: str
    versions: Mapping[str, str]


def find(configured: str | None, root: Path, environ: Mapping[str, str], needs: str) -> Interpreter:
    """The project's interpreter, or the first on PATH, that has the package `needs`."""
    candidates = _candidates(configured, root, environ)
    looked = []
    for candidate in candidates:
        versions = probe(candidate)
        if versions is not None and needs in versions:
            return Interpreter(path=candidate, versions=versions)
        looked.append(f"{candidate} ({'python ' + versions['python'] if versions else 'does not run'})")
    name = needs.replace("_", "-")
    where = "; ".join(looked) or "no python on PATH"
    raise ToolError(
        message=f"{name} is not installed in any Python that swiftci looked at: {where}",
        kind="user",
        hint=f"pip install {name}, and name that interpreter as `python:` in swiftci.yaml, or put it first on PATH",
    )


def probe(path: str) -> Mapping[str, str] | None:
    """Versions of PACKAGES under an interpreter; None where it does not run."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", _PROBE, *PACKAGES], capture_output=True, text=True, timeout=60, check=True
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
    found = (shutil.which(name, path=environ.get("PATH")) for name in ("python", "python3"))
    return list(dict.fromkeys(path for path in found if path))
