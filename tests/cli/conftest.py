"""A machine to examine, and a store to fill."""

import http.server
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.doctors import Site
from tests.cli.stores import PROJECT, Store
from tests.conftest import Repo
from tests.fake.repository import Repository
from tests.tools.nvml import Machine, build


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("Authorization", "")))
            time.sleep(found.seconds)
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(json.dumps(found.body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that went away is no news
    found = Site(url=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def here(repository: Repository, site: Site) -> Repository:
    """A repository whose hub is the site."""
    repository.project["hub"] = {"name": "huggingface", "endpoint": site.url}
    repository.environ |= {"NO_PROXY": "*", "FAKE_HUB_TOKEN": "x"}
    repository.write()
    return repository


@pytest.fixture
def cards(library: Path, tmp_path: Path, here: Repository) -> Machine:
    """A machine with cards, for a config that asks for one."""
    found = Machine(folder=tmp_path, library=library)
    here.environ |= {key: value for key, value in found.environ.items() if key != "PATH"}
    here.config["train"]["gpus"] = 1
    here.write()
    found.cards(0)
    return found


@pytest.fixture
def store(repo: Repo) -> Store:
    repo.write({"swiftci.yaml": PROJECT})
    return Store(repo.root / ".swiftci")


@pytest.fixture
def charts() -> None:
    """Of tests that want them drawn, which takes most of their time."""


@pytest.fixture
def records(repo: Repo, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store to fill; without `charts`, the drawing library is not there."""
    if "charts" not in request.fixturenames:
        monkeypatch.setitem(sys.modules, "vl_convert", None)
    repo.write({"swiftci.yaml": PROJECT})
    return repo.root / ".swiftci"
