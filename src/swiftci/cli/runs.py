"""What `store` and `diff` share: the run that a text names, in the store, here, or in a directory."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from swiftci.config.model import NAME
from swiftci.engine.session import LOCAL
from swiftci.evidence import metric
from swiftci.spec.error import ToolError
from swiftci.spec.problem import ConfigError, Problem, nearest, printable, quoted
from swiftci.store import record as records
from swiftci.store.kept import Kept, Store
from swiftci.store.needed import number

NAMED_MAX = 10
"""Of the runs that a text may mean, how many are named."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, its record as it lies in run.json; `folder` is where its small files are, None where a bucket has them."""

    name: str
    run: str
    data: Mapping[str, Any]
    folder: Path | None
    store: Store | None = None

    @property
    def title(self) -> str:
        return f"{self.name}/{self.run}"

    def at(self, *keys: str) -> Any:
        """What stands there in the record; None where nothing does."""
        found: Any = self.data
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    @contextmanager
    def files(self) -> Iterator[Path]:
        """A folder with its small files."""
        if self.folder or not self.store:
            yield self.folder or Path(os.devnull)
            return
        with TemporaryDirectory(prefix="swiftci-") as place:
            self.store.bring(self.name, self.run, Path(place))
            yield Path(place)


def of(kept: Kept, store: Store) -> Run:
    folder = store.local / "records" / kept.name / kept.run if store.local else None
    return Run(name=kept.name, run=kept.run, data=kept.data, folder=folder, store=store)


def every(store: Store, name: str | None = None) -> list[Run]:
    """The store's runs, newest first."""
    found = [of(kept, store) for kept in store.records(name if name and NAME.fullmatch(name) else None)]
    found = [one for one in found if name in (None, one.name)]
    return sorted(found, key=lambda one: (number(one.at("started")) or 0.0, one.title), reverse=True)


def kept(store: Store, text: str) -> Run:
    """The store's newest run of that name, or the run that goes by NAME/RUN or RUN. Raises ConfigError."""
    if named := every(store, text):
        return named[0]
    found = every(store)
    meant = [one for one in found if text in (one.title, one.run, one.at("run"))]
    if not meant:
        raise _no_run(store, text, found)
    if len({one.name for one in meant}) > 1:
        message = f"{quoted(text)} may be {' or '.join(printable(one.title) for one in meant[:NAMED_MAX])}"
        raise ConfigError([Problem(code="no-run", message=message, hint="name it as NAME/RUN")])
    return meant[0]


def _no_run(store: Store, text: str, found: list[Run]) -> ConfigError:
    names = sorted({one.name for one in found})
    near = nearest(text, [*names, *(one.title for one in found)])
    hint = f"runs are kept of {', '.join(names[:NAMED_MAX])}" if names else "`swiftci run CONFIG` makes one"
    message = f"{printable(store.where)} keeps no run {quoted(text)}"
    said = printable(f"did you mean {near}? {hint}" if near else hint)
    return ConfigError([Problem(code="no-run", message=message, hint=said)])


def named(root: Path, store: Store | None, text: str) -> Run:
    """The run in that directory, else the local run of that name, else the store's. Raises ConfigError."""
    if not text or "\0" in text:
        raise ConfigError([Problem(code="usage", message=f"{quoted(text)} is neither a run's name nor a directory")])
    folders = [Path(os.path.expanduser(text)).absolute()]  # noqa: PTH111 -- Path's raises where there is no such user
    folders += [root / LOCAL / "runs" / text] if NAME.fullmatch(text) else []
    for folder in folders:
        if found := read_folder(folder):
            return found
    if store is None:
        message = f"there is no directory {quoted(text)} with a {records.FILE}, and no store to look in"
        raise ConfigError([Problem(code="no-run", message=message)])
    return kept(store, text)


def read_folder(folder: Path) -> Run | None:
    """The run whose directory that is; None where there is none. Raises ConfigError where its record is damaged."""
    try:
        found = records.read(folder)
    except NotADirectoryError:
        return None
    except (OSError, ValueError) as error:
        message = f"{printable(str(folder / records.FILE))} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError([Problem(code="foreign-run", message=message)]) from None
    if found is None:
        return None
    run = str(found.run or folder.name)
    return Run(name=str(found.name), run=run, data=records.plain(asdict(found)), folder=folder)


def metrics(run: Run) -> dict[str, float]:
    """What was measured of the trained model, by `dataset.metric` over whole data sets; nothing where it is damaged."""
    try:
        with run.files() as folder:
            found = metric.whole(metric.read(folder, "candidate"))
    except (OSError, ValueError, AttributeError, RecursionError, ToolError):
        return {}
    return {str(key): value for key, one in found.items() if (value := number(one.value)) is not None}


def headline(run: Run) -> dict[str, float]:
    """The metrics that the gate's rules name, else the first."""
    found = metrics(run)
    rules = run.at("resolved", "config", "gate", "rules")
    asked = [str(rule.get("metric")) for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    chosen = {key: found[key] for key in asked if key in found}
    return chosen or dict(list(found.items())[:1])


def reasons(run: Run) -> list[str]:
    """Why the verdict is what it is, one sentence each."""
    try:
        with run.files() as folder:
            data = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        return [f"{one['verdict']}: {one['text']}" for one in data["reasons"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError, ToolError):
        return []
