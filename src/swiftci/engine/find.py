"""Finds a run that was carried out before: by its config's name or its directory, here or in the store."""

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import SECRET_VARIABLE
from swiftci.config.model import NAME
from swiftci.config.project import Project
from swiftci.config.read import read
from swiftci.config.train import Train
from swiftci.config.yaml import parse
from swiftci.engine.session import LOCAL, LOCK, open_store
from swiftci.spec.error import Busy, ToolError
from swiftci.spec.problem import ConfigError, Problem, nearest, printable, quoted
from swiftci.store import record as records
from swiftci.store.files import write_text
from swiftci.store.record import Record
from swiftci.tools import runner

_PATH = re.compile(r"[./~]|.*/")
"""A text that means a path, whatever there is."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run whose training succeeded; `root` is the repository that asks for it, and has `project`."""

    root: Path
    project: Project
    folder: Path
    record: Record

    @property
    def checkpoint(self) -> Path:
        """What the train stage made. Raises ToolError where the record names nothing inside of the run directory."""
        outputs = self.record.stages["train"].outputs
        named = str(outputs.get("checkpoint") or "") if isinstance(outputs, dict) else ""
        path = self.folder / named
        if not named or "\0" in named or not _inside(path, self.folder):
            message = f"the record in {self.folder} names no checkpoint of its own: {quoted(named)}"
            raise ToolError(message=message, kind="data", hint="somebody changed its run.json")
        if not path.is_dir():
            hint = "weights do not travel with a run's small files; where it was trained, it may still be there"
            raise ToolError(message=f"the checkpoint {path} is not there", kind="data", hint=hint)
        return path

    @property
    def train(self) -> Train:
        """The train section as it was carried out."""
        problems: list[Problem] = []
        try:
            section = self.record.resolved["config"]["train"]
        except (TypeError, LookupError):
            section = None
        node = parse(json.dumps(section), records.FILE, problems)
        found = read(Train, node, problems, "train") if node else None
        if found is None or problems:
            message = f"{self.folder / records.FILE} holds a train section that this version cannot read"
            raise ConfigError([Problem(code="foreign-run", message=message), *problems])
        return found

    def environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What a tool may see: of the project's secrets only the hub's."""
        return runner.visible(environ, self.project, ("hub",))

    def log(self, name: str) -> Path:
        """Where a tool's output goes: the run directory may be another's, or not writable."""
        folder = self.root / LOCAL
        if not (folder / ".gitignore").exists():
            write_text(folder / ".gitignore", "*\n")
        return folder / "logs" / f"{name}.log"


def _inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False  # its links go round


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What must be masked in anything shown."""
    return tuple(value for name, value in environ.items() if value and SECRET_VARIABLE.fullmatch(name))


@contextmanager
def held(run: Run) -> Iterator[None]:
    """Keeps a run directory as it is while inside; raises Busy where a swiftci works in it."""
    try:
        lock = (run.folder / LOCK).open("rb")
    except OSError:
        yield  # a copy of a run, or one without a lock of ours
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(f"another swiftci works in {run.folder}") from None
        except OSError:
            pass  # a mounted store that knows no locks
        yield


def find(root: Path, project: Project, text: str, environ: Mapping[str, str]) -> Run:
    """The run of that name, or in that directory. Raises ConfigError where there is none, or its training failed."""
    folder = _directory(text)
    record = _record(folder) if folder else None
    if folder is None:
        folder, record = _named(root, project, text, environ)
    if record is None:
        raise _no_run(f"{folder} holds no run: it has no {records.FILE}", root, project, environ, text)
    if not NAME.fullmatch(str(record.name)):  # it becomes the name of a folder
        message = f"the run in {folder} goes by {quoted(str(record.name))}, which no config can be called"
        raise ConfigError([Problem(code="foreign-run", message=message, hint="somebody changed its run.json")])
    if not record.succeeded("train"):
        one = record.stages.get("train")
        why = f"it is {one.state}" + (f": {one.error}" if one.error else "") if one else "it did not begin"
        if one and one.state == "succeeded":
            why = "what it was made from has changed since"
        message = f"the training of {quoted(record.name)} in {folder} did not succeed: {printable(why)}"
        hint = "`swiftci run` its config; only a whole training's weights are given out"
        raise ConfigError([Problem(code="no-run", message=message, hint=hint)])
    return Run(root=root, project=project, folder=folder, record=record)


def _directory(text: str) -> Path | None:
    """The directory that a text means; None where it is a name."""
    if not text or "\0" in text:
        raise ConfigError([Problem(code="usage", message=f"{quoted(text)} is neither a run's name nor a directory")])
    path = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 -- Path's raises where there is no such user
    if _PATH.match(text) or (not NAME.fullmatch(text)) or os.path.isfile(path / records.FILE):  # noqa: PTH113 -- as above
        return path
    return None


def _record(folder: Path) -> Record | None:
    try:
        return records.read(folder)
    except NotADirectoryError:
        return None
    except (OSError, ValueError) as error:
        message = f"{folder / records.FILE} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError([Problem(code="foreign-run", message=message)]) from None


def _named(root: Path, project: Project, name: str, environ: Mapping[str, str]) -> tuple[Path, Record]:
    """The local run of that name, else the store's newest whose training succeeded."""
    local = root / LOCAL / "runs" / name
    if record := _record(local):
        return local, record
    found = [(folder, one) for folder, one in _stored(project, name, environ) if one.name == name]
    good = [(folder, one) for folder, one in found if one.succeeded("train")]
    owners = sorted({str(folder.parent.parent) for folder, _ in good})
    if len(owners) > 1:
        place = project.store.path if project.store else "the store"
        message = f"{len(owners)} repositories keep runs of {name} in {place}: {', '.join(owners)}"
        raise ConfigError([Problem(code="no-run", message=message, hint="name one run by its directory")])
    if chosen := good or found:
        return max(chosen, key=lambda one: one[1].started)
    if brought := _brought(root, project, name, environ):
        return brought
    raise _no_run(f"there is no run of {quoted(name)} here", root, project, environ, name)


def _brought(root: Path, project: Project, name: str, environ: Mapping[str, str]) -> tuple[Path, Record] | None:
    """The store's newest run of that name whose weights are kept, brought into a run directory here.

    So a run outlives its directory, and one of a bucket comes to a machine that never trained it.
    """
    store = open_store(root, project, {**environ, "GITHUB_ACTIONS": "true"}) if project.store else None
    store = store or open_store(root, project, environ)
    if store is None:
        return None
    found = []
    for kept in store.records(name):
        try:
            found.append((kept, records.of(dict(kept.data))))
        except ValueError:
            continue  # of another version
    for kept, record in sorted(found, key=lambda one: -one[1].started):
        digest = record.stages["train"].digest if record.succeeded("train") else ""
        folder = root / LOCAL / "runs" / f"{name}-{kept.run}"
        if not digest or store.find(digest) is None:
            continue
        store.bring(name, kept.run, folder)
        if store.take(digest, folder) is not None:
            return folder, record
    return None


def _stored(project: Project, name: str, environ: Mapping[str, str]) -> Iterator[tuple[Path, Record]]:
    """The runs of a name in the store, of this repository's where the environment says which that is."""
    if not project.store or project.store.remote:
        return
    store, own = Path(project.store.path), environ.get("GITHUB_REPOSITORY")
    places = [f"{own}/runs/"] if own else ["runs/", "*/*/runs/"]
    for place in places:
        for path in store.glob(f"{place}{name}-*/{records.FILE}"):
            try:
                found = records.read(path.parent)
            except (OSError, ValueError):
                continue  # somebody else's file, or one that is being written
            if found:
                yield path.parent, found


def _no_run(message: str, root: Path, project: Project, environ: Mapping[str, str], text: str) -> ConfigError:
    """The problem, with the runs that there are."""
    known = {path.parent.name for path in (root / LOCAL / "runs").glob(f"*/{records.FILE}")}
    known |= {one.name for _, one in _stored(project, "*", environ)}
    hint = f"there are runs of {', '.join(sorted(known))}" if known else "`swiftci run CONFIG` makes one"
    if text.endswith((".yaml", ".yml")):
        hint = f"a run goes by its config's name, not its file; {hint}"
    elif near := nearest(text, known):
        hint = f"did you mean {near}? {hint}"
    return ConfigError([Problem(code="no-run", message=message, hint=hint)])
