"""A hub on the loopback with a model and a data set, and a fetcher that does not wait between tries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.project import Hub as HubSection
from swiftci.config.project import Project
from swiftci.spec.error import ToolError
from swiftci.tools.hub import client
from swiftci.tools.hub.fetch import Fetched, Fetcher
from swiftci.tools.hub.reference import Reference
from tests.standin.hub import Hub, serving

WEIGHTS = bytes(range(256)) * 2000
ROWS = b'{"messages": []}\n' * 300
BOTH = pytest.mark.parametrize("name", ["modelscope", "huggingface"])


@dataclass
class Stand:
    """Fetches from the stand-in, and remembers what was told."""

    hub: Hub
    cache: Path
    environ: dict[str, str]
    lines: list[str] = field(default_factory=list)
    steps: list[tuple[int, int, str]] = field(default_factory=list)
    endpoint: bool = True

    def fetch(self, hub: Any, kind: Any, id: str, revision: str | None = None, **options: Any) -> Fetched:
        section = HubSection(name=hub, endpoint=self.hub.endpoint if self.endpoint else None)
        fetcher = Fetcher(
            project=Project(actions="a/b@c", cache=str(self.cache), hub=section),
            environ=self.environ,
            step=lambda *step: self.steps.append(step),
            line=self.lines.append,
            **options,
        )
        try:
            return fetcher.fetch(Reference(hub=hub, kind=kind, id=id, revision=revision))
        finally:
            fetcher.close()

    def model(self, hub: str = "huggingface", revision: str | None = None, **options: Any) -> Fetched:
        return self.fetch(hub, "model", "team/tiny.1", revision, **options)

    def data(self, hub: str = "huggingface", revision: str | None = None) -> Fetched:
        return self.fetch(hub, "dataset", "team/rows", revision)


def failure(act: Callable[[], Any]) -> ToolError:
    """The error that a download ends with."""
    with pytest.raises(ToolError) as caught:
        act()
    return caught.value


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(tmp_path / "hub") as found:
        found.write("models/team/tiny.1", {"config.json": b"{}\n", "model.safetensors": WEIGHTS})
        found.write("datasets/team/rows", {"README.md": b"# rows\n", "data/a b.jsonl": ROWS})
        yield found


@pytest.fixture
def stand(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    monkeypatch.setattr(client, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setenv("NO_PROXY", "*")
    return Stand(hub=hub, cache=tmp_path / "cache", environ={})


@pytest.fixture
def content() -> Callable[[Path], dict[str, bytes]]:
    """The files of a folder."""

    def read(folder: Path) -> dict[str, bytes]:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    return read
