"""A run directory opened for work: locked, its record read or begun."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from swiftci import __version__
from swiftci.config.load import Loaded, resolved
from swiftci.config.project import Project
from swiftci.spec.error import Busy, Interrupted, ToolError
from swiftci.spec.problem import ConfigError, Problem
from swiftci.store import record as records
from swiftci.store.digest import Digests
from swiftci.store.files import write_text
from swiftci.store.fingerprint import fingerprint
from swiftci.store.record import Record
from swiftci.tools import git, hardware, interpreter, runner

LOCAL = ".swiftci"
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class Session:
    """One process's hold on a run directory."""

    root: Path
    folder: Path
    store: Path | None
    project: Project
    loaded: Loaded
    record: Record
    digests: Digests
    environ: Mapping[str, str]

    def save(self) -> None:
        records.write(self.folder, self.record)


def run_folder(root: Path, project: Project, name: str, environ: Mapping[str, str]) -> Path:
    """Where a run works: `.swiftci/runs/NAME`; on a runner with a store, a folder of the run's own there."""
    store = store_folder(root, project, environ)
    if store and runner.on_runner(environ):
        return store / "runs" / f"{name}-{environ.get('GITHUB_RUN_ID', '0')}"
    return root / LOCAL / "runs" / name


def store_folder(root: Path, project: Project, environ: Mapping[str, str]) -> Path | None:
    """Where finished runs are kept; None on a runner without a store, whose workspace is emptied."""
    if not runner.on_runner(environ):
        return root / LOCAL
    return Path(project.store) / environ.get("GITHUB_REPOSITORY", "") if project.store else None


@contextmanager
def opened(
    root: Path, project: Project, loaded: Loaded, folder: Path, environ: Mapping[str, str], *, renew: bool
) -> Iterator[Session]:
    """Opens a run directory, which only one process may do at a time.

    With `renew` a record of an earlier config is brought up to date, and stages that it makes stale run again;
    without, another config than the record's is refused. Raises Busy, ToolError where the folder cannot be written, or
    ConfigError where it is not a run of this config.
    """
    _refuse_foreign(folder, loaded.config.name)
    with stoppable(), _lock_file(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Busy(f"another swiftci works in {folder}") from None
        if folder.is_relative_to(root / LOCAL) and not (root / LOCAL / ".gitignore").exists():
            write_text(root / LOCAL / ".gitignore", "*\n")  # weights are never meant to be committed
        digests = Digests(folder / "digests.json")
        mark = fingerprint(project, loaded.config, root, digests)
        data = resolved(project, loaded)
        found = _read(folder)
        if found is None:
            found = _begin(root, project, loaded, mark, data, environ)
        elif not renew and _differs(found.resolved, data):
            hint = "give each config its own --run-dir, and every step of a run the same --config and --set"
            message = f"{folder} belongs to a run with another configuration"
            raise ConfigError([Problem(code="foreign-run", message=message, hint=hint)])
        if renew:
            fresh = _begin(root, project, loaded, mark, data, environ)
            fresh.stages = {name: one for name, one in found.stages.items() if one.state == "succeeded"}
            found = fresh
        attempt = "/".join(environ.get(key, "") for key in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB"))
        if renew or found.attempt != attempt:
            found.attempt, found.attempt_started = attempt, time.time()
        session = Session(
            root=root,
            folder=folder,
            store=store_folder(root, project, environ),
            project=project,
            loaded=loaded,
            record=found,
            digests=digests,
            environ=environ,
        )
        session.save()
        yield session


@contextmanager
def stoppable() -> Iterator[None]:
    """While inside, SIGTERM and SIGINT raise Interrupted, so that the journal gets its entry."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a")
    except OSError as error:
        hint = "name another folder, with --run-dir or as `store:` in swiftci.yaml"
        raise ToolError(message=f"{folder} cannot be written: {error.strerror}", kind="disk", hint=hint) from None


def _begin(
    root: Path, project: Project, loaded: Loaded, mark: str, data: dict[str, Any], environ: Mapping[str, str]
) -> Record:
    url = None
    if environ.get("GITHUB_RUN_ID") and environ.get("GITHUB_SERVER_URL"):
        url = (
            f"{environ['GITHUB_SERVER_URL']}/{environ.get('GITHUB_REPOSITORY')}/actions/runs/{environ['GITHUB_RUN_ID']}"
        )
    return Record(
        name=loaded.config.name,
        fingerprint=mark,
        resolved=data,
        started=time.time(),
        commit=git.commit(root, environ),
        ref=environ.get("GITHUB_REF"),
        event=environ.get("GITHUB_EVENT_NAME"),
        actor=environ.get("GITHUB_ACTOR"),
        url=url,
        swiftci=__version__,
        versions=versions(root, project, environ),
        hardware=hardware.describe(),
    )


def versions(root: Path, project: Project, environ: Mapping[str, str]) -> dict[str, str]:
    """Versions of the tools under the project's interpreter; empty where there is none."""
    for needs in ("ms_swift", "evalscope"):
        try:
            return dict(interpreter.find(project.python, root, environ, needs).versions)
        except ToolError:
            continue
    return {}


def _read(folder: Path) -> Record | None:
    try:
        return records.read(folder)
    except (OSError, ValueError) as error:
        hint = f"remove {folder}, and the run starts anew"
        message = f"{folder / records.FILE} is damaged: {error}"
        raise ConfigError([Problem(code="foreign-run", message=message, hint=hint)]) from None


def _refuse_foreign(folder: Path, name: str) -> None:
    """Stages delete what earlier tries left, so they must never be let loose on somebody else's folder."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigError([Problem(code="foreign-run", message=f"{folder} is a file, not a run directory")])
    found = _read(folder)
    if found is None and not all(_ours(entry.name) for entry in os.scandir(folder)):
        hint = "name a folder that does not exist yet, or an earlier run of the same config"
        message = f"{folder} holds files, but is no run directory of swiftci's"
        raise ConfigError([Problem(code="foreign-run", message=message, hint=hint)])
    if found is not None and found.name != name:
        message = f"{folder} holds a run of {found.name}, not of {name}"
        raise ConfigError([Problem(code="foreign-run", message=message, hint="give each config its own run directory")])


def _ours(name: str) -> bool:
    """Whether a swiftci that was killed before its first record may have left a file of that name."""
    return name in (LOCK, "digests.json") or (
        name.startswith((".digests.json.", ".run.json.")) and name.endswith(".part")
    )


def _differs(before: dict[str, Any], now: dict[str, Any]) -> bool:
    return bool(records.plain(before) != records.plain(now))
