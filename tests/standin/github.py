"""GitHub's REST API on the loopback, as much of it as finding an artifact takes, with a storage service beside it.

Answers follow docs.github.com (pages named at each) and the schemas of github/rest-api-description, 2022-11-28. What
the documentation leaves open, such as the order of a list, is as the test puts it.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.standin import github_openapi
from tests.standin.hub import Fault, Request

REPOSITORY = "team/models"
ID = 42
_DOCS = "https://docs.github.com/rest"
_ARTIFACT = re.compile(r"/actions/artifacts/(\d+)/zip")
_KEPT = re.compile(r"/actions/runs/(\d+)/artifacts")
_RUNS = re.compile(r"/actions/workflows/([^/]+)/runs")
_RUN = re.compile(r"/actions/runs/(\d+)")
_BRANCH = re.compile(r"/git/ref/heads/(.+)")
_COMPARE = re.compile(r"/compare/([0-9a-f]+)\.\.\.([0-9a-f]+)")


@dataclass(kw_only=True)
class Artifact:
    """An artifact with its run; `entry` replaces parts of its place in the list."""

    id: int
    name: str
    content: bytes
    branch: str = "main"
    commit: str = "a" * 40
    event: str = "push"
    path: str = ".github/workflows/tiny.yml"
    repository: int | None = ID
    expired: bool = False
    created: str = "2026-05-01T10:00:00Z"
    status: str = "completed"
    entry: dict[str, Any] = field(default_factory=dict)


@dataclass
class GitHub:
    """The stand-in; everything may be changed while it serves. `branches` are commits, the newest first."""

    token: str = "ghs_secret"
    artifacts: list[Artifact] = field(default_factory=list)
    branches: dict[str, list[str]] = field(default_factory=dict)
    filters: bool = True
    page: int = 100
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    storage: str = ""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()

    @property
    def said(self) -> list[str]:
        return [str(one).replace(f"/repos/{REPOSITORY}", "") for one in self.requests]

    def fault(self, text: str) -> Fault | None:
        with self.lock:
            for one in self.faults:
                if one.times > 0 and one.at in text:
                    one.times -= 1
                    return one
        return None

    def listed(self, one: Artifact) -> dict[str, Any]:
        """rest/actions/artifacts#list-artifacts-for-a-repository; the schema lets `workflow_run` be null."""
        url = f"{self.url}/repos/{REPOSITORY}/actions/artifacts/{one.id}"
        run = {
            "id": one.id + 1000,
            "repository_id": ID,
            "head_repository_id": one.repository,
            "head_branch": one.branch,
            "head_sha": one.commit,
        }
        entry = {
            "id": one.id,
            "node_id": "MDg6QXJ0aWZhY3QxMQ==",
            "name": one.name,
            "size_in_bytes": len(one.content),
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": one.expired,
            "created_at": one.created,
            "expires_at": "2026-08-01T10:00:00Z",
            "updated_at": one.created,
            "workflow_run": run,
        }
        return {**entry, **one.entry, "workflow_run": one.entry.get("workflow_run", run)}

    def run(self, one: Artifact) -> dict[str, Any]:
        """rest/actions/workflow-runs#get-a-workflow-run; `path` may end in @ and a ref, as in its example."""
        page = f"https://github.com/{REPOSITORY}/actions/runs/{one.id + 1000}"
        return {
            "id": one.id + 1000,
            "head_branch": one.branch,
            "head_sha": one.commit,
            "path": one.path,
            "event": one.event,
            "status": one.status,
            "conclusion": "success",
            "created_at": one.created,
            "html_url": page,
        }

    def runs(self, workflow: str, query: Mapping[str, str]) -> dict[str, Any]:
        """rest/actions/workflow-runs#list-workflow-runs-for-a-workflow, by its file's name, filtered by the query."""
        found = [
            self.run(one)
            for one in self.artifacts
            if one.path.endswith(f"/{workflow}")
            and query.get("branch") in (None, one.branch)
            and query.get("status") in (None, one.status)
        ]
        return {"total_count": len(found), "workflow_runs": found[: int(query.get("per_page", "30"))]}

    def kept(self, run: int) -> dict[str, Any]:
        """rest/actions/artifacts#list-workflow-run-artifacts"""
        found = [self.listed(one) for one in self.artifacts if one.id + 1000 == run]
        return {"total_count": len(found), "artifacts": found}

    def compared(self, base: str, head: str) -> dict[str, Any] | None:
        """rest/commits/commits#compare-two-commits: `status` is diverged, ahead, behind or identical."""
        for commits in self.branches.values():
            if base in commits:
                status = "behind" if head in commits[commits.index(base) :] else "diverged"
                status = "identical" if base == head else status
                return {"status": status, "ahead_by": int(status == "diverged"), "commits": [], "files": []}
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other
    github: GitHub
    storage: bool

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the requests are recorded."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query))
        headers = {key.lower(): value for key, value in self.headers.items()}
        name = "storage" if self.storage else "api"
        with self.github.lock:
            self.github.requests.append(Request(name, self.command, path, query, headers))
        fault = self.github.fault(f"{name} {path}")
        if fault and fault.wait:
            threading.Event().wait(fault.wait)
        if fault and fault.status:
            return self.say(fault.status, fault.body, fault.headers)
        return self.from_storage(path, query) if self.storage else self.from_api(path, query)

    def from_storage(self, path: str, query: Mapping[str, str]) -> None:
        """Azure Blob Storage refuses a header of authorization that is not its own beside a signed address."""
        if "authorization" in self.headers:
            return self.say(400, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>")
        found = {str(one.id): one for one in self.github.artifacts}.get(path.strip("/"))
        if found is None or query.get("sig") != "signed":
            return self.say(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
        return self.say(200, found.content, {"Content-Type": "application/zip"})

    def from_api(self, path: str, query: Mapping[str, str]) -> None:
        if self.headers.get("authorization") != f"Bearer {self.github.token}":
            return self.no(401, "Bad credentials", "")
        _, repository, path = path.rpartition(f"/repos/{REPOSITORY}")
        artifacts = {one.id: one for one in self.github.artifacts}
        answer: dict[str, Any] | None = None
        if path == "/actions/artifacts":
            return self.listed(query)
        if found := _ARTIFACT.fullmatch(path):
            return self.download(artifacts.get(int(found[1])))
        if found := _RUN.fullmatch(path):
            one = artifacts.get(int(found[1]) - 1000)
            answer = self.github.run(one) if one else None
        if found := _RUNS.fullmatch(path):
            github_openapi.request("GET", f"/repos/{REPOSITORY}{path}", query, None)
            answer = self.github.runs(found[1], query)
        if found := _KEPT.fullmatch(path):
            github_openapi.request("GET", f"/repos/{REPOSITORY}{path}", query, None)
            answer = self.github.kept(int(found[1]))
        if found := _BRANCH.fullmatch(path):  # rest/git/refs#get-a-reference
            commits = self.github.branches.get(found[1])
            sha = {"type": "commit", "sha": commits[0]} if commits else {}
            answer = {"ref": f"refs/heads/{found[1]}", "object": sha} if sha else None
        if found := _COMPARE.fullmatch(path):
            answer = self.github.compared(found[1], found[2])
        if not repository or answer is None:
            return self.no(404, "Not Found", "")
        return self.json(answer)

    def listed(self, query: Mapping[str, str]) -> None:
        """A page of the list; rest/using-the-rest-api/using-pagination-in-the-rest-api says what Link holds."""
        size = min(int(query.get("per_page", "30")), self.github.page)
        number = int(query.get("page", "1"))
        found = [one for one in self.github.artifacts if not self.github.filters or one.name == query.get("name")]
        entries = [self.github.listed(one) for one in found]
        following = "&".join(f"{key}={quote(value)}" for key, value in query.items() if key != "page")
        address = f"{self.github.url}/repositories/{ID}/actions/artifacts?{following}"
        link = {"Link": f'<{address}&page={number + 1}>; rel="next"'} if number * size < len(entries) else {}
        self.json({"total_count": len(entries), "artifacts": entries[(number - 1) * size : number * size]}, link)

    def download(self, one: Artifact | None) -> None:
        """rest/actions/artifacts#download-an-artifact: 302, or 410 where it has expired."""
        if one is None:
            return self.no(404, "Not Found", "/actions/artifacts#download-an-artifact")
        if one.expired:
            return self.no(410, "Artifact has expired", "/actions/artifacts#download-an-artifact")
        return self.say(302, b"", {"Location": f"{self.github.storage}/{one.id}?se=2026&sig=signed"})

    def no(self, status: int, message: str, page: str) -> None:
        body = {"message": message, "documentation_url": _DOCS + page, "status": str(status)}
        self.say(status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=utf-8"})

    def json(self, data: Any, headers: Mapping[str, str] | None = None) -> None:
        self.say(200, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    def say(self, status: int, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def serving() -> Iterator[GitHub]:
    """Serves until the end of the block."""
    github = GitHub()
    servers = []
    for host in ("127.0.0.1", "localhost"):
        handler = type("Bound", (Handler,), {"github": github, "storage": host == "localhost"})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        setattr(github, "storage" if host == "localhost" else "url", f"http://{host}:{server.server_port}")
    try:
        yield github
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
