"""The runs that a leaderboard ranks: from the project's store, or from folders."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swiftci.cli.runs import Run, every, read_folder
from swiftci.cli.store import PARTS
from swiftci.config.project import Project
from swiftci.evidence import metric
from swiftci.evidence.leaderboard import Model, Newest, eligible, newest, plain_values, point, titled
from swiftci.evidence.measured import Measured
from swiftci.spec.error import ToolError
from swiftci.spec.problem import ConfigError, Problem, quoted
from swiftci.store import record as records
from swiftci.store.kept import Store
from swiftci.store.local import Folder
from swiftci.store.record import Record

Left = dict[str, list[str]]
"""Runs that have no place on the board, by the reason."""
_DAMAGED = (OSError, ValueError, TypeError, AttributeError, KeyError)


@dataclass(frozen=True, kw_only=True)
class _Found:
    run: Run
    record: Record
    measured: Mapping[str, Any] = field(default_factory=dict)


def gathered(
    root: Path, project: Project, places: Sequence[Path], environ: Mapping[str, str]
) -> tuple[list[Model], Left]:
    """A model for each name that has a run with a result, and what was left out. Raises ConfigError, ToolError."""
    left: Left = defaultdict(list)
    named: dict[str, list[_Found]] = defaultdict(list)
    for run, merged, measured in _runs(root, project, places, environ):
        try:
            record = records.of(dict(run.data))
        except ValueError:
            left["of another version"].append(run.title)
            continue
        if why := eligible(record, merged=merged):
            left[why].append(run.title)
        else:
            named[run.name].append(_Found(run=run, record=record, measured=measured))
    models = [one for name in sorted(named) if (one := _model(name, _once(named[name]), left))]
    return models, dict(left)


def _runs(
    root: Path, project: Project, places: Sequence[Path], environ: Mapping[str, str]
) -> Iterator[tuple[Run, bool, Mapping[str, Any]]]:
    """Each run, whether it counts only if it is no attempt, and what the store's history says that it measured."""
    if not places:
        from swiftci.engine.session import open_store

        store = open_store(root, project, environ)
        if store is None:
            hint = "name a folder or an address as `store:` in swiftci.yaml, or a run's folder here"
            raise ConfigError([Problem(code="usage", message="no store is set, so there are no runs", hint=hint)])
        yield from _kept(store)
    for place in places:
        yield from _in(place)


def _kept(store: Store) -> Iterator[tuple[Run, bool, Mapping[str, Any]]]:
    lines = {(line.get("name"), line.get("run")): line.get("metrics") for line in store.history()}
    for run in every(store):
        found = lines.get((run.name, run.run))
        yield run, True, found if isinstance(found, dict) else {}


def _in(place: Path) -> Iterator[tuple[Run, bool, Mapping[str, Any]]]:
    """The run of a folder, or the store in it, or the runs of the folders in it."""
    if found := read_folder(place.absolute()):
        yield found, False, {}
    elif any((place / part).exists() for part in PARTS):
        yield from _kept(Folder(place.absolute()))
    else:
        below = sorted(place.iterdir()) if place.is_dir() else []
        runs = [one for path in below if (one := read_folder(path.absolute()))]
        if not runs:
            message = f"{quoted(str(place))} is no run's folder, no store, and holds no runs"
            raise ConfigError([Problem(code="no-run", message=message)])
        yield from ((one, False, {}) for one in runs)


def _once(found: list[_Found]) -> list[_Found]:
    """The runs, oldest first; of those that took one and the same evaluation the first."""
    kept: dict[str, _Found] = {}
    for one in sorted(found, key=lambda one: (one.record.stages["evaluate"].started, one.record.started, one.run.run)):
        kept.setdefault(one.record.stages["evaluate"].execution, one)
    return list(kept.values())


def _model(name: str, found: list[_Found], left: Left) -> Model | None:
    """The model as its newest run that can be read has it."""
    last: Newest | None = None
    while found and last is None:
        try:
            with found[-1].run.files() as folder:
                last = newest(folder)
        except (*_DAMAGED, ToolError):
            left["damaged"].append(found.pop().run.title)
            continue
        if not last.metrics:
            left["without a metric"].append(found.pop().run.title)
            last = None
    if last is None:
        return None
    earlier = [point(one.record, _values(one)) for one in found[:-1]]
    points = [one for one in earlier if one.values] + [point(found[-1].record, last.values)]
    title, trained = titled(found[-1].record)
    return Model(name=name, title=title, trained=trained, points=points, newest=last)


def _values(one: _Found) -> dict[str, Measured]:
    """What a run measured of whole data sets: by its own file, or by the history where a bucket has that."""
    try:
        if one.run.folder:
            return plain_values(metric.whole(metric.read(one.run.folder, "candidate")))
        return {
            key: Measured(
                mean=float(found["value"]),
                items=int(found["items"]),
                stderr=None if found["stderr"] is None else float(found["stderr"]),
                ratio=0 <= found["value"] <= 1,
            )
            for key, found in one.measured.items()
        }
    except _DAMAGED:
        return {}
