"""Judges the run by the config's rules; what failed or was not measured is invalid, never a pass."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from swiftci.evidence import verdict
from swiftci.evidence.judge import judge
from swiftci.evidence.sentence import sentence
from swiftci.evidence.verdict import Override, Reason, Verdict
from swiftci.spec.exit import Exit
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages.baseline import look_up
from swiftci.stages.evidence import gather
from swiftci.stages.stage import Context, Place, Stage
from swiftci.store.record import Record

_DECISIVE = ("download", "train", "evaluate", "evaluate-base")
"""The calls without which nothing can be judged."""
_UNFINISHED = {"running": "was cut off while it ran", "interrupted": "was interrupted", "failed": "failed"}
_STALE = "is older than what it was made from"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What happened before, where another machine did it."""

    needs: str | None = option("Results of the jobs before, as `toJSON(needs)` gives them.", default=None)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The outcome."""

    verdict: str = option("pass, fail, inconclusive, invalid or skipped.")
    exit: int = option("The exit code that the verdict asks for.")


def run(inputs: Inputs, context: Context) -> Outputs:
    needs = _needs(inputs.needs)
    planned = _of_plan(needs)
    if needs is not None and planned is None:
        look_up(context)
    found = planned or _of_stages(context.record) or _of_job(needs) or _of_rules(context)
    if needs is not None and found.exit == Exit.REFUSED:
        found = _accepted(found, context)
    context.record.verdict = found.verdict
    verdict.write(context.folder, found)
    for reason in found.reasons:
        context.progress.line(f"{reason.verdict}: {reason.text}")
    return Outputs(verdict=found.verdict, exit=found.exit)


def _accepted(found: Verdict, context: Context) -> Verdict:
    """The verdict, with the override of somebody who may write, where there is one for this very commit."""
    from swiftci.tools.override import override

    taken, refused = override(context.environ, context.environ.get("GITHUB_TOKEN", ""), context.record.name)
    for why in refused:
        context.progress.line(why)
    if taken is None:
        return found
    context.progress.line(f"accepted by {taken.by}: {taken.reason}")
    return replace(found, override=Override(**asdict(taken)), exit=Exit.DONE)


def judged(context: Context) -> Verdict:
    """What the run directory says by itself."""
    return _of_stages(context.record) or _of_rules(context)


def _needs(text: str | None) -> dict[str, Any] | None:
    """The jobs before: `plan`, `train` and those that went on with it, each with `result` and `outputs`."""
    if text is None:
        return None
    try:
        needs = json.loads(text)
        found = {
            name: {"result": str(one["result"]), "outputs": dict(one.get("outputs") or {})}
            for name, one in needs.items()
        }
        if missing := {"plan", "train"} - set(found):
            raise KeyError(missing)
        return found
    except (ValueError, TypeError, KeyError, AttributeError):
        hint = "pass `${{ toJSON(needs) }}` of a job that needs `plan` and `train`"
        raise ConfigError(
            [Problem(code="usage", message="`needs` is not what toJSON(needs) gives", hint=hint)]
        ) from None


def _of_plan(needs: dict[str, Any] | None) -> Verdict | None:
    """What the plan job already decided; None where it said go."""
    if needs is None:
        return None
    plan = needs["plan"]
    if plan["outputs"].get("artifact"):
        return None  # an earlier run's result is judged
    if plan["result"] != "success":
        reason = Reason(verdict="invalid", text=f"the plan job ended as {plan['result']}; its log says why")
        return Verdict(verdict="invalid", reasons=(reason,), exit=Exit.CONFIG)
    if plan["outputs"].get("go") != "true":
        return Verdict.of(
            [Reason(verdict="skipped", text=plan["outputs"].get("reason") or "the plan found nothing to do")]
        )
    return None


def _of_job(needs: dict[str, Any] | None) -> Verdict | None:
    """Invalid where the train job did not end well."""
    if needs is None or needs["plan"]["outputs"].get("artifact"):
        return None
    trained = {name: one["result"] for name, one in needs.items() if name != "plan"}
    ended = {name: result for name, result in trained.items() if result != "skipped"} or {"train": trained["train"]}
    bad = [f"the {name} job ended as {result}" for name, result in ended.items() if result != "success"]
    return Verdict.of([Reason(verdict="invalid", text=text) for text in bad]) if bad else None


def _of_stages(record: Record) -> Verdict | None:
    """Invalid where a stage that was begun has no result."""
    broken = [(name, one) for name, one in record.stages.items() if name in _DECISIVE and not record.succeeded(name)]
    reasons = [
        Reason(verdict="invalid", text=f"{name}: {one.error or _UNFINISHED.get(one.state, _STALE)}")
        for name, one in broken
    ]
    return Verdict.of(reasons) if reasons else None


def _of_rules(context: Context) -> Verdict:
    config = context.loaded.config
    if not config.evaluate and not context.record.succeeded("train"):
        return Verdict.of([Reason(verdict="invalid", text="no training succeeded in this run; its job left no result")])
    if config.evaluate and not context.record.succeeded("evaluate"):
        return Verdict.of([Reason(verdict="invalid", text="nothing was evaluated in this run; its job left no result")])
    if not config.gate.rules:
        reason = Reason(verdict="pass", text="", note="no_rules")
        return Verdict.of([replace(reason, text=sentence(reason, "en"))])
    try:
        return judge(config.gate, gather(context))
    except ValueError as error:
        return Verdict.of([Reason(verdict="invalid", text=str(error))])


STAGE = Stage(
    name="gate",
    help="Judge the result by the config's rules.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.CPU,
    reads=("evaluate", "gate"),
    sees=("GITHUB_TOKEN",),
    always=True,
    reusable=False,
    exit=lambda outputs: Exit(outputs.exit),
)
