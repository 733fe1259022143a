"""Calls one stage's function in this process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from swiftci.stages.stage import Context
from swiftci.store import record
from swiftci.store.kept import Store
from swiftci.store.record import Record, StageRecord
from tests.fake.repository import Repository


@dataclass
class Heard:
    """Progress that remembers what it was told."""

    lines: list[str] = field(default_factory=list)
    steps: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def echo(self) -> Callable[[str], None] | None:
        return None

    def step(self, done: int, total: int, text: str) -> None:
        self.steps.append((done, total, text))

    def line(self, text: str) -> None:
        self.lines.append(text)


def context(repository: Repository, states: Mapping[str, str] | None = None, store: Store | None = None) -> Context:
    """A context in the repository's run directory, whose journal says how each call ended."""
    project, loaded = repository.load()
    repository.folder.mkdir(parents=True, exist_ok=True)
    found = Record(
        name="tiny",
        fingerprint="f" * 64,
        resolved={},
        started=1000.0,
        stages={
            name: StageRecord(state=state, digest="d", execution=name, started=0.0)
            for name, state in (states or {}).items()
        },
    )
    record.write(repository.folder, found)
    return Context(
        root=repository.root,
        folder=repository.folder,
        project=project,
        loaded=loaded,
        record=found,
        environ=repository.environ,
        progress=Heard(),
        store=store,
    )
