"""A config's workflow file: what it should hold, and how the one on disk differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Project
from swiftci.config.yaml import parse
from swiftci.plan.build import Plan, workflow_path
from swiftci.plan.leaderboard import NAME
from swiftci.spec.problem import Position, Problem
from swiftci.workflow import leaderboard
from swiftci.workflow.drift import Drift, compare
from swiftci.workflow.pin import Lock
from swiftci.workflow.render import render
from swiftci.workflow.tree import read_tree
from swiftci.workflow.view import Profile


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A workflow with its place; `shown` is the place in messages."""

    path: Path
    shown: str
    source: str
    text: str
    drift: Drift


def rendered(
    root: Path, project: Project, plan: Plan, lock: Lock | None, profile: Profile, output: Path | None = None
) -> Rendered:
    """The workflow of a plan, compared with the file that is there."""
    text = render(root, project, plan, lock, profile)
    return _compared(root, plan.loaded.config.name, plan.loaded.path, text, output)


def rendered_board(
    root: Path, project: Project, configs: Sequence[Loaded], lock: Lock | None, profile: Profile, output: Path | None
) -> list[Rendered]:
    """The leaderboard's workflow likewise, where the project has one."""
    section = project.leaderboard
    measured = next((one for one in configs if section and one.path == section.config), None)
    if measured is None:
        return []
    text = leaderboard.render(project, measured, lock, profile)
    return [_compared(root, NAME, FILE, text, output)]


def _compared(root: Path, name: str, source: str, text: str, output: Path | None) -> Rendered:
    shown = workflow_path(name)
    path = root / shown if output is None else output / Path(shown).name
    return Rendered(path=path, shown=shown, source=source, text=text, drift=_drift(path, text))


def _drift(path: Path, text: str) -> Drift:
    """How the file at a path differs from a rendered text; trees are only read where the texts differ."""
    if not path.exists():
        return Drift(state="missing", pins={})
    on_disk = path.read_text(encoding="utf-8", errors="replace")
    if on_disk == text:
        return Drift(state="same", pins={})
    node = parse(on_disk, path.name, [])
    return compare(on_disk, node and node.value, text, read_tree(text))


def problem(one: Rendered) -> Problem | None:
    """What `--check` says of a file; None where it is as it should be."""
    position = Position(file=one.shown)
    match one.drift.state:
        case "same":
            return None
        case "missing":
            return Problem(
                code="outdated", message=f"{one.shown} is not there", position=position, hint="run `swiftci generate`"
            )
        case "edited":
            hint = f"put the change into {one.source} or swiftci.yaml, remove the file, and run `swiftci generate`"
            message = "was changed by hand; `swiftci generate` would lose that, so it refuses"
            return Problem(code="edited", message=message, position=position, hint=hint)
        case "newer":
            message = "this swiftci would write it differently than the one that did"
            return Problem(
                code="outdated", message=message, position=position, hint="run `swiftci generate`", severity="notice"
            )
        case "pins-ahead":
            pins = ", ".join(f"{repository} {version}" for repository, (_, version) in sorted(one.drift.pins.items()))
            message = f"uses other commits than swiftci.lock: {pins}"
            return Problem(
                code="pins-ahead",
                message=message,
                position=position,
                hint="`swiftci pin` takes them into the lock",
                severity="notice",
            )
        case _:
            message = f"does not match {one.source}, swiftci.yaml and swiftci.lock any more"
            return Problem(code="outdated", message=message, position=position, hint="run `swiftci generate`")
