"""How problems and failures look: text with a caret, annotations on a runner, JSON."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO
from unicodedata import east_asian_width

from swiftci.spec.error import Busy, ToolError
from swiftci.spec.problem import Position, Problem, printable
from swiftci.tools.runner import annotation, on_runner

SOURCE_WIDTH_MAX = 160


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """Problems by file, line and column; those without a place first; each once."""
    return sorted(
        dict.fromkeys(problems),
        key=lambda p: (p.position.file, p.position.line, p.position.column) if p.position else ("", 0, 0),
    )


def show_problems(problems: Iterable[Problem], environ: Mapping[str, str], out: TextIO | None = None) -> None:
    """Prints problems as text, and as annotations where there is a runner."""
    out = out or sys.stderr
    for problem in ordered(problems):
        print(text(problem), file=out)
        if on_runner(environ):
            print(as_annotation(problem), file=out)


def text(problem: Problem) -> str:
    """One problem for people: place, severity, code, message, the line with a caret, and the hint."""
    head = f"{problem.position}: " if problem.position else "swiftci: "
    lines = [printable(f"{head}{problem.severity}[{problem.code}]: {problem.message}")]
    if problem.position and problem.position.source.strip():
        lines += _snippet(problem.position)
    if problem.hint:
        lines.append(printable(f"  hint: {problem.hint}"))
    return "\n".join(lines)


def _snippet(position: Position) -> list[str]:
    source = hidden(position.source)
    source = "".join(c if c.isprintable() or c == "\t" else "�" for c in source)
    if len(source) > SOURCE_WIDTH_MAX or position.column > SOURCE_WIDTH_MAX:
        return []
    margin = f"{position.line:5} | "
    before = "".join(
        c if c == "\t" else "  " if east_asian_width(c) in "WF" else " " for c in source[: position.column - 1]
    )
    return [
        margin + source,
        " " * 5 + " | " + before + "^" + "~" * min(position.width - 1, len(source) - position.column),
    ]


def as_annotation(problem: Problem) -> str:
    place = problem.position
    known = {"file": place.file, "line": place.line, "column": place.column} if place else {}
    message = problem.message + (f"\n{problem.hint}" if problem.hint else "")
    level = "error" if problem.severity == "error" else "notice"
    return annotation(level, message, title=f"swiftci: {problem.code}", **known)  # type: ignore[arg-type] # file, line, column


def as_json(problem: Problem) -> dict[str, Any]:
    place = problem.position
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def print_json(data: Any) -> None:
    print(json.dumps(data, ensure_ascii=False, indent=2))


SHOWN_LINES = 30
"""Of a tool's last lines, how many a terminal gets; its log has all."""


_USER = re.compile(r"(?<=://)[^/\s\"']*(?=@)")


def hidden(line: str) -> str:
    """A line of a file without the user and password of an address in it; as long as before, for the caret."""
    return _USER.sub(lambda found: "*" * len(found[0]), line)


def failed(problems: Sequence[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def show_tool_error(error: ToolError, environ: Mapping[str, str]) -> None:
    """What failed, the last lines it said, where the rest is, and what to try."""
    for line in error.tail[-SHOWN_LINES:]:
        print(f"  | {line}", file=sys.stderr)
    code = f" (exit code {error.returncode})" if error.returncode else ""
    print(f"swiftci: error[{error.kind}]: {error.message}{code}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    if error.log:
        print(f"  log: {error.log}", file=sys.stderr)
    if on_runner(environ):
        message = error.message + (f"\n{error.hint}" if error.hint else "")
        print(annotation("error", message, title=f"swiftci: {error.kind}"), file=sys.stderr)


def show_busy(error: Busy, environ: Mapping[str, str]) -> None:
    print(f"swiftci: error[busy]: {error}", file=sys.stderr)
    if on_runner(environ):
        print(annotation("error", str(error), title="swiftci: busy"), file=sys.stderr)
