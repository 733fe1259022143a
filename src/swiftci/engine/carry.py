"""Carries out one stage call: reuse what is there, else run it and journal how it went."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from swiftci.config.arguments import SECRET_VARIABLE
from swiftci.engine import result
from swiftci.engine.session import Session
from swiftci.spec.error import Interrupted, Partial, ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.option import options
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Context, Progress, Stage
from swiftci.store.digest import of_data
from swiftci.store.kept import Store
from swiftci.store.record import StageRecord
from swiftci.tools import retry, runner

MARGIN_MINUTES = 10
"""Training stops this long before its job would be cut off."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What came of a call."""

    outputs: dict[str, Any]
    exit: Exit
    reused: bool
    origin: str = ""


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
    """Carries out one call and returns its outputs; every failure is journaled, then raised.

    A result that this run has, or the store, is taken instead; a forced call takes only what its own workflow run made
    so in an earlier job. Of two runs that want the same result at the same time, one makes it and the other waits.
    """
    stage = BY_NAME[call.stage]
    inputs = inputs_of(stage, call.inputs)
    needs = _executions(session, call, stage.needs(inputs))
    digest, known = result.digest(session, stage, inputs)
    keeps = stage.keeps and known
    work = _Work(session, call, stage, inputs, needs, digest, progress, keeps=keeps, force=force)
    if stage.reusable and (entry := work.done()):
        work.keep_late(entry)
        return work.carried(entry, reused=True)
    with work.alone():
        if stage.reusable and (entry := work.kept()):
            return work.carried(entry, reused=True)
        return work.carried(work.run(), reused=False)


@dataclass(frozen=True)
class _Work:
    """One call with all that it is made from."""

    session: Session
    call: Call
    stage: Stage
    inputs: Any
    needs: Mapping[str, str]
    digest: str
    progress: Progress
    keeps: bool
    force: bool

    def carried(self, entry: StageRecord, *, reused: bool) -> Carried:
        code = self.stage.exit(self.stage.outputs(**entry.outputs))
        return Carried(outputs=entry.outputs, exit=code, reused=reused, origin=entry.origin)

    @property
    def forced(self) -> str:
        """The workflow run that forces the call; `-` where there is none, and empty where it is not forced."""
        return (self.session.environ.get("GITHUB_RUN_ID") or "-") if self.force else ""

    def done(self) -> StageRecord | None:
        """The run's own entry, where its result is there and was made from the same."""
        entry = self.session.record.stages.get(self.call.id)
        if entry is None or entry.digest != self.digest or not self.session.record.succeeded(self.call.id):
            return None
        if self.force and (self.forced == "-" or entry.forced != self.forced):
            return None
        if not result.declared(self.stage, entry.outputs):
            return None
        found = result.inventory(self.session, self.stage, self.inputs, entry.outputs)
        return entry if entry.inventory == found else None

    @contextmanager
    def alone(self) -> Iterator[None]:
        store = self.session.store
        if store is None or not self.keeps:
            yield
            return
        waiting = partial(self.progress.line, "another run makes this very result; waiting for it")
        with store.lock(self.digest, waiting):
            yield

    def kept(self) -> StageRecord | None:
        """The store's result, brought into the run; None where it has none, or one made from another training."""
        store = self.session.store
        if store is None or not self.keeps or self.forced == "-":
            return None
        try:
            entry = result.take(self.session, self.stage, self.inputs, self.digest, self.needs, self.forced)
        except (ToolError, OSError) as error:
            self.progress.line(f"the store cannot be asked: {error}")
            return None
        if entry:
            self.session.record.stages[self.call.id] = entry
            self.session.save()
        return entry

    def run(self) -> StageRecord:
        entry = StageRecord(
            state="running",
            digest=self.digest,
            execution=secrets.token_hex(8),
            started=time.time(),
            needs=dict(self.needs),
            forced=self.forced,
        )
        self.session.record.stages[self.call.id] = entry
        if self.stage.name == "download":
            self.session.look()
        if self.keeps and self.stage.unfinished and self.forced != "-":
            result.inherit(self.session, self.stage, entry, self.progress)
        try:
            self.session.save()
            outputs = self._tried(entry)
        except BaseException as error:
            _note(entry, error)
            with suppress(OSError):  # of a full disk the failure itself tells
                self._ended(entry)
            if self.keeps:
                result.leave(self.session, self.stage, entry)
            raise
        folder = self.session.folder
        entry.outputs = {one.name: _portable(getattr(outputs, one.name), folder) for one in options(self.stage.outputs)}
        entry.inventory = result.inventory(self.session, self.stage, self.inputs, entry.outputs)
        entry.exit = self.stage.exit(outputs)
        entry.state = "succeeded"
        self._ended(entry)
        if self.session.store and self.keeps:
            self._keep(self.session.store, entry)
        return entry

    def _ended(self, entry: StageRecord) -> None:
        entry.seconds = time.time() - entry.started
        self.session.record.spent_seconds += entry.seconds
        if self.stage.name == "download":
            self.session.mark()  # by now it is known what was fetched
        self.session.save()

    def _tried(self, entry: StageRecord) -> Any:
        """Runs the stage, again after what a retry can mend; a training goes on from its last checkpoint.

        By a digest of its own, a forced one finds nothing to go on with but what it did itself, in earlier jobs too;
        and an evaluation no answers of weights that were trained anew from the same.
        """
        by = entry.execution if self.forced == "-" else self.forced
        digest = of_data([self.digest, self.needs, by]) if by or self.needs else self.digest
        context = _context(self.session, self.stage, self.progress, digest)
        while True:
            try:
                return self.stage.run(self.inputs, context)
            except ToolError as error:
                wait = retry.after(error, entry.tries, 1 + self.session.loaded.config.limits.retries)
                if wait is None or (context.deadline and time.time() + wait > context.deadline):
                    raise
                self.progress.line(f"{error.message}: trying again in {wait:.0f} s ({error.kind})")
                time.sleep(wait)
                entry.tries += 1

    def _keep(self, store: Store, entry: StageRecord) -> None:
        """A store that cannot be written costs the next run time, and this one nothing."""
        try:
            result.keep(self.session, store, self.stage, self.inputs, entry)
        except (ToolError, OSError) as error:
            self.progress.line(f"the result could not be kept in {store.where}: {error}")
        else:
            entry.kept = time.time()
            self.session.save()

    def keep_late(self, entry: StageRecord) -> None:
        """Keeps a result that an earlier run had made, but could not keep: it was killed, or the store not there."""
        store = self.session.store
        if store is None or not self.keeps or entry.kept:
            return
        with self.alone():
            self._keep(store, entry)


def _executions(session: Session, call: Call, needs: tuple[str, ...]) -> dict[str, str]:
    missing = [name for name in needs if not session.record.succeeded(name)]
    if missing:
        message = f"{call.id} needs the result of {', '.join(missing)}, which {session.folder} does not hold"
        hint = (
            f"run that stage first with the same --run-dir: swiftci stage {missing[0]} --config {session.loaded.path}"
        )
        raise ConfigError([Problem(code="missing-stage", message=message, hint=hint)])
    return {name: session.record.stages[name].execution for name in needs}


def _context(session: Session, stage: Stage, progress: Progress, digest: str) -> Context:
    named = {name for names in asdict(session.project.secrets).values() for name in names}
    environ = runner.visible(session.environ, session.project, stage.secrets)
    environ |= {name: session.environ[name] for name in stage.sees if name in session.environ}
    deadline, why = _deadline(session)
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
        deadline=deadline,
        why=why,
        digest=digest,
    )


def _deadline(session: Session) -> tuple[float, str]:
    """When the work must have stopped (seconds of time.time()), and which limit says so."""
    limits, record = session.loaded.config.limits, session.record
    margin = 60 * min(MARGIN_MINUTES, limits.job_minutes / 2)
    found = [(record.attempt_started + 60 * limits.job_minutes - margin, "limits.job_minutes")]
    if limits.run_minutes is not None:
        found.append((time.time() + 60 * limits.run_minutes - record.spent_seconds, "limits.run_minutes"))
    return min(found)


def _note(entry: StageRecord, error: BaseException) -> None:
    match error:
        case Interrupted() | KeyboardInterrupt():
            entry.state, entry.exit, entry.error = "interrupted", Exit.INTERRUPTED, str(error) or "stopped by SIGINT"
        case ConfigError():
            entry.state, entry.exit, entry.error = "failed", Exit.CONFIG, str(error)
        case ToolError():
            entry.state, entry.exit, entry.error = "failed", error.exit, error.message
            entry.kind = error.kind
            if isinstance(error, Partial):
                entry.state = "partial"
        case _:
            entry.state, entry.exit, entry.error = "failed", Exit.BUG, f"{type(error).__name__}: {error}"


def _portable(value: Any, folder: Path) -> Any:
    """A path inside the run directory relative to it, so that the directory can be moved."""
    if not isinstance(value, Path):
        return value
    return value.relative_to(folder).as_posix() if value.is_relative_to(folder) else str(value)
