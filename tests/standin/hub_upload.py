"""A hub on the loopback that takes uploads: what Hugging Face's and ModelScope's own clients ask, and nothing more.

Repositories live in memory. A commit is taken only if every large file in it was uploaded with the right content.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Repository:
    """One repository: each branch's files, and the messages of all commits."""

    private: bool
    branches: dict[str, dict[str, bytes]]
    messages: list[str] = field(default_factory=list)

    def head(self, branch: str) -> str:
        names = sorted((name, hashlib.sha1(data).hexdigest()) for name, data in self.branches[branch].items())
        return hashlib.sha1(json.dumps([branch, names]).encode()).hexdigest()


@dataclass
class Hub:
    """The stand-in; `token` is what it asks for, `owner` whom that may write for, `loses` a file that it forgets."""

    endpoint: str = ""
    token: str = ""
    owner: str = "team"
    loses: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


@contextmanager
def serving(token: str) -> Iterator[Hub]:
    """A hub until the end of the block."""
    hub = Hub(token=token)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.answer("GET")

    def do_POST(self) -> None:
        self.answer("POST")

    def do_PUT(self) -> None:
        self.answer("PUT")

    def answer(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        self.hub.said.append(f"{method} {path}")
        if path.startswith("/blobs/"):
            return self.blob(path.removeprefix("/blobs/"), body)
        if self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return self.say(401, {"error": "Invalid credentials", "Code": 10990101001, "Message": "token"})
        for known, pattern, take in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == known:
                return take(self, body, *found.groups())
        return self.say(404, {"error": f"no such route: {method} {path}"})

    def say(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for key, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def blob(self, oid: str, body: bytes) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            return self.say(400, {"error": "other content"})
        self.hub.blobs[oid] = body
        return self.say(200, {})

    def create(self, id: str, private: bool, branch: str) -> int:
        """The status of the answer."""
        if id.partition("/")[0] != self.hub.owner:
            return 403
        if id in self.hub.repositories:
            return 409
        first = {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"}
        self.hub.repositories[id] = Repository(private=private, branches={branch: first})
        return 200

    def commit(self, repository: Repository, branch: str, files: dict[str, bytes | None], message: str) -> bool:
        """False where a large file is not there."""
        if any(data is None for data in files.values()):
            return False
        repository.branches[branch] |= {name: data or b"" for name, data in files.items() if name != self.hub.loses}
        repository.messages.append(message)
        return True

    def lfs(self, body: bytes) -> list[dict[str, Any]]:
        asked = json.loads(body)["objects"]
        return [
            {**one, **({} if one["oid"] in self.hub.blobs else {"actions": {"upload": {"href": self.address(one)}}})}
            for one in asked
        ]

    def address(self, one: dict[str, Any]) -> str:
        return f"{self.hub.endpoint}/blobs/{one['oid']}"

    # Hugging Face

    def hf_create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        status = self.create(name, asked.get("visibility") == "private", "main")
        answer = {"error": "no"} if status >= 400 else {}
        self.say(status, {**answer, "url": f"{self.hub.endpoint}/{name}", "id": name})

    def hf_info(self, _: bytes, id: str, revision: str | None) -> None:
        found = self.hub.repositories.get(id)
        if found is None or (revision or "main") not in found.branches:
            code = "RevisionNotFound" if found else "RepoNotFound"
            return self.say(404, {"error": code}, {"X-Error-Code": code})
        return self.say(200, {"id": id, "private": found.private, "sha": found.head(revision or "main")})

    def hf_tree(self, _: bytes, id: str, revision: str) -> None:
        files = self.hub.repositories[id].branches[revision]
        self.say(
            200, [{"type": "file", "path": name, "size": len(data), "oid": "0" * 40} for name, data in files.items()]
        )

    def hf_branch(self, _: bytes, id: str, branch: str) -> None:
        found = self.hub.repositories[id]
        if branch in found.branches:
            return self.say(409, {"error": "it exists"})
        found.branches[branch] = dict(found.branches["main"])
        return self.say(200, {})

    def hf_preupload(self, body: bytes, id: str, revision: str) -> None:
        files = [
            {
                "path": one["path"],
                "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for one in json.loads(body)["files"]
        ]
        self.say(200, {"files": files})

    def hf_lfs(self, body: bytes, id: str) -> None:
        self.say(200, {"transfer": "basic", "objects": self.lfs(body)})

    def hf_commit(self, body: bytes, id: str, revision: str) -> None:
        found = self.hub.repositories[id]
        files: dict[str, bytes | None] = {}
        message = ""
        for line in body.splitlines():
            one = json.loads(line)
            value = one["value"]
            if one["key"] == "header":
                message = value["summary"]
            elif one["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif one["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs.get(value["oid"])
        if not self.commit(found, revision, files, message):
            return self.say(400, {"error": "a file was not uploaded"})
        head = found.head(revision)
        return self.say(200, {"commitUrl": f"{self.hub.endpoint}/{id}/commit/{head}", "commitOid": head})

    # ModelScope

    def ms_create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = f"{asked['Path']}/{asked['Name']}"
        status = self.create(name, asked["Visibility"] == 1, "master")
        if status == 409:
            return self.say(400, {"Code": 10020101002, "Message": "model already exists", "Success": False})
        return self.say(status, {"Code": status, "Data": {"Id": 1}, "Message": "", "Success": status < 400})

    def ms_open(self, _: bytes, id: str) -> None:
        self.say(404, {"success": False, "message": "not found"})  # as of private ones

    def ms_info(self, _: bytes, id: str) -> None:
        found = self.hub.repositories.get(id)
        if found is None:
            return self.say(404, {"Code": 10010205001, "Message": "not found", "Success": False})
        owner, _, name = id.partition("/")
        data = {"Id": 1, "Path": owner, "Name": name, "Visibility": 1 if found.private else 5}
        return self.say(200, {"Code": 200, "Data": data, "Success": True})

    def ms_files(self, _: bytes, id: str) -> None:
        files = self.hub.repositories[id].branches.get(self.query["Revision"], {})
        listed = [{"Path": name, "Name": name, "Type": "blob", "Size": len(data)} for name, data in files.items()]
        self.say(200, {"Code": 200, "Data": {"Files": listed}, "Success": True})

    def ms_lfs(self, body: bytes, id: str) -> None:
        self.say(200, {"Code": 200, "Data": {"objects": [one for one in self.lfs(body) if "actions" in one]}})

    def ms_commit(self, body: bytes, id: str, branch: str) -> None:
        found, asked = self.hub.repositories[id], json.loads(body)
        files = {
            one["path"]: self.hub.blobs.get(one["sha256"]) if one["type"] == "lfs" else base64.b64decode(one["content"])
            for one in asked["actions"]
        }
        found.branches.setdefault(branch, {})
        if not self.commit(found, branch, files, asked["commit_message"]):
            return self.say(400, {"Code": 400, "Message": "a file was not uploaded", "Success": False})
        return self.say(200, {"Code": 200, "Data": {"oid": found.head(branch)}, "Success": True})


_ID = r"([^/]+/[^/]+)"
_ROUTES = (
    ("POST", "/api/repos/create", _Handler.hf_create),
    ("GET", rf"/api/models/{_ID}(?:/revision/(.+))?", _Handler.hf_info),
    ("GET", rf"/api/models/{_ID}/tree/(.+)", _Handler.hf_tree),
    ("POST", rf"/api/models/{_ID}/branch/(.+)", _Handler.hf_branch),
    ("POST", rf"/api/models/{_ID}/preupload/(.+)", _Handler.hf_preupload),
    ("POST", rf"/{_ID}\.git/info/lfs/objects/batch", _Handler.hf_lfs),
    ("POST", rf"/api/models/{_ID}/commit/(.+)", _Handler.hf_commit),
    ("POST", "/api/v1/models", _Handler.ms_create),
    ("GET", rf"/openapi/v1/models/{_ID}", _Handler.ms_open),
    ("GET", rf"/api/v1/models/{_ID}", _Handler.ms_info),
    ("GET", rf"/api/v1/models/{_ID}/repo/files", _Handler.ms_files),
    ("POST", rf"/api/v1/repos/models/{_ID}/info/lfs/objects/batch", _Handler.ms_lfs),
    ("POST", rf"/api/v1/repos/models/{_ID}/commit/(.+)", _Handler.ms_commit),
)
