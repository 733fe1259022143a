"""The local driver: carries out a plan's calls in order, in this process."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from swiftci.engine import result as results
from swiftci.engine.carry import Carried, carry
from swiftci.engine.session import Session
from swiftci.evidence import verdict
from swiftci.plan.build import Plan
from swiftci.spec.error import Interrupted, ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Progress
from swiftci.store.record import StageRecord


@dataclass(frozen=True, kw_only=True)
class Done:
    """A call that was dealt with: carried out, or failed with `error`, or left out when both are None."""

    call: Call
    carried: Carried | None = None
    error: Exception | None = None


def run(
    session: Session,
    plan: Plan,
    progress: Callable[[Call], Progress],
    told: Callable[[Done], None],
    *,
    until: str | None = None,
    force: bool = False,
) -> Exit:
    """Runs a plan; after a failure only the calls that always run. Returns the first failure's exit code."""
    result = Exit.DONE
    kept = {call.id for call in plan.calls if BY_NAME[call.stage].reusable}
    reported = _put_aside(session)
    for name in [name for name in session.record.stages if name not in kept]:
        del session.record.stages[name]  # of an earlier plan, or an earlier run's verdict
    anew = force
    for call in _calls(plan, until):
        if result is not Exit.DONE and not BY_NAME[call.stage].always:
            told(Done(call=call))
            continue
        if call.stage == "report" and not anew and reported and _brought_back(session, reported):
            told(Done(call=call, carried=Carried(outputs=reported.outputs, exit=Exit.DONE, reused=True)))
            continue
        try:
            carried = carry(session, call, progress(call), force=force)
        except Interrupted:
            raise
        except (ToolError, ConfigError) as error:
            told(Done(call=call, error=error))
            result = result or (error.exit if isinstance(error, ToolError) else Exit.CONFIG)
        else:
            told(Done(call=call, carried=carried))
            result = result or carried.exit
            anew = anew or (BY_NAME[call.stage].keeps and not carried.reused) or bool(carried.origin)
    shutil.rmtree(session.folder / _BEFORE, ignore_errors=True)
    return Exit(result)


_BEFORE = ".before"
"""Where an earlier run's verdict and report lie until it is known whether this one's are the same."""


def _put_aside(session: Session) -> StageRecord | None:
    """Takes an earlier run's verdict and report away, so that nobody takes them for this one's; its report's entry."""
    folder = session.folder / _BEFORE
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in verdict.FILES:
        if (session.folder / name).is_file():
            (session.folder / name).replace(folder / name)
    entry = session.record.stages.get("report")
    return entry if entry and entry.state == "succeeded" and entry.digest == _shown(session) else None


def _brought_back(session: Session, entry: StageRecord) -> bool:
    """Puts the earlier report back where it would be written the same; the verdict is this run's own."""
    folder = session.folder / _BEFORE
    try:
        same = (folder / verdict.FILE).read_bytes() == (session.folder / verdict.FILE).read_bytes()
    except OSError:
        same = False
    found = [folder / name for name in verdict.FILES if name != verdict.FILE]
    page = folder / "report.html"
    same = same and page.is_file() and f'lang="{session.project.language}"' in page.read_text(encoding="utf-8")[:300]
    if not same or not all(path.is_file() for path in found):
        return False
    for path in found:
        path.replace(session.folder / path.name)
    session.record.stages["report"] = entry
    session.save()
    return True


def _shown(session: Session) -> str:
    """The digest of what a report shows besides results and verdict."""
    stage = BY_NAME["report"]
    return results.digest(session, stage, stage.inputs())[0]


def _calls(plan: Plan, until: str | None) -> tuple[Call, ...]:
    """The plan's calls up to the one of that name, else the last of that stage."""
    ids = [call.id for call in plan.calls]
    if until is None:
        return plan.calls
    last = ids.index(until) if until in ids else max(i for i, call in enumerate(plan.calls) if call.stage == until)
    return plan.calls[: last + 1]
