"""Finds what the result is compared with: an earlier run and a pinned anchor, laid into the run directory."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence import baseline, foreseen, trend, verdict
from swiftci.evidence.baseline import ANCHOR, BASELINE, Found
from swiftci.spec.error import ToolError
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem, quoted
from swiftci.stages.evidence import OWN_EVENTS
from swiftci.stages.stage import Context, Place, Stage
from swiftci.store import record as records
from swiftci.store.files import write_json
from swiftci.store.kept import Store

TREND_MAX = 20
"""Earlier runs that the report shows."""
COMMITTED = "baselines"
"""The folder of the repository in which `swiftci baseline` puts a run's scores."""
GOOD = ("pass", "inconclusive")
"""Verdicts of runs that may be compared with: after a regression the next one is held against what was before it."""
_RUN = re.compile(r"\w[\w.-]*", re.ASCII)
_QUEUE = re.compile(r"refs/heads/gh-readonly-queue/(.+)/pr-\d+-[0-9a-f]+")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to compare with, where that is not to be looked for."""

    baseline: str | None = option(
        "Run to compare with: a directory, or as `swiftci store ls` names it; the target branch's newest when absent.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was found."""

    state: str = option("`found`, or `none` where there is no earlier run.")
    run: str = option("The run that is compared with.", default="")
    why: str = option("Why it is that one, or why there is none.", default="")


def run(inputs: Inputs, context: Context) -> Outputs:
    for subject in (BASELINE, ANCHOR):
        baseline.remove(context.folder, subject)
    shutil.rmtree(context.folder / "eval" / BASELINE, ignore_errors=True)  # an earlier one's, measured anew
    target = target_ref(context.environ)
    history = _history(context.store, context)
    _trend(context, history, target)
    for line in foreseen.lines(context.loaded.config.gate, history):
        context.progress.line(line)
    if context.loaded.config.gate.anchor:
        _anchor(context, context.loaded.config.gate.anchor)
    if inputs.baseline:
        outputs = _given(context, inputs.baseline)
    else:
        outputs = _kept(context, history, target) or _committed(context) or _none(context, target)
    context.progress.line(f"compared with: {outputs.run or 'nothing'} ({outputs.why})")
    return outputs


def target_ref(environ: Mapping[str, str]) -> str | None:
    """The branch that a result is compared with, as git names it: where a pull request goes, else the run's own."""
    if environ.get("GITHUB_BASE_REF"):
        return f"refs/heads/{environ['GITHUB_BASE_REF']}"
    ref = environ.get("GITHUB_REF")
    queued = _QUEUE.fullmatch(ref or "")
    return f"refs/heads/{queued[1]}" if queued else ref


def take(
    context: Context, source: Path, subject: str, origin: str, why: str, run: str = "", weights: str = ""
) -> Found:
    """Lays a run's small files into the run directory as `subject`; raises ValueError where they are no result."""
    record = records.read(source)
    if record is None or not record.succeeded("evaluate"):
        raise ValueError(f"{source} holds no evaluated run")
    found = Found(
        source=origin,
        run=run or record.run,
        name=record.name,
        why=why,
        commit=record.commit,
        ref=record.ref,
        url=record.url,
        started=record.started,
        differs=baseline.differs(context.record.parts, record.parts),
        weights=weights,
    )
    baseline.lay(context.folder, subject, source, found)
    return found


def look_up(context: Context) -> None:
    """Where the GPU machine's store had none, asks GitHub for the target branch's newest result; it is no failure."""
    try:
        found = baseline.read(context.folder)
    except ValueError:
        return  # the gate says so
    token, target = context.environ.get("GITHUB_TOKEN", ""), target_ref(context.environ) or ""
    branch = target.removeprefix("refs/heads/")
    if not token or branch == target or (found is not None and found.source != "committed"):
        return
    from swiftci.tools.github_record import newest_record

    name = context.record.name
    with tempfile.TemporaryDirectory(dir=context.folder, prefix=".baseline-") as place:
        told = newest_record(context.environ, token, name, branch, Path(place), lambda files: _good(files, context))
        if isinstance(told, str):
            context.progress.line(told)
            return
        why = f"the newest good run of {branch} among GitHub's artifacts"
        try:
            take(context, told.files, BASELINE, "artifact", why)
        except (OSError, ValueError) as error:
            context.progress.line(f"run {told.run} cannot be compared with: {error}")


def _good(files: Path, context: Context) -> bool:
    """Whether a run's small files are of this config, of another state of it, and not refused."""
    record, found = records.read(files), verdict.read(files)
    if record is None or found is None or record.name != context.record.name:
        return False
    accepted = found.verdict in GOOD or found.override is not None
    return accepted and record.fingerprint != context.record.fingerprint and record.succeeded("evaluate")


def _history(store: Store | None, context: Context) -> list[dict[str, Any]]:
    """What the store knows of this config's earlier runs, oldest first; trouble with it is said."""
    record = context.record
    name, own = record.name, f"-{record.run}"
    if not record.url:  # a second is all that tells a run here from another
        own = f"{record.fingerprint[:16]}{own}"
    try:
        lines = list(store.history()) if store else []
    except (ToolError, OSError) as error:
        context.progress.line(f"the store's history cannot be read: {error}")
        return []
    found = {str(line.get("run")): line for line in lines if line.get("name") == name}  # a run may be noted again
    return [line for run, line in found.items() if not run.endswith(own)]


def _trend(context: Context, history: list[dict[str, Any]], target: str | None) -> None:
    keys = ("run", "time", "commit", "ref", "url", "verdict", "metrics")
    rows = [{key: line.get(key) for key in keys} for line in history if line.get("ref") == target]
    rows = [row for row in rows if isinstance(row["metrics"], dict) and row["metrics"]]
    own = [{"ref": line.get("ref"), "verdict": line.get("verdict")} for line in history]
    own = [row for row in own if row["ref"] == context.record.ref]
    write_json(context.folder / trend.FILE, {"schema": 1, "runs": rows[-TREND_MAX:], "own": own[-TREND_MAX:]})


def _kept(context: Context, history: list[dict[str, Any]], target: str | None) -> Outputs | None:
    """The store's newest good run of the branch; one of the same fingerprint would only be compared with itself."""
    store, record = context.store, context.record
    for line in reversed(history):
        digests = line.get("digests")
        if store is None or line.get("ref") != target or line.get("verdict") not in GOOD:
            continue
        if line.get("event") not in (None, *OWN_EVENTS):
            continue  # a team's own workflow may train a pull request's code under the branch's name
        if line.get("fingerprint") == record.fingerprint or not isinstance(digests, dict) or "evaluate" not in digests:
            continue
        branch = f" of {target}" if target else ""
        if outputs := _brought(context, store, line, f"the newest good run{branch} in the store"):
            return outputs
    return None


def _brought(context: Context, store: Store, line: Mapping[str, Any], why: str) -> Outputs | None:
    run = str(line.get("run"))
    if not _RUN.fullmatch(run):  # it becomes the name of a folder
        context.progress.line(f"the store's history names a run that can be none: {quoted(run)}")
        return None
    digests = line["digests"] if isinstance(line.get("digests"), dict) else {}
    with tempfile.TemporaryDirectory(dir=context.folder, prefix=".baseline-") as folder:
        try:
            store.bring(str(line.get("name")), run, Path(folder))
            weights = str(digests.get("train") or "")
            found = take(context, Path(folder), BASELINE, "store", why, run, weights)
        except (ToolError, OSError, ValueError) as error:
            context.progress.line(f"run {run} cannot be compared with: {error}")
            return None
    return Outputs(state="found", run=found.run, why=why)


def _given(context: Context, text: str) -> Outputs:
    """The run that was named. Raises ConfigError where there is none."""
    folder = context.root / text
    if os.path.realpath(folder) == os.path.realpath(context.folder):  # its record is already this run's
        message, hint = f"{quoted(text)} is the directory of this very run", "compare with a copy of it"
        raise ConfigError([Problem(code="no-run", message=message, hint=hint)])
    if (folder / records.FILE).is_file():
        return _of_folder(context, folder, BASELINE, "given", "it was named")
    lines = [line for line in _lines(context.store) if text in _names(line)]
    if context.store and lines and (outputs := _brought(context, context.store, lines[-1], "it was named")):
        return outputs
    hint = "a run's directory, or as `swiftci store ls` names it"
    message = f"there is no run {quoted(text)} to compare with"
    raise ConfigError([Problem(code="no-run", message=message, hint=hint)])


def _lines(store: Store | None) -> list[dict[str, Any]]:
    try:
        return list(store.history()) if store else []
    except (ToolError, OSError):
        return []


def _names(line: Mapping[str, Any]) -> tuple[str, ...]:
    name, run = str(line.get("name")), str(line.get("run"))
    return (name, run, f"{name}/{run}", run.partition("-")[2])


def _of_folder(context: Context, folder: Path, subject: str, origin: str, why: str) -> Outputs:
    try:
        found = take(context, folder, subject, origin, why)
    except (OSError, ValueError) as error:
        message = f"{folder} cannot be compared with: {error}"
        hint = f"`swiftci baseline RUN` writes such a folder under {COMMITTED}/"
        raise ConfigError([Problem(code="no-run", message=message, hint=hint)]) from None
    return Outputs(state="found", run=found.run, why=why)


def _committed(context: Context) -> Outputs | None:
    folder = context.root / COMMITTED / context.record.name
    if not (folder / records.FILE).is_file():
        return None
    return _of_folder(context, folder, BASELINE, "committed", f"{COMMITTED}/{context.record.name} of the repository")


def _anchor(context: Context, text: str) -> None:
    _of_folder(context, context.root / text, ANCHOR, "committed", f"gate.anchor: {text}")


def _none(context: Context, target: str | None) -> Outputs:
    branch = f" of {target}" if target else ""
    where = context.store.where if context.store else "no store"
    return Outputs(state="none", why=f"no earlier good run{branch} in {where}")


STAGE = Stage(
    name="baseline",
    help="Find the run that the result is compared with.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("evaluate", "gate"),
    reusable=False,
)
