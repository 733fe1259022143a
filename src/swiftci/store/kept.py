"""What a store keeps: results of stages by digest, records of runs, and which run was a branch's newest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

RESULT = "entry.json"
"""A result's own file: the stage's journal entry, and its files with sizes and digests."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A run's record in a store; `run` names it among those of its config, `data` is its run.json."""

    name: str
    run: str
    data: Mapping[str, Any]


class Store(Protocol):
    """Where results outlive the runs that made them: a folder, or a bucket.

    Results are whole or not there, and safe to keep for two runs at once. Raises ToolError where it cannot be reached.
    """

    @property
    def where(self) -> str:
        """The folder or address, for people."""

    @property
    def local(self) -> Path | None:
        """The folder, where it is one."""

    def find(self, digest: str) -> dict[str, Any] | None:
        """The journal entry of a result; None where there is none, or it is damaged."""

    def keep(self, digest: str, entry: Mapping[str, Any], folder: Path, names: Sequence[str]) -> None:
        """Keeps files and folders of a run directory, by their names in it; a result of that digest is replaced."""

    def take(self, digest: str, folder: Path) -> dict[str, Any] | None:
        """Brings a result's files into a run directory, and gives its entry; None where it is gone or damaged."""

    def lock(self, digest: str, waiting: Callable[[], None]) -> AbstractContextManager[bool]:
        """While inside, no other process makes this result; False where the store cannot promise that."""

    def put(self, name: str, run: str, folder: Path, names: Sequence[str]) -> Path | None:
        """Keeps a run's record: its small files; gives where, if that is a folder."""

    def records(self, name: str | None = None) -> Iterator[Kept]:
        """All records, or a config's; those that are damaged are left out."""

    def bring(self, name: str, run: str, folder: Path) -> None:
        """Brings a record's files into a folder."""

    def append(self, line: Mapping[str, Any]) -> None:
        """Adds to the history."""

    def history(self) -> Iterator[dict[str, Any]]:
        """What was added, in its order."""

    def fsck(self, *, deep: bool) -> list[str]:
        """What is wrong, one sentence each; `deep` reads every byte."""
