"""Hugging Face's interface, as its own client uses it (huggingface_hub 1.33, hf_api.py and file_download.py)."""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from swiftci.tools.hub import refusal
from swiftci.tools.hub.client import Client
from swiftci.tools.hub.listing import File, Listing, checked, unique
from swiftci.tools.hub.reference import Reference, is_commit

PAGES_MAX = 5000

NEXT = re.compile(r'<([^>]*)>\s*;[^,]*rel="?next"?')
"""The next page's address, in the header Link."""


def listing(client: Client, reference: Reference) -> Listing:
    """What the repository holds at the revision."""
    commit = reference.asked if reference.pinned else _commit(client, reference)
    path = f"/api/{reference.kind}s/{reference.id}/tree/{commit}"
    query = {"recursive": "true", "expand": "false"}
    where = f"{client.access.shown}, {reference},"
    files: list[File] = []
    for _ in range(PAGES_MAX):
        body, headers = client.data(path, query, str(reference))
        if not isinstance(body, list) or not all(isinstance(entry, dict) for entry in body):
            raise refusal.no_hub(client.access, str(reference), "sent JSON that is no list of files")
        files += [
            checked(entry.get("path"), entry.get("size"), _digest(entry), where)
            for entry in body
            if entry.get("type") != "directory"
        ]
        following = NEXT.search(headers.get("link", ""))
        if following is None:
            break
        query = dict(parse_qsl(urlsplit(following[1]).query))  # a mirror may name the hub itself there
    else:
        raise refusal.no_hub(client.access, str(reference), "lists files without end")
    if not files:
        raise refusal.no_revision(client.access, str(reference))
    return Listing(commit=commit, files=tuple(unique(files, where)))


def address(endpoint: str, reference: Reference, commit: str | None, path: str) -> str:
    """Where a file is."""
    kind = "datasets/" if reference.kind == "dataset" else ""
    revision = quote(commit or reference.asked, safe="")
    return f"{endpoint}/{kind}{reference.id}/resolve/{revision}/{quote(path)}"


def _commit(client: Client, reference: Reference) -> str:
    path = f"/api/{reference.kind}s/{reference.id}/revision/{quote(reference.asked, safe='')}"
    body, _ = client.data(path, {}, str(reference))
    found = body.get("sha") if isinstance(body, dict) else None
    if not isinstance(found, str) or not is_commit(found):
        raise refusal.no_hub(client.access, str(reference), "does not say which commit that is")
    return found


def _digest(entry: dict[str, Any]) -> str:
    """Of a large file the SHA-256 of its content, of a small one git's SHA-1 of the blob."""
    large = entry.get("lfs")
    if isinstance(large, dict):
        found, kind, length = large.get("oid") or large.get("sha256"), "sha256", 64
    else:
        found, kind, length = entry.get("oid"), "git", 40
    return f"{kind}:{found.lower()}" if isinstance(found, str) and len(found) == length else ""
