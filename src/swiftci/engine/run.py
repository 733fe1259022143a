"""The local driver: carries out a plan's calls in order, in this process."""

from collections.abc import Callable
from dataclasses import dataclass

from swiftci.engine.carry import Carried, carry
from swiftci.engine.session import Session
from swiftci.evidence import verdict
from swiftci.plan.build import Plan
from swiftci.spec.error import Interrupted, ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Progress


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
    for name in [name for name in session.record.stages if name not in kept]:
        del session.record.stages[name]  # of an earlier plan, or an earlier run's verdict
    for name in verdict.FILES:
        (session.folder / name).unlink(missing_ok=True)  # of an earlier run: nobody shall take it for this one's
    for call in _calls(plan, until):
        if result is not Exit.DONE and not BY_NAME[call.stage].always:
            told(Done(call=call))
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
    return Exit(result)


def _calls(plan: Plan, until: str | None) -> tuple[Call, ...]:
    """The plan's calls up to the one of that name, else the last of that stage."""
    ids = [call.id for call in plan.calls]
    if until is None:
        return plan.calls
    last = ids.index(until) if until in ids else max(i for i, call in enumerate(plan.calls) if call.stage == until)
    return plan.calls[: last + 1]
