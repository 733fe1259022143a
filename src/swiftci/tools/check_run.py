"""The check run that says on a commit how a config's run went, with notes at the lines of the config."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from swiftci.tools.github_client import asked
from swiftci.tools.pull_request import Pull

Conclusion = Literal["success", "failure", "neutral", "skipped"]
Level = Literal["notice", "warning", "failure"]

SUMMARY_MAX_BYTES = 65_535
ANNOTATIONS_MAX = 50
"""In one request; both from docs.github.com, rest/checks/runs."""
_MESSAGE_BYTES = 60_000
_TITLE = 250


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A note at a line of a file, whose path is relative to the repository."""

    path: str
    line: int
    level: Level
    title: str
    message: str

    @property
    def sent(self) -> dict[str, str | int]:
        return {
            "path": self.path,
            "start_line": self.line,
            "end_line": self.line,
            "annotation_level": self.level,
            "title": self.title[:_TITLE],
            "message": _cut(self.message, _MESSAGE_BYTES),
        }


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a completed check run shows; `summary` is Markdown and `url` where its details are."""

    name: str
    conclusion: Conclusion
    title: str
    summary: str
    url: str | None = None
    annotations: Sequence[Annotation] = ()


def complete(environ: Mapping[str, str], token: str, pull: Pull, check: Check) -> str:
    """Puts a completed check run onto the commit, and returns its address; raises `NoAnswer` or `Refused`.

    Every attempt makes its own, and GitHub counts the newest of a name: one that is updated keeps its old annotations.
    """
    with asked(environ, token) as repository:
        from github.GithubObject import NotSet

        notes = [one.sent for one in check.annotations]
        output = {"title": check.title[:_TITLE], "summary": _cut(check.summary, SUMMARY_MAX_BYTES)}
        made = repository.create_check_run(
            check.name,
            pull.head,
            details_url=check.url or NotSet,
            status="completed",
            conclusion=check.conclusion,
            output={**output, "annotations": notes[:ANNOTATIONS_MAX]},
        )
        for start in range(ANNOTATIONS_MAX, len(notes), ANNOTATIONS_MAX):
            made.edit(output={**output, "annotations": notes[start : start + ANNOTATIONS_MAX]})
        return made.html_url


def _cut(text: str, most: int) -> str:
    """Text of at most so many bytes."""
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode(errors="ignore") + "…"
