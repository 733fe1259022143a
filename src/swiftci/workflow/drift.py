"""Whether a workflow on disk is still what its config says, and who changed it when it is not."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swiftci.store.digest import of_data

MARK_DIGITS = 16
UNKNOWN = "0" * MARK_DIGITS
"""Stands for a digest in the mark of a text whose tree is not known yet."""
_MARK = re.compile(rf"^# swiftci: ([0-9a-f]{{{MARK_DIGITS}}}) ([0-9a-f]{{{MARK_DIGITS}}})$", re.MULTILINE)
_PIN = re.compile(r"uses:\s*[\"']?([\w.-]+/[\w.-]+)(?:/[^@\s\"']*)?@([0-9a-f]{40})[\"']?\s*#\s*(\S+)")

_VERSION = re.compile(r"v?([0-9]{1,9}(?:\.[0-9]{1,9})*)")

State = Literal["same", "missing", "edited", "outdated", "newer", "pins-ahead"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How a file differs from what would be written."""

    state: State
    pins: dict[str, tuple[str, str]]


def tree_digest(tree: Any) -> str:
    """The drift mark's first half: of the workflow without its refs, so that a bot's bump does not change it."""
    return of_data(_without_refs(tree))[:MARK_DIGITS]


def marked(text: str, tree: Any) -> str:
    """A workflow's text with its tree's digest in the mark, which is a comment: the tree stays what it is."""
    return _MARK.sub(lambda mark: f"# swiftci: {tree_digest(tree)} {mark[2]}", text, count=1)


def compare(on_disk: str, tree: Any, expected: str, expected_tree: Any) -> Drift:
    """How a file differs; `tree` is what the file holds, None where it is no YAML.

    edited: its tree does not have the digest its own header names. outdated: config or lock changed. newer: only this
    swiftci's templates did. pins-ahead: only commits behind `uses:` differ, and each is of a newer version.
    """
    found = _MARK.search(on_disk)
    wanted = _MARK.search(expected)
    if tree is None or found is None or wanted is None or tree_digest(tree) != found[1]:
        return Drift(state="edited", pins={})
    if tree == expected_tree:
        return Drift(state="same", pins={})
    if found[2] != wanted[2]:
        return Drift(state="outdated", pins={})
    if found[1] != wanted[1]:
        return Drift(state="newer", pins={})
    ours, theirs = pins(expected), pins(on_disk)
    moved = {name: pin for name, pin in theirs.items() if pin[0] != ours.get(name, ("", ""))[0]}
    ahead = all(name in ours and newer(pin[1], ours[name][1]) for name, pin in moved.items())
    if ahead and _moved(expected_tree, moved) == tree:
        return Drift(state="pins-ahead", pins=moved)
    return Drift(state="outdated", pins={})


def newer(version: str, than: str) -> bool:
    """Whether a version comment names a later release than another; False where either names none."""
    numbers = [_VERSION.fullmatch(text) for text in (version, than)]
    one, other = ([int(part) for part in found[1].split(".")] if found else [] for found in numbers)
    return bool(other) and one > other


def pins(text: str) -> dict[str, tuple[str, str]]:
    """The pins in a workflow's text: repository to commit and version comment."""
    return {repository: (commit, version) for repository, commit, version in _PIN.findall(text)}


def _without_refs(tree: Any) -> Any:
    return _each_use(tree, lambda uses: uses.partition("@")[0])


def _moved(tree: Any, pins: Mapping[str, tuple[str, str]]) -> Any:
    """The tree with every use of these repositories at these commits."""

    def move(uses: str) -> str:
        path, _, ref = uses.partition("@")
        commit, _ = pins.get("/".join(path.split("/")[:2]), (ref, ""))
        return f"{path}@{commit}"

    return _each_use(tree, move)


def _each_use(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, dict):
        return {
            key: change(value) if key == "uses" and isinstance(value, str) else _each_use(value, change)
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [_each_use(item, change) for item in tree]
    return tree
