"""Whether an earlier run has the result of a plan already, so that no GPU is needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.plan.build import Plan
from swiftci.stages import BY_NAME, decided
from swiftci.stages.stage import Call
from swiftci.store import fingerprint
from swiftci.store import record as records
from swiftci.store.fingerprint import Part
from swiftci.tools import runner

FOLDER = ".swiftci/earlier"
"""Where an earlier run's small files are put, in the checkout."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What came of looking: `why` for people; where a result was found, the `folder` with its small files."""

    why: str
    folder: Path | None = None


def look(root: Path, plan: Plan, parts: Sequence[Part], environ: Mapping[str, str]) -> Look:
    """Asks GitHub for an earlier run's result, where all that decides it is known here; else says who decides."""
    if not runner.on_runner(environ):
        return Look(why="what the store has is taken when it runs; `swiftci fingerprint --explain` tells what that is")
    unknown = _deferred(plan, parts)
    if unknown:
        shown = "; ".join(dict.fromkeys(f"{part.key}: {part.deferred}" for part in unknown[:3]))
        return Look(why=f"whether an earlier run has this result is decided on the GPU machine ({shown})")
    token = environ.get("GITHUB_TOKEN", "")
    if not token:
        return Look(why="whether an earlier run has this result is decided on the GPU machine (no token to ask GitHub)")
    from swiftci.tools import github

    mark = fingerprint.of(parts)
    name = plan.loaded.config.name
    found = github.earlier(name, mark, environ, root / FOLDER, token, lambda files: _good(files, plan, mark))
    if isinstance(found, str):
        return Look(why=f"no earlier run has this result: {found}")
    why = f"nothing that decides the result changed since run {found.run} of {found.branch}: {found.url}"
    return Look(why=why, folder=found.files)


def _deferred(plan: Plan, parts: Sequence[Part]) -> list[Part]:
    found = []
    for call in kept(plan):
        stage = BY_NAME[call.stage]
        found += decided.deferred(stage, stage.inputs(**call.inputs), parts, plan.loaded.config)
    return found


def kept(plan: Plan) -> tuple[Call, ...]:
    """The calls whose results outlive a run."""
    return tuple(call for call in plan.calls if BY_NAME[call.stage].keeps)


def _good(folder: Path, plan: Plan, mark: str) -> bool:
    """Whether a run's small files hold the results of all calls, made from just this."""
    found = records.read(folder)
    return found is not None and found.fingerprint == mark and all(found.succeeded(call.id) for call in kept(plan))
