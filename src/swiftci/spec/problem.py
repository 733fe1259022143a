"""A problem: one mistake of a user's, with its place, what was found, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NamedTuple

CODES = {
    "actions-owner": "`actions` does not name a repository and a ref",
    "bad-character": "text holds a character that no shell, file or YAML can carry",
    "bad-cron": "a schedule is not five cron fields",
    "bad-name": "a name cannot be a file name and a job id",
    "bad-yaml": "a file is not YAML",
    "bomb": "a file unfolds to far more than it says: alias bomb, nesting",
    "data-empty": "a data file holds no row",
    "data-format": "a data file is not the JSON lines it should be",
    "duplicate-key": "a key stands twice in one map",
    "edited": "a generated file was changed by hand",
    "empty": "a file is empty",
    "expression": "`${{` in config text: expressions are only made by swiftci",
    "foreign-run": "a run directory belongs to another config",
    "host-code": "a benchmark would run model-written code on the host",
    "missing-key": "a required key is absent",
    "missing-stage": "a stage needs the result of one that has not run",
    "no-config": "no project file, or no config matches",
    "no-run": "no run of that name, or one whose training did not succeed",
    "no-trust": "a pull request would reach a GPU and `trust` is not set",
    "not-text": "a file is not UTF-8 text",
    "null-argument": "a tool's argument is null, which would become the text None",
    "outdated": "a generated file does not match its config",
    "owned-argument": "an argument that swiftci sets itself",
    "path-missing": "a model or data path does not exist",
    "pins-ahead": "a workflow pins a newer commit than swiftci.lock",
    "same-name": "two configs have one name",
    "secret-argument": "a token stands in a config",
    "suspect-argument": "an argument that this version of the tool's list does not have",
    "too-large": "a file is larger than any config is",
    "unknown-key": "a key that does not exist",
    "unpinned": "actions are used by tag, since their commit is not known",
    "unreadable": "a file is missing or cannot be read",
    "unshared-store": "jobs or machines need a store that all of them see",
    "unsupported": "a value that this version cannot carry out",
    "usage": "a mistake on the command line",
    "wrong-type": "a value of another type than expected",
    "wrong-value": "a value that is not one of those possible",
}
"""Every code there is, and what it stands for."""

Severity = Literal["error", "notice"]


class Position(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1
    source: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake; `severity` notice does not fail a command."""

    code: str
    message: str
    position: Position | None = None
    hint: str = ""
    severity: Severity = "error"

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise KeyError(self.code)


class ConfigError(Exception):
    """All problems of one command; exit code 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(p.message for p in self.problems))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` was most likely meant to be."""
    close = get_close_matches(word, list(words), n=1, cutoff=0.7)
    return close[0] if close else None


def quoted(text: str, limit: int = 60) -> str:
    """Text in double quotes, shortened, and with nothing in it that could move a terminal."""
    return f'"{printable(text if len(text) <= limit else text[: limit - 1] + "…")}"'


def printable(text: str) -> str:
    """Text with escapes for whatever could move a terminal, end a line, or not be written at all."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}" for c in text)
