"""Whether a workflow on disk is still what its config says, and who changed it when it is not."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from swiftci.store.digest import of_data

MARK_DIGITS = 16
_MARK = re.compile(rf"^# swiftci: ([0-9a-f]{{{MARK_DIGITS}}}) ([0-9a-f]{{{MARK_DIGITS}}})$", re.MULTILINE)
_PIN = re.compile(r"uses:\s*[\"']?([\w.-]+/[\w.-]+)(?:/[^@\s\"']*)?@([0-9a-f]{40})[\"']?\s*#\s*(\S+)")

State = Literal["same", "missing", "edited", "outdated", "newer", "pins-ahead"]


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How a file differs from what would be written."""

    state: State
    pins: dict[str, tuple[str, str]]


def tree_digest(tree: Any) -> str:
    """The drift mark's first half: of the workflow without its refs, so that a bot's bump does not change it."""
    return of_data(_without_refs(tree))[:MARK_DIGITS]


def compare(on_disk: str | None, tree: Any, expected: str, expected_tree: Any) -> Drift:
    """How a file differs; `tree` is what the file holds, None where it is no YAML.

    edited: its tree does not have the digest its own header names. outdated: its config changed. newer: only this
    swiftci's templates did. pins-ahead: only commits behind `uses:` differ.
    """
    if on_disk is None:
        return Drift(state="missing", pins={})
    found = _MARK.search(on_disk)
    wanted = _MARK.search(expected)
    if tree == expected_tree and found and wanted and found[0] == wanted[0]:
        return Drift(state="same", pins={})
    if tree is None or found is None or wanted is None or tree_digest(tree) != found[1]:
        return Drift(state="edited", pins={})
    if found[1] == wanted[1]:
        if tree == expected_tree:
            return Drift(state="outdated", pins={})
        return Drift(state="pins-ahead", pins=pins(on_disk))
    return Drift(state="newer" if found[2] == wanted[2] else "outdated", pins={})


def pins(text: str) -> dict[str, tuple[str, str]]:
    """The pins in a workflow's text: repository to commit and version comment."""
    return {repository: (commit, version) for repository, commit, version in _PIN.findall(text)}


def _without_refs(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {
            key: _ref(value) if key == "uses" and isinstance(value, str) else _without_refs(value)
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [_without_refs(item) for item in tree]
    return tree


def _ref(uses: str) -> str:
    return uses.partition("@")[0]
