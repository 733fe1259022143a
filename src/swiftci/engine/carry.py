"""Carries out one stage call: reuse what is there, else run it and journal how it went."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swiftci.config.arguments import SECRET_VARIABLE
from swiftci.config.model import Config
from swiftci.engine.session import Session
from swiftci.spec.error import Interrupted, ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.option import options
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Context, Progress, Stage
from swiftci.store.digest import listing, of_data
from swiftci.store.fingerprint import local_digests
from swiftci.store.record import StageRecord
from swiftci.tools.hub.fetched import commits
from swiftci.tools.local_path import exists, local

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
"""What a tool and the model's code in it must not reach; the report stage alone writes the summary."""

MARGIN_MINUTES = 10
"""Training stops this long before its job would be cut off."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What came of a call."""

    outputs: dict[str, Any]
    exit: Exit
    reused: bool


def inputs_of(stage: Stage, given: Mapping[str, str]) -> Any:
    """A stage's inputs from texts; absent and empty ones are the defaults. Raises ConfigError."""
    values: dict[str, Any] = {}
    problems = []
    known = {one.name: one for one in options(stage.inputs)}
    for name, text in given.items():
        if text == "":
            continue  # an action's input that was not given
        one = known[name]
        if one.choices and text not in one.choices:
            message = f"{one.key} cannot be {text!r}"
            problems.append(Problem(code="usage", message=message, hint="possible: " + ", ".join(one.choices)))
        values[name] = text
    problems += [
        Problem(code="usage", message=f"the stage {stage.name} needs --{one.key}", hint=one.help)
        for one in known.values()
        if one.required and one.name not in values
    ]
    if problems:
        raise ConfigError(problems)
    return stage.inputs(**values)


def carry(session: Session, call: Call, progress: Progress, *, force: bool = False) -> Carried:
    """Carries out one call and returns its outputs; every failure is journaled, then raised."""
    stage = BY_NAME[call.stage]
    inputs = inputs_of(stage, call.inputs)
    needs = _executions(session, call, stage.needs(inputs))
    digest = _digest(session, stage, inputs, needs)
    journal = session.record.stages
    before = journal.get(call.id)
    same = before is not None and before.digest == digest and session.record.succeeded(call.id)
    if (
        before
        and same
        and stage.reusable
        and not force
        and before.inventory == _inventory(session, stage, before.outputs)
    ):
        outputs = stage.outputs(**before.outputs)
        return Carried(outputs=before.outputs, exit=stage.exit(outputs), reused=True)
    entry = StageRecord(
        state="running", digest=digest, execution=secrets.token_hex(8), started=time.time(), needs=needs
    )
    journal[call.id] = entry
    try:
        session.save()
        outputs = stage.run(inputs, _context(session, stage, progress))
    except BaseException as error:
        _note(entry, error)
        entry.seconds = time.time() - entry.started
        session.save()
        raise
    entry.outputs = {one.name: _portable(getattr(outputs, one.name), session.folder) for one in options(stage.outputs)}
    entry.inventory = _inventory(session, stage, entry.outputs)
    entry.exit = stage.exit(outputs)
    entry.state = "succeeded"
    entry.seconds = time.time() - entry.started
    session.save()
    return Carried(outputs=entry.outputs, exit=stage.exit(outputs), reused=False)


def _executions(session: Session, call: Call, needs: tuple[str, ...]) -> dict[str, str]:
    missing = [name for name in needs if not session.record.succeeded(name)]
    if missing:
        message = f"{call.id} needs the result of {', '.join(missing)}, which {session.folder} does not hold"
        hint = (
            f"run that stage first with the same --run-dir: swiftci stage {missing[0]} --config {session.loaded.path}"
        )
        raise ConfigError([Problem(code="missing-stage", message=message, hint=hint)])
    return {name: session.record.stages[name].execution for name in needs}


def _digest(session: Session, stage: Stage, inputs: Any, needs: Mapping[str, str]) -> str:
    """Of everything that decides the call's result."""
    config = session.loaded.config
    return of_data(
        {
            "stage": stage.name,
            "inputs": asdict(inputs),
            "content": _content(session, inputs),
            "hub": asdict(session.project.hub),
            "config": {name: _section(config, name) for name in stage.reads},
            "fetched": commits(session.folder, stage.reads),
            "local": local_digests(config, session.root, session.digests, stage.reads),
            "versions": {name: session.record.versions.get(name) for name in stage.packages},
            "needs": dict(needs),
        }
    )


def _section(config: Config, name: str) -> Any:
    """A section of the config, or one value in it by its dotted key, as plain data."""
    value: Any = asdict(config)
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _content(session: Session, inputs: Any) -> dict[str, str]:
    """The digests of the files and folders that inputs name, such as a checkpoint."""
    paths = {
        name: local(value, session.root, data=False) for name, value in asdict(inputs).items() if isinstance(value, str)
    }
    return {name: session.digests.of(path) for name, path in paths.items() if path and exists(path)}


def _context(session: Session, stage: Stage, progress: Progress) -> Context:
    groups = asdict(session.project.secrets)
    own = {name for group in stage.secrets for name in groups[group]}
    named = {name for names in groups.values() for name in names}
    hidden = named - own
    hidden |= {name for name in RUNNER_FILES if name != "GITHUB_STEP_SUMMARY" or stage.name != "report"}
    environ = {key: value for key, value in session.environ.items() if key not in hidden}
    return Context(
        root=session.root,
        folder=session.folder,
        project=session.project,
        loaded=session.loaded,
        record=session.record,
        environ=environ,
        progress=progress,
        store=session.store,
        secrets=tuple(
            value
            for name, value in session.environ.items()
            if value and (name in named or SECRET_VARIABLE.fullmatch(name))
        ),
        deadline=_deadline(session),
    )


def _deadline(session: Session) -> float:
    limits = session.loaded.config.limits
    minutes = min(limits.job_minutes, limits.run_minutes or limits.job_minutes)
    return session.record.attempt_started + 60 * (minutes - min(MARGIN_MINUTES, minutes / 2))


def _note(entry: StageRecord, error: BaseException) -> None:
    match error:
        case Interrupted() | KeyboardInterrupt():
            entry.state, entry.exit, entry.error = "interrupted", Exit.INTERRUPTED, str(error) or "stopped by SIGINT"
        case ConfigError():
            entry.state, entry.exit, entry.error = "failed", Exit.CONFIG, str(error)
        case ToolError():
            entry.state, entry.exit, entry.error = "failed", error.exit, error.message
        case _:
            entry.state, entry.exit, entry.error = "failed", Exit.BUG, f"{type(error).__name__}: {error}"


def _inventory(session: Session, stage: Stage, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Names and sizes of the files that a result is made of: one that was deleted or cut off is no result."""
    paths = {
        one.name: session.folder / str(outputs[one.name])
        for one in options(stage.outputs)
        if Path in one.types and outputs.get(one.name)
    }
    return {name: listing(path) for name, path in paths.items()}


def _portable(value: Any, folder: Path) -> Any:
    """A path inside the run directory relative to it, so that the directory can be moved."""
    if not isinstance(value, Path):
        return value
    return value.relative_to(folder).as_posix() if value.is_relative_to(folder) else str(value)
