"""A hub on the loopback: ModelScope's and Hugging Face's interface over a folder, with a CDN on a second port.

Serves ROOT/models/OWNER/NAME and ROOT/datasets/OWNER/NAME. Every request is recorded; `faults`, `lies` and the rest
make it misbehave. The hubs' own clients fetch from it, which tests/tools/hub/test_real.py holds it to.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

LARGE = 1000
"""Files of so many bytes are kept apart and come from the CDN."""
OLDER = "0" * 39 + "1"
"""The commit that all files but one were last changed by."""


@dataclass(frozen=True)
class Request:
    """One request; `server` is hub or cdn."""

    server: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query.items() if key != "Signature")
        asked = self.headers.get("range", "")
        text = f"{self.server} {self.method} {self.path}" + (f"?{query}" if query else "")
        return f"{text} [{asked}]" if asked else text


@dataclass
class Fault:
    """What goes wrong with answers whose path or query holds `at`, the next `times` times.

    `status` answers that, with `headers` and `body`; `cut` ends a body after so many bytes; `rate` sends so many bytes
    a second; `wait` says nothing for so many seconds; `whole` ignores Range.
    """

    at: str
    times: int = 1
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"no"
    cut: int | None = None
    rate: int = 0
    wait: float = 0
    whole: bool = False
    server: str = ""


@dataclass
class Hub:
    """The stand-in; everything may be changed while it serves."""

    root: Path
    token: str = ""
    denial: tuple[int, str] = (401, "RepoNotFound")
    page: int = 1000
    head_known: bool = True
    link_host: str = ""
    created: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    lies: dict[str, dict[str, Any]] = field(default_factory=dict)
    extra: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    endpoint: str = ""
    cdn: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    @property
    def said(self) -> list[str]:
        """The requests as short texts."""
        return [str(one) for one in self.requests]

    @property
    def asked_cdn(self) -> list[Request]:
        return [one for one in self.requests if one.server == "cdn"]

    def write(self, repository: str, files: Mapping[str, bytes]) -> None:
        """Puts files into a repository, such as `models/team/tiny`."""
        for name, data in files.items():
            path = self.root / repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def commit(self, repository: str) -> str:
        """The repository's newest commit: it follows from the content."""
        return hashlib.sha1(json.dumps(self.tree(repository)).encode(), usedforsecurity=False).hexdigest()

    def tree(self, repository: str) -> list[tuple[str, int, str, str]]:
        """Path, size, SHA-256 and git's digest of each file."""
        folder = self.root / repository
        found = []
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            stat = path.stat()
            found.append((path.relative_to(folder).as_posix(), stat.st_size, *digests(path, stat.st_mtime_ns)))
        return found

    def owned(self, owner: str) -> list[tuple[str, str]]:
        """The models of an owner, and when each was made, the newest first; `created` may name more than are there."""
        there = {path.relative_to(self.root / "models").as_posix() for path in (self.root / "models").glob("*/*")}
        known = {name: self.created.get(name, "2020-01-01T00:00:00.000Z") for name in {*there, *self.created}}
        found = [(name, made) for name, made in known.items() if name.split("/")[0] == owner]
        return sorted(found, key=lambda one: (one[1], one[0]), reverse=True)

    def fault(self, server: str, text: str) -> Fault | None:
        with self.lock:
            for one in self.faults:
                if one.times > 0 and one.at in text and one.server in ("", server):
                    one.times -= 1
                    return one
        return None


@contextmanager
def serving(root: Path) -> Iterator[Hub]:
    """A hub that serves a folder until the end of the block."""
    from tests.standin.hub_handler import Handler

    hub = Hub(root=root)
    servers = []
    for name, host in (("hub", "127.0.0.1"), ("cdn", "localhost")):
        handler = type("Bound", (Handler,), {"hub": hub, "server_name": name})
        server = _Server(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        setattr(hub, "endpoint" if name == "hub" else "cdn", f"http://{host}:{server.server_address[1]}")
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@cache
def digests(path: Path, _changed: int) -> tuple[str, str]:
    """A file's SHA-256 and git's digest."""
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), blob(data)


def blob(data: bytes) -> str:
    """A file's digest as git takes it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that hang up: some tests kill them."""
