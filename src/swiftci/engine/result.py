"""A stage's result: what it is made from, whether it is whole, and its way into the store and back."""

import fcntl
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from swiftci.engine.session import LOCK, Session
from swiftci.spec.error import ToolError
from swiftci.spec.option import options
from swiftci.stages import decided
from swiftci.stages.stage import Progress, Stage
from swiftci.store import record as records
from swiftci.store.digest import listing, of_data
from swiftci.store.kept import Store
from swiftci.store.plain import fits, refuse
from swiftci.store.record import StageRecord
from swiftci.tools.local_path import exists, local


def digest(session: Session, stage: Stage, inputs: Any) -> tuple[str, bool]:
    """Of everything that decides a call's result, and whether all of that is known."""
    content = _content(session, inputs) if stage.reusable else {}
    config, parts = session.loaded.config, session.parts()
    content |= stage.found(inputs, session.folder)
    named = [one.name for one in options(stage.inputs) if not one.choices and getattr(inputs, one.name) is not None]
    known = content.keys() >= set(named) and not decided.deferred(stage, inputs, parts, config)  # a hub's may change
    return decided.of_parts(stage, inputs, parts, config, content), known


def _content(session: Session, inputs: Any) -> dict[str, str]:
    """The digests of the files and folders that inputs name, such as a checkpoint."""
    paths = {
        name: local(value, session.root, data=False) for name, value in asdict(inputs).items() if isinstance(value, str)
    }
    return {name: session.digests.of(path) for name, path in paths.items() if path and exists(path)}


def inventory(session: Session, stage: Stage, inputs: Any, outputs: Mapping[str, Any]) -> dict[str, str]:
    """Names and sizes of the files that a result is made of: one that was deleted or cut off is no result."""
    paths = {name: session.folder / name for name in stage.results(inputs, outputs) if not name.startswith("logs/")}
    paths |= {
        one.name: session.folder / str(outputs[one.name])
        for one in options(stage.outputs)
        if Path in one.types and outputs.get(one.name)
    }
    return {name: listing(path) for name, path in paths.items()}


def keep(session: Session, store: Store, stage: Stage, inputs: Any, entry: StageRecord) -> None:
    """Keeps a result for later runs."""
    names = [name for name in stage.results(inputs, entry.outputs) if (session.folder / name).exists()]
    record = session.record
    data = asdict(entry) | {"stage": stage.name, "name": record.name, "run": record.run, "url": record.url}
    store.keep(entry.digest, data | {"kept": time.time()}, session.folder, names)


def take(
    session: Session, stage: Stage, inputs: Any, digest: str, needs: Mapping[str, str], forced: str = ""
) -> StageRecord | None:
    """Brings the store's result of a digest into the run; None where there is none that was made from `needs`.

    Where `forced` names a workflow run, only what that one forced will do.
    """
    store = session.store
    found = store.find(digest) if store else None
    if store is None or found is None or found.get("needs") != dict(needs):
        return None
    if forced and found.get("forced") != forced:
        return None
    entry = _entry(found)
    if entry is None or not declared(stage, entry.outputs):
        return None
    for name in {*stage.unfinished, *stage.results(inputs, entry.outputs)}:
        if (session.folder / name).is_dir():
            shutil.rmtree(session.folder / name)  # what another config left there
    if store.take(digest, session.folder) is None:
        return None
    stage.taken(inputs, session.folder)
    entry.inventory = inventory(session, stage, inputs, entry.outputs)
    return entry


_HOPELESS = ("user", "data")
"""Failures, such as a loss that is no number, from which nobody else wants to go on."""


def inherit(session: Session, stage: Stage, entry: StageRecord, progress: Progress) -> None:
    """Takes over what another run of the same digest left unfinished, where this one has nothing of its own."""
    store = session.store
    if store is None or any((session.folder / name).exists() for name in stage.unfinished):
        return
    if store.local is None:
        try:
            if store.take(_unfinished(entry), session.folder):
                progress.line("what an earlier run left unfinished is fetched from the store")
        except ToolError as error:
            progress.line(f"the store cannot be asked: {error.message}")
        return
    for path in sorted(store.local.glob(f"runs/*/{records.FILE}")):
        if path.parent != session.folder and _inherited(path.parent, session.folder, stage, entry):
            progress.line(f"going on with what {path.parent.name} left unfinished")
            return


def _inherited(other: Path, folder: Path, stage: Stage, own: StageRecord) -> bool:
    """Moves an unfinished result, where nobody works on it any more."""
    try:
        with (other / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = records.read(other)
            entry = found.stages.get(stage.name) if found else None
            if entry is None or entry.state == "succeeded" or entry.kind in _HOPELESS:
                return False
            if (entry.digest, entry.forced) != (own.digest, own.forced):
                return False
            names = [name for name in stage.unfinished if (other / name).exists()]
            for name in names:
                (other / name).rename(folder / name)
    except (OSError, ValueError):
        return False
    return bool(names)


def leave(session: Session, stage: Stage, entry: StageRecord) -> None:
    """Puts what a try that was cut off left where another machine can go on with it."""
    store = session.store
    names = [name for name in stage.unfinished if (session.folder / name).exists()]
    if store is None or store.local is not None or not names or entry.kind in _HOPELESS:
        return  # in a folder it lies where others find it
    with suppress(ToolError, OSError):
        store.keep(_unfinished(entry), asdict(entry), session.folder, names)


def _unfinished(entry: StageRecord) -> str:
    return of_data(["unfinished", entry.digest, entry.forced])


def declared(stage: Stage, outputs: Mapping[str, Any]) -> bool:
    """Whether recorded outputs are what this version's stage gives: another's may have others."""
    known = {one.name: one for one in options(stage.outputs)}
    missing = [name for name, one in known.items() if one.required and name not in outputs]
    return not missing and all(name in known and fits(value, known[name].type) for name, value in outputs.items())


def _entry(found: Mapping[str, Any]) -> StageRecord | None:
    """A journal entry from what a store holds of it."""
    known = {name: found[name] for name in StageRecord.__dataclass_fields__ if name in found}
    try:
        refuse(dict(found))
        entry = records.stage(known)
    except ValueError:
        return None
    entry.origin = str(found.get("url") or found.get("run") or "")
    return entry if entry.state == "succeeded" else None
