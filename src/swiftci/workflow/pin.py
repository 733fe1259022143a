"""Pins: which commit each action is used at; swiftci.lock keeps them."""

import re
from dataclasses import dataclass
from pathlib import Path

from swiftci import __version__
from swiftci.config.project import Project
from swiftci.config.read import Section, read
from swiftci.config.yaml import Node, load
from swiftci.plan.build import LOCK
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, quoted
from swiftci.workflow.encode import flow

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Pin(Section):
    """An action's version and its commit."""

    version: str = option("Tag or branch.")
    commit: str = option("The commit, 40 hexadecimal digits.")

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        commit = node.entries.get("commit")
        if commit and not COMMIT.fullmatch(commit.text):
            message = f"{quoted(commit.text)} is not a commit"
            problems.append(
                Problem(code="wrong-value", message=message, position=commit.position, hint="run `swiftci pin`")
            )


@dataclass(frozen=True, kw_only=True)
class Lock(Section):
    """swiftci.lock."""

    version: int = option("Version of this file's format.", default=1)
    swiftci: str = option("Version of swiftci that wrote the workflows.", default=__version__)
    actions: dict[str, Pin] = option("Pins by repository.", factory=dict)


DEFAULT = {
    "actions/checkout": Pin(version="v7.0.1", commit="3d3c42e5aac5ba805825da76410c181273ba90b1"),
    "actions/upload-artifact": Pin(version="v7.0.0", commit="bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"),
    "actions/download-artifact": Pin(version="v8.0.1", commit="3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"),
    "actions/upload-pages-artifact": Pin(version="v5.0.0", commit="fc324d3547104276b827a68afc52ff2a11cc49c9"),
    "actions/deploy-pages": Pin(version="v5.0.0", commit="cd2ce8fcbc39b97be8ca5fce6e763baed58fa128"),
}
"""Released tags of the actions' own repositories."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """What stands behind `uses:`, and the version that the comment names."""

    repository: str
    ref: str
    version: str

    def uses(self, path: str = "") -> str:
        return f"{self.repository}{path}@{self.ref}"


def read_lock(root: Path, problems: list[Problem]) -> Lock | None:
    """The lock; None where there is none, or where `problems` got the reason."""
    if not (root / LOCK).exists():
        return None
    node = load(root / LOCK, LOCK, problems)
    return read(Lock, node, problems, "") if node else None


def text(lock: Lock) -> str:
    """The lock as its file's text."""
    lines = [
        "# Commits that the generated workflows use; `swiftci pin` renews them.",
        "version: 1",
        f"swiftci: {flow(lock.swiftci)}",
        "actions:",
    ]
    for repository, pin in sorted(lock.actions.items()):
        lines += [f"  {flow(repository)}:", f"    version: {flow(pin.version)}", f"    commit: {flow(pin.commit)}"]
    return "\n".join(lines) + "\n"


def third_party(lock: Lock | None, repository: str) -> Use:
    pin = (lock.actions if lock else {}).get(repository) or DEFAULT[repository]
    return Use(repository=repository, ref=pin.commit, version=pin.version)


def own(lock: Lock | None, project: Project) -> Use:
    """Our own actions: at the commit the lock has for the project's ref, else at the ref itself."""
    repository, _, ref = project.actions.partition("@")
    pin = (lock.actions if lock else {}).get(repository)
    if pin and pin.version == ref:
        return Use(repository=repository, ref=pin.commit, version=ref)
    return Use(repository=repository, ref=ref, version=ref)


def unpinned(use: Use) -> Problem | None:
    """The notice for actions whose commit is not known."""
    if COMMIT.fullmatch(use.ref):
        return None
    hint = "run `swiftci pin` where the network is reached, or write the commit after the @ in `actions:`"
    message = f"{use.repository} is used at {use.ref}, which its owner can move; no commit is known for it"
    return Problem(code="unpinned", message=message, hint=hint, severity="notice")
