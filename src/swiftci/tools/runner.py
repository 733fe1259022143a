"""The GitHub runner's files and commands: outputs, job summary, annotations, log groups."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # `swiftci --help` reads no config
    from swiftci.config.project import Project

RUNNER_FILES = (
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
)
"""What a tool and the model's code in it must not reach; the report stage alone gets the summary."""

SUMMARY_MAX_BYTES = 1_000_000
"""A step's summary may have 1 MiB (docs.github.com, workflow commands)."""


def on_runner(environ: Mapping[str, str]) -> bool:
    return environ.get("GITHUB_ACTIONS") == "true"


def visible(environ: Mapping[str, str], project: "Project", groups: Sequence[str] = ()) -> dict[str, str]:
    """What a tool may see of an environment: of the project's secrets those of `groups`, nothing of the runner's."""
    secret = asdict(project.secrets)
    own = {name for group in groups for name in secret[group]}
    hidden = {name for names in secret.values() for name in names} - own
    return {key: value for key, value in environ.items() if key not in hidden and key not in RUNNER_FILES}


def write_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Sets outputs of the current step; nothing where there is no runner."""
    path = environ.get("GITHUB_OUTPUT")
    if not path:
        return
    with Path(path).open("a", encoding="utf-8") as file:
        for name, value in values.items():
            mark = f"swiftci-{secrets.token_hex(8)}"  # a value cannot guess it and end itself early
            file.write(f"{name}<<{mark}\n{value}\n{mark}\n")


def write_summary(environ: Mapping[str, str], markdown: str) -> None:
    """Appends to the job summary; cut at GitHub's limit, since a larger one is dropped whole."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    data = markdown.encode()
    if len(data) > SUMMARY_MAX_BYTES:
        data = data[: SUMMARY_MAX_BYTES - 100].rsplit(b"\n", 1)[0] + b"\n\n(cut: the whole report is in the artifact)\n"
    with Path(path).open("ab") as file:
        file.write(data + b"\n")


def escape(text: str) -> str:
    """Text as a workflow command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def annotation(level: str, message: str, *, title: str = "", file: str = "", line: int = 0, column: int = 0) -> str:
    """One `::error …::` line; `level` is error, warning or notice."""
    values = {"file": file, "line": line or "", "col": column or "", "title": title}
    parts = [
        f"{key}={escape(str(value)).replace(':', '%3A').replace(',', '%2C')}" for key, value in values.items() if value
    ]
    return f"::{level} {','.join(parts)}::{escape(message)}" if parts else f"::{level}::{escape(message)}"


@contextmanager
def group(out: TextIO, environ: Mapping[str, str], title: str) -> Iterator[None]:
    """A foldable part of a runner's log, in which the runner obeys no command; plain lines elsewhere.

    A tool's output could hold `::set-output` or `##[…]`; the runner trims a line before it looks for them, so only
    stopping commands altogether helps.
    """
    if not on_runner(environ):
        yield
        return
    token = secrets.token_hex(16)
    print(f"::group::{escape(title)}\n::stop-commands::{token}", file=out, flush=True)
    try:
        yield
    finally:
        print(f"::{token}::\n::endgroup::", file=out, flush=True)
