"""Serves a pull request as GitHub's REST API does.

Every request is held to GitHub's own description of its API, and so is every answer; what the description leaves open
follows docs.github.com, pages named at each.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.standin import github_openapi as description
from tests.standin.github_pull import APP, ID, NUMBER, REPOSITORY, RUN, GitHub
from tests.standin.hub import Request

_DOCS = "https://docs.github.com/rest"
_BODY_MAX = 65536


def _plain(path: str) -> str:
    """A path without an Enterprise Server's prefix, and with the repository by its name, which Link has by its id."""
    path = path.removeprefix("/api/v3").replace("/api/graphql", "/graphql")
    return path.replace(f"/repositories/{ID}/", f"/repos/{REPOSITORY}/")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other
    github: GitHub

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the requests are recorded."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query))
        headers = {key.lower(): value for key, value in self.headers.items()}
        data = self.rfile.read(int(headers.get("content-length", "0")))
        with self.github.lock:
            self.github.requests.append(Request("api", self.command, path, query, headers))
        path = _plain(path)
        body = json.loads(data) if data else None
        try:
            if path != "/graphql":
                description.request(self.command, path, query, body)
            self.github.between(self.command, path)
            fault = self.github.fault(f"{self.command} {path}")
            if fault and fault.wait:
                threading.Event().wait(fault.wait)
            if fault and fault.status:
                return self.say(fault.status, fault.body, fault.headers)
            self.answer(path, query, body)
        except description.Undocumented as error:
            self.github.undocumented.append(str(error))
            self.say(400, str(error).encode())

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def answer(self, path: str, query: Mapping[str, str], body: Any) -> None:
        if self.headers.get("authorization") not in (f"Bearer {self.github.token}", f"token {self.github.token}"):
            return self.no(401, "Bad credentials", "")
        if path == "/graphql":
            return self.viewer(body)
        path = path.removeprefix(f"/repos/{REPOSITORY}")
        for method, pattern, handle in _ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                if method != "GET" and not self.github.writes:
                    # docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api, "Resource not accessible"
                    return self.no(403, "Resource not accessible by integration", "")
                with self.github.lock:
                    return handle(self, query, body, *found.groups())
        return self.no(404, "Not Found", "")

    def viewer(self, body: Any) -> None:
        """docs.github.com/graphql/reference/queries#viewer, whose type User has `databaseId`."""
        if not self.github.graphql or "viewer" not in body["query"]:
            return self.json({"errors": [{"type": "FORBIDDEN", "message": "Resource not accessible by integration"}]})
        return self.json({"data": {"viewer": {"databaseId": self.github.author["id"]}}})

    def listed(self, entries: list[dict[str, Any]], query: Mapping[str, str]) -> None:
        """rest/using-the-rest-api/using-pagination-in-the-rest-api says what Link holds."""
        size = min(int(query.get("per_page", "30")), self.github.page)
        number, last = int(query.get("page", "1")), max(1, -(-len(entries) // size))
        pages = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number == 1:
            del pages["prev"], pages["first"]
        if number >= last:
            del pages["next"], pages["last"]
        rest = _plain(urlsplit(self.path).path).removeprefix(f"/repos/{REPOSITORY}")
        address = f"{self.github.url}/repositories/{ID}{rest}"
        links = [f'<{address}?per_page={size}&page={page}>; rel="{rel}"' for rel, page in pages.items()]
        self.json(entries[(number - 1) * size : number * size], headers={"Link": ", ".join(links)} if links else {})

    def list_comments(self, query: Mapping[str, str], body: Any, number: str) -> None:
        """rest/issues/comments#list-issue-comments: ordered by ascending id."""
        if int(number) != NUMBER:
            return self.no(404, "Not Found", "/issues/comments#list-issue-comments")
        return self.listed(self.github.comments, query)

    def create_comment(self, query: Mapping[str, str], body: Any, number: str) -> None:
        """rest/issues/comments#create-an-issue-comment; too long a body is a 422 with one detail."""
        if len(body["body"]) > _BODY_MAX:
            return self.too_long()
        self.github.comment(body["body"], self.github.author)
        return self.json(self.github.comments[-1], 201)

    def too_long(self) -> None:
        message = f"body is too long (maximum is {_BODY_MAX} characters)"
        errors = [{"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}]
        self.no(422, "Validation Failed", "/issues/comments#create-an-issue-comment", errors=errors)

    def edit_comment(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/issues/comments#update-an-issue-comment"""
        one = self.found(id)
        if one is None:
            return self.no(404, "Not Found", "/issues/comments#update-an-issue-comment")
        one |= {"body": body["body"], "updated_at": "2026-05-01T13:00:00Z"}
        return self.json(one)

    def delete_comment(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/issues/comments#delete-an-issue-comment"""
        one = self.found(id)
        if one is None:
            return self.no(404, "Not Found", "/issues/comments#delete-an-issue-comment")
        self.github.comments.remove(one)
        return self.say(204, b"")

    def found(self, id: str) -> dict[str, Any] | None:
        return next((one for one in self.github.comments if one["id"] == int(id)), None)

    def get_comment(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/issues/comments#get-an-issue-comment"""
        self.json(self.found(id))

    def get_event(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/issues/events#get-an-issue-event"""
        self.json(next(one for one in self.github.events if one["id"] == int(id)))

    def list_events(self, query: Mapping[str, str], body: Any, number: str) -> None:
        self.listed(self.github.events, query)

    def permission(self, query: Mapping[str, str], body: Any, login: str) -> None:
        """rest/collaborators/collaborators#get-repository-permissions-for-a-user: maintain is write, triage is read."""
        role = self.github.roles.get(login)
        if role is None:
            return self.no(404, f"{login} is not a user", "/collaborators/collaborators")
        base = {"maintain": "write", "triage": "read"}.get(role, role)
        return self.json({"permission": base, "role_name": role, "user": None})

    def create_check(self, query: Mapping[str, str], body: Any) -> None:
        """rest/checks/runs#create-a-check-run"""
        made = next(self.github.ids)
        self.github.checks.append({"id": made, **body, "output": dict(body["output"])})
        return self.json(self.check(made, body["output"]), 201)

    def edit_check(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/checks/runs#update-a-check-run: annotations are appended to those that are there."""
        one = next(one for one in self.github.checks if one["id"] == int(id))
        notes = [*one["output"]["annotations"], *body["output"]["annotations"]]
        one["output"] = {**body["output"], "annotations": notes}
        return self.json(self.check(int(id), one["output"]))

    def check(self, id: int, output: dict[str, Any]) -> dict[str, Any]:
        one = next(one for one in self.github.checks if one["id"] == id)
        page = f"https://github.com/{REPOSITORY}/runs/{id}"
        shown = {
            "title": output["title"],
            "summary": output["summary"],
            "text": None,
            "annotations_count": len(output["annotations"]),
            "annotations_url": f"{self.github.url}/repos/{REPOSITORY}/check-runs/{id}/annotations",
        }
        return {
            "id": id,
            "node_id": f"CR_{id}",
            "head_sha": one["head_sha"],
            "external_id": "",
            "url": f"{self.github.url}/repos/{REPOSITORY}/check-runs/{id}",
            "html_url": page,
            "details_url": one.get("details_url", page),
            "status": "completed",
            "conclusion": one["conclusion"],
            "started_at": "2026-05-01T12:00:00Z",
            "completed_at": "2026-05-01T12:00:00Z",
            "output": shown,
            "name": one["name"],
            "check_suite": {"id": 5},
            "app": APP,
            "pull_requests": [],
        }

    def run(self, query: Mapping[str, str], body: Any, id: str) -> None:
        """rest/actions/workflow-runs#get-a-workflow-run, less than the whole of it: `created_at` stays at a re-run."""
        if int(id) != RUN:
            return self.no(404, "Not Found", "/actions/workflow-runs#get-a-workflow-run")
        data = {"id": RUN, "created_at": self.github.began, "run_started_at": "2026-05-01T18:00:00Z", "run_attempt": 2}
        return self.say(200, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8"})

    def no(self, status: int, message: str, page: str, **more: Any) -> None:
        self.json({"message": message, "documentation_url": _DOCS + page, "status": str(status), **more}, status)

    def json(self, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        path = _plain(unquote(urlsplit(self.path).path))
        if path != "/graphql":
            description.answer(self.command, path, status, data)
        self.say(
            status, json.dumps(data).encode(), {"Content-Type": "application/json; charset=utf-8"} | {**(headers or {})}
        )

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


_ROUTES: tuple[tuple[str, str, Callable[..., None]], ...] = (
    ("GET", r"/issues/(\d+)/comments", Handler.list_comments),
    ("POST", r"/issues/(\d+)/comments", Handler.create_comment),
    ("GET", r"/issues/comments/(\d+)", Handler.get_comment),
    ("PATCH", r"/issues/comments/(\d+)", Handler.edit_comment),
    ("DELETE", r"/issues/comments/(\d+)", Handler.delete_comment),
    ("GET", r"/issues/(\d+)/events", Handler.list_events),
    ("GET", r"/issues/events/(\d+)", Handler.get_event),
    ("GET", r"/collaborators/([^/]+)/permission", Handler.permission),
    ("POST", r"/check-runs", Handler.create_check),
    ("PATCH", r"/check-runs/(\d+)", Handler.edit_check),
    ("GET", r"/actions/runs/(\d+)", Handler.run),
)


@contextmanager
def serving() -> Iterator[GitHub]:
    """Serves until the end of the block; what GitHub's description does not know fails it."""
    github = GitHub()
    handler = type("Bound", (Handler,), {"github": github})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    github.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
    assert github.undocumented == []
