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
from swiftci.store import fingerprint
from swiftci.store import record as records
from swiftci.store.digest import Digests
from swiftci.store.files import write_text
from swiftci.store.fingerprint import Known, Part
from swiftci.store.kept import Store
from swiftci.store.local import Folder
from swiftci.store.record import Record
from swiftci.tools import git, hardware, interpreter, runner

LOCAL = ".swiftci"
LOCK = ".lock"
LOCAL_RUN = "local"


@dataclass(frozen=True, kw_only=True)
class Session:
    """One process's hold on a run directory."""

    root: Path
    folder: Path
    store: Store | None
    project: Project
    loaded: Loaded
    record: Record
    digests: Digests
    environ: Mapping[str, str]
    began: bool

    def save(self) -> None:
        records.write(self.folder, self.record)

    def look(self) -> None:
        """Notes tools and machine, where an earlier process made the record: maybe on another, or before an upgrade."""
        if not self.began:
            self.record.versions = versions(self.root, self.project, self.environ)
            self.record.hardware = hardware.describe()

    def parts(self) -> tuple[Part, ...]:
        """What decides the result, as far as it is known by now."""
        known = Known(versions=self.record.versions, folder=self.folder)
        return fingerprint.parts(self.project, self.loaded.config, self.root, self.digests, known, self.environ)

    def mark(self) -> None:
        """Brings the record's fingerprint up to date."""
        found = self.parts()
        self.record.fingerprint = fingerprint.of(found)
        self.record.parts = {part.key: part.deferred or part.value for part in found}


def run_folder(root: Path, project: Project, name: str, environ: Mapping[str, str]) -> Path:
    """Where a run works: `.swiftci/runs/NAME`; on a runner with a folder as store, a folder of the run's own there."""
    if project.store and not project.store.remote and runner.on_runner(environ):
        run = environ.get("GITHUB_RUN_ID", "0")
        return Path(project.store.path) / environ.get("GITHUB_REPOSITORY", "") / "runs" / f"{name}-{run}"
    return root / LOCAL / "runs" / name


def open_store(root: Path, project: Project, environ: Mapping[str, str]) -> Store | None:
    """Where results are kept: the project's store; here a folder of the repository's own, on a runner without, none."""
    place, repository = project.store, environ.get("GITHUB_REPOSITORY", "")
    if place and place.remote:
        from swiftci.store.bucket import Bucket

        return Bucket("/".join(part for part in (place.path.rstrip("/"), repository) if part), environ)
    if not runner.on_runner(environ):
        return Folder(root / LOCAL)
    return Folder(Path(place.path) / repository) if place else None


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
        _lock(lock, folder)
        if folder.is_relative_to(root / LOCAL) and not (root / LOCAL / ".gitignore").exists():
            write_text(root / LOCAL / ".gitignore", "*\n")  # weights are never meant to be committed
        data = resolved(project, loaded)
        before = _read(folder)
        if before is not None and not renew and _deciding(before.resolved) != _deciding(data):
            hint = "give each config its own --run-dir, and every step of a run the same --config and --set"
            message = f"{folder} belongs to a run with another configuration"
            raise ConfigError([Problem(code="foreign-run", message=message, hint=hint)])
        store = open_store(root, project, environ)
        session = Session(
            root=root,
            folder=folder,
            store=store,
            project=project,
            loaded=loaded,
            record=_begin(root, project, loaded, data, environ) if before is None or renew else before,
            digests=Digests(_remembered(store, folder)),
            environ=environ,
            began=before is None or renew,
        )
        if before is not None and renew:
            session.record.stages = before.stages
            unfinished = any(one.state != "succeeded" for one in before.stages.values())
            if unfinished or records.plain(before.resolved) == records.plain(data):  # the same run goes on
                for name in ("run", "started", "spent_seconds", "gpu_seconds", "cost", "estimate"):
                    setattr(session.record, name, getattr(before, name) or getattr(session.record, name))
            if not unfinished:
                session.record.spent_seconds = 0.0  # should it be forced, it has its whole time again
        _attempt(session, renew)
        if before is None or renew:
            session.mark()
        else:
            _present(root, session, data)
        session.save()
        yield session


def _remembered(store: Store | None, folder: Path) -> Path:
    """Where digests are remembered: beside what a machine's runs share, so that a large model is read once."""
    shared = store.local if store and store.local and store.local.is_dir() else None
    return (shared or folder) / "digests.json"


def _attempt(session: Session, renew: bool) -> None:
    """Notes which job works on the run now, and what an earlier one that was cut off had spent."""
    record, environ = session.record, session.environ
    attempt = "/".join(environ.get(key, "") for key in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_JOB"))
    if renew or record.attempt != attempt:
        record.attempt, record.attempt_started = attempt, time.time()
    for one in record.stages.values():
        if one.state == "running":  # killed: its logs tell how long it lived
            lived = max((path.stat().st_mtime for path in (session.folder / "logs").glob("*.log")), default=one.started)
            one.seconds = max(0.0, min(lived, time.time()) - one.started)
            record.spent_seconds += one.seconds
            one.state, one.error = "interrupted", "was cut off while it ran"


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


def _lock(lock: TextIO, folder: Path) -> None:
    """Raises Busy where another process works in the folder, and not only looks whether one does."""
    for seconds in (0.05, 0.2, 0.5, None):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if seconds is None:
                raise Busy(f"another swiftci works in {folder}") from None
            time.sleep(seconds)
        else:
            return


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a")
    except OSError as error:
        hint = "name another folder, with --run-dir or as `store:` in swiftci.yaml"
        raise ToolError(message=f"{folder} cannot be written: {error.strerror}", kind="disk", hint=hint) from None


def _begin(
    root: Path,
    project: Project,
    loaded: Loaded,
    data: dict[str, Any],
    environ: Mapping[str, str],
    known: dict[str, str] | None = None,
) -> Record:
    url = None
    if environ.get("GITHUB_RUN_ID") and environ.get("GITHUB_SERVER_URL"):
        url = (
            f"{environ['GITHUB_SERVER_URL']}/{environ.get('GITHUB_REPOSITORY')}/actions/runs/{environ['GITHUB_RUN_ID']}"
        )
    return Record(
        name=loaded.config.name,
        fingerprint="",
        resolved=data,
        started=time.time(),
        commit=git.commit(root, environ),
        ref=environ.get("GITHUB_REF"),
        event=environ.get("GITHUB_EVENT_NAME"),
        actor=environ.get("GITHUB_ACTOR"),
        url=url,
        swiftci=__version__,
        versions=versions(root, project, environ) if known is None else known,
        hardware=hardware.describe(),
        run=environ.get("GITHUB_RUN_ID") or f"{LOCAL_RUN}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}",
    )


def versions(root: Path, project: Project, environ: Mapping[str, str]) -> dict[str, str]:
    """Versions of the tools under the project's interpreter; empty where there is none."""
    harmless = runner.visible(environ, project)
    for needs in ("ms_swift", "evalscope"):
        try:
            return dict(interpreter.find(project.python, root, harmless, needs).versions)
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


def _deciding(resolved: dict[str, Any]) -> Any:
    """Of project and config, what decides a result; rules, limits and language may change between steps."""
    try:
        config, project = resolved["config"], resolved["project"]
        found = {part.key: part.value for part in fingerprint.written(config)} | {"hub": project.get("hub")}
    except (TypeError, LookupError, AttributeError):
        return None
    return records.plain(found)


def _present(root: Path, session: Session, data: dict[str, Any]) -> None:
    """Brings a record that another job made up to the present; an earlier workflow run's is judged anew here."""
    record, run = session.record, session.environ.get("GITHUB_RUN_ID", "")
    record.resolved = data
    if not run or not record.run or run == record.run:
        return
    for one in record.stages.values():
        one.origin = one.origin or record.url or record.run
    now = _begin(root, session.project, session.loaded, data, session.environ, known=record.versions)
    for name in ("run", "url", "commit", "ref", "event", "actor", "started"):
        setattr(record, name, getattr(now, name))
