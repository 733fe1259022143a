"""What git knows of the checkout."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def _git(root: Path, *argv: str) -> str | None:
    # a container's user is not the checkout's owner: say that this folder is meant
    command = ["git", "-c", "safe.directory=*", "-C", str(root), *argv]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def commit(root: Path, environ: Mapping[str, str]) -> str | None:
    """The checkout's commit; a `+` behind it where tracked files were changed since."""
    if environ.get("GITHUB_ACTIONS") == "true" and environ.get("GITHUB_SHA"):
        return environ["GITHUB_SHA"]
    head = _git(root, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return head.strip() + ("+" if changed else "")


def changed_paths(root: Path, base: str) -> Sequence[str] | None:
    """Paths that differ between a commit and HEAD; None where the commit is not in the checkout."""
    out = _git(root, "diff", "--name-only", "-z", base, "HEAD", "--")
    return None if out is None else [path for path in out.split("\0") if path]


def remote_commit(url: str, ref: str) -> str | None:
    """The commit that a branch or tag names in a remote repository; None where it has no such ref."""
    command = ["git", "ls-remote", "--exit-code", url, f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    peeled = [sha for sha, name in lines if name.endswith("^{}")]
    return next(iter(peeled or [sha for sha, _ in lines]), None)
