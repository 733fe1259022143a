"""Gives files that root made in a runner's workspace back to the runner, whose next checkout would fail on them.

A cancelled job never reaches its last step, so this runs when a job starts, too.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def reclaim(environ: Mapping[str, str]) -> int:
    """Hands the workspace's files to the owner of the folder around it; returns how many changed hands.

    Does nothing where there is no runner, or where this process is not root.
    """
    workspace = environ.get("GITHUB_WORKSPACE")
    if environ.get("GITHUB_ACTIONS") != "true" or not workspace or os.geteuid() != 0:
        return 0
    root = Path(workspace)
    if not root.is_dir():
        return 0
    owner = root.parent.stat()
    changed = 0
    for path in _all(root):
        found = os.lstat(path)
        if (found.st_uid, found.st_gid) != (owner.st_uid, owner.st_gid):
            os.lchown(path, owner.st_uid, owner.st_gid)
            changed += 1
    return changed


def _all(root: Path) -> Iterator[str]:
    """A folder and all in it; links are named, never followed."""
    yield str(root)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield f"{folder}/{name}"
