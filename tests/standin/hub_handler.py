"""The stand-in's answers: both hubs' pages and files, and the CDN's."""

import json
import re
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.standin.hub import LARGE, OLDER, Fault, Hub, Request, blob, digests

_MODELSCOPE = re.compile(r"/api/v1/(models|datasets)/([^/]+/[^/]+)(/repo/files|/repo/tree|/repo|/revisions|)")
_HF_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?")
_HF_FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_HF_SMALL = re.compile(r"/api/resolve-cache/(models|datasets)/([^/]+/[^/]+)/([^/]+)/(.+)")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    server_name: str

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the requests are recorded."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        headers = {key.lower(): value for key, value in self.headers.items()}
        path = unquote(parts.path)
        with self.hub.lock:
            self.hub.requests.append(Request(self.server_name, self.command, path, query, headers))
        self.fault = self.hub.fault(self.server_name, f"{path}?{unquote(parts.query)}")
        time.sleep(self.fault.wait if self.fault else 0)
        if self.fault and self.fault.status:
            return self.say(self.fault.status, self.fault.body, self.fault.headers)
        try:
            if self.server_name == "cdn":
                self.from_cdn(path, query)
            else:
                self.from_hub(path, query, parts.path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        return None

    def from_cdn(self, path: str, query: Mapping[str, str]) -> None:
        if "authorization" in self.headers or "cookie" in self.headers:
            return self.say(400, b"only one way of signing is allowed")  # as object stores answer
        if query.get("Signature") != "valid":
            return self.say(403, b"not signed")
        return self.body((self.hub.root / path.lstrip("/")).read_bytes())

    def from_hub(self, path: str, query: Mapping[str, str], raw: str) -> None:
        given = {self.headers.get("authorization", "").removeprefix("Bearer "), self.cookie()}
        if self.hub.token and self.hub.token not in given:
            status, code = self.hub.denial
            return self.say(status, b'{"error": "no"}', {"X-Error-Code": code})
        if path == "/openapi/v1/models":
            return self.modelscope_models(query)
        if path == "/api/models":
            return self.hf_models(query)
        if found := _MODELSCOPE.fullmatch(path):
            return self.modelscope(found[1], found[2], found[3], query)
        if found := _HF_SMALL.fullmatch(path):
            data = (self.hub.root / found[1] / found[2] / found[4]).read_bytes()
            return self.body(data, {"X-Repo-Commit": found[3], "ETag": f'"{blob(data)}"'})
        if found := _HF_API.fullmatch(path):
            return self.hugging_face(found[1], found[2], found[3], found[4], query)
        if found := _HF_FILE.fullmatch(path):
            return self.hf_file("datasets" if found[1] else "models", found[2], found[3], found[4])
        return self.say(404, b'{"Code": 404}')

    def cookie(self) -> str:
        found = re.search(r"m_session_id=([^;]+)", self.headers.get("cookie", ""))
        return found[1] if found else ""

    # ModelScope

    def modelscope(self, kind: str, id: str, what: str, query: Mapping[str, str]) -> None:
        repository = f"{kind}/{id}"
        if not (self.hub.root / repository).is_dir():
            return self.json({"Code": 10010205001, "Message": "record not found", "Success": False}, status=404)
        if what == "/repo":
            return self.modelscope_file(repository, query)
        if what in ("", "/revisions"):
            branches = [{"Revision": "master"}]
            return self.envelope({"Name": id, "RevisionMap": {"Branches": branches, "Tags": []}})
        if not self.has(repository, query.get("Revision", "master"), "master"):
            return self.envelope({"Files": None, "IsVisual": 0, "LatestCommitter": None})  # so it says that
        return self.modelscope_list(repository, what, query)

    def modelscope_list(self, repository: str, what: str, query: Mapping[str, str]) -> None:
        commit = self.hub.commit(repository)
        entries: list[dict[str, Any]] = []
        under = f"{query['Root']}/" if query.get("Root") else ""
        deep = query.get("Recursive") == "True"
        folders = set()
        for number, (path, size, sha256, _) in enumerate(self.hub.tree(repository)):
            if not path.startswith(under):
                continue
            head, slash, _rest = path.removeprefix(under).partition("/")
            if slash and under + head not in folders:
                folders.add(under + head)
                entries.append({"Path": under + head, "Name": head, "Type": "tree", "Size": 0})
            if slash and not deep:
                continue
            entry = {"Path": path, "Name": Path(path).name, "Type": "blob", "Size": size, "Sha256": sha256}
            entry |= {"IsLFS": size >= LARGE, "Revision": OLDER if number else commit}
            entries.append(entry | self.hub.lies.get(path, {}))
        entries += self.hub.extra
        if what == "/repo/tree":
            size, number = int(query.get("PageSize", "100")), int(query.get("PageNumber", "1"))
            entries = entries[size * (number - 1) : size * number]
        else:
            entries = entries[: self.hub.page]  # cut without a word
        latest = {"Id": "", "ShortId": commit[:8]} if self.hub.head_known else None
        self.envelope({"Files": entries, "IsVisual": 0, "LatestCommitter": latest})

    def modelscope_file(self, repository: str, query: Mapping[str, str]) -> None:
        file = self.hub.root / repository / query.get("FilePath", "")
        if not self.has(repository, query.get("Revision", "master"), "master") or not file.is_file():
            return self.json({"Code": 10990101007, "Message": "file not found", "Success": False}, status=404)
        if file.stat().st_size < LARGE:
            return self.body(file.read_bytes(), ranges=False)  # small files come from git, which knows no Range
        sha256 = digests(file, file.stat().st_mtime_ns)[0]
        return self.away(302, f"{repository}/{query['FilePath']}", {"X-Linked-ETag": f'"{sha256}"'})

    def modelscope_models(self, query: Mapping[str, str]) -> None:
        """The open interface's list, as modelscope_hub 0.5.1 reads it."""
        size, number = int(query.get("page_size", "10")), int(query.get("page_number", "1"))
        if size * number > 3000:
            return self.json({"success": False, "code": "QuotaLimitExceed", "message": "too far"}, status=400)
        every = self.hub.owned(query.get("owner", ""))
        page = [
            {"id": name, "display_name": name.split("/")[1], "created_at": made, "last_modified": made, "downloads": 1}
            for name, made in every[size * (number - 1) : size * number]
        ]
        data = {"models": page, "total_count": len(every), "page_number": number, "page_size": size}
        return self.json({"success": True, "data": data, "request_id": "r"})

    def envelope(self, data: Any) -> None:
        self.json({"Code": 200, "Data": data, "Message": "success", "RequestId": "r", "Success": True})

    # Hugging Face

    def hugging_face(
        self, kind: str, id: str, what: str | None, revision: str | None, query: Mapping[str, str]
    ) -> None:
        repository = f"{kind}/{id}"
        if not (self.hub.root / repository).is_dir():
            return self.say(401, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        if not self.has(repository, revision or "main", "main"):
            return self.say(404, b'{"error": "Invalid rev id"}', {"X-Error-Code": "RevisionNotFound"})
        commit = self.hub.commit(repository)
        files = self.hub.tree(repository)
        if what != "tree":
            siblings = [{"rfilename": path} for path, *_ in files]
            return self.json({"_id": "1", "id": id, "sha": commit, "siblings": siblings, "private": False, "tags": []})
        entries: list[dict[str, Any]] = []
        for path, size, sha256, small in files:
            entry: dict[str, Any] = {"type": "file", "path": path, "size": size, "oid": small}
            if size >= LARGE:
                entry["lfs"] = {"oid": sha256, "size": size, "pointerSize": 134}
            entries.append(entry | self.hub.lies.get(path, {}))
        folders = {path.rpartition("/")[0] for path, *_ in files} - {""}
        entries += [{"type": "directory", "path": path, "size": 0, "oid": "d" * 40} for path in sorted(folders)]
        entries += self.hub.extra
        start = int(query.get("cursor", "0"))
        link = {}
        if start + self.hub.page < len(entries):
            following = "&".join(f"{key}={value}" for key, value in query.items() if key != "cursor")
            address = f"{self.hub.link_host or self.hub.endpoint}/api/{repository}/tree/{revision}?{following}"
            link = {"Link": f'<{address}&cursor={start + self.hub.page}>; rel="next"'}
        return self.json(entries[start : start + self.hub.page], link)

    def hf_models(self, query: Mapping[str, str]) -> None:
        """The list of an owner's models, as huggingface_hub 1.33 reads it."""
        every, start = self.hub.owned(query.get("author", "")), int(query.get("cursor", "0"))
        size = min(int(query.get("limit", "1000")), self.hub.page)
        page = [
            {"_id": "1", "id": name, "modelId": name, "createdAt": made, "private": False, "tags": [], "downloads": 1}
            for name, made in every[start : start + size]
        ]
        following = "&".join(f"{key}={value}" for key, value in query.items() if key != "cursor")
        address = f"{self.hub.link_host or self.hub.endpoint}/api/models?{following}&cursor={start + size}"
        link = {"Link": f'<{address}>; rel="next"'} if start + size < len(every) else {}
        return self.json(page, link)

    def hf_file(self, kind: str, id: str, revision: str, path: str) -> None:
        repository = f"{kind}/{id}"
        if not (self.hub.root / repository).is_dir() or not self.has(repository, revision, "main"):
            return self.say(404, b"", {"X-Error-Code": "RevisionNotFound"})
        file = self.hub.root / repository / path
        if not file.is_file():
            return self.say(404, b"", {"X-Error-Code": "EntryNotFound"})
        sha256, small = digests(file, file.stat().st_mtime_ns)
        size = file.stat().st_size
        commit = {"X-Repo-Commit": self.hub.commit(repository)}
        if size >= LARGE:
            linked = {"X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(size)}
            return self.away(302, f"{repository}/{path}", commit | linked)
        linked = {"ETag": f'"{small}"', "X-Linked-ETag": f'"{small}"', "X-Linked-Size": str(size)}
        cached = f"/api/resolve-cache/{repository}/{commit['X-Repo-Commit']}/{quote(path)}"
        return self.say(307, b"", commit | linked | {"Location": cached})

    # both

    def has(self, repository: str, revision: str, branch: str) -> bool:
        return revision in (branch, self.hub.commit(repository))

    def away(self, status: int, path: str, headers: dict[str, str]) -> None:
        self.say(status, b"", {**headers, "Location": f"{self.hub.cdn}/{quote(path)}?Signature=valid"})

    def json(self, data: Any, headers: dict[str, str] | None = None, status: int = 200) -> None:
        self.say(status, json.dumps(data).encode(), {"Content-Type": "application/json"} | (headers or {}))

    def say(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self, data: bytes, headers: Mapping[str, str] | None = None, *, ranges: bool = True) -> None:
        """A file's bytes, from where they are asked for, and with the fault that is due."""
        whole, start = len(data), 0
        fault = self.fault or Fault("")
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        if asked and ranges and not fault.whole:
            start, end = int(asked[1]), int(asked[2]) + 1 if asked[2] else whole
            if start >= whole:
                return self.say(416, b"", {"Content-Range": f"bytes */{whole}"})
            data = data[start:end]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{whole}")
        else:
            self.send_response(200)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        if fault.cut is not None:
            self.wfile.write(data[: fault.cut])
            self.wfile.flush()
            self.close_connection = True
            return None
        step = max(1, fault.rate // 20) if fault.rate else len(data) or 1
        for at in range(0, len(data), step):
            self.wfile.write(memoryview(data)[at : at + step])
            self.wfile.flush()
            if fault.rate:
                time.sleep(0.05)
        return None
