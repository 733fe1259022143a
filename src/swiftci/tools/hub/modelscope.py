"""ModelScope's interface, as its own client uses it (modelscope_hub 1.x, _legacy_api.py)."""

from typing import Any
from urllib.parse import urlencode

from swiftci.spec.error import ToolError
from swiftci.tools.hub import refusal
from swiftci.tools.hub.client import Client
from swiftci.tools.hub.listing import Listing, checked, unique
from swiftci.tools.hub.reference import Reference, is_commit

PAGE = 200
"""Entries of a data set's page."""
CUT = 3000
"""A model's list is cut here without a word; then each folder is asked for by itself."""
PAGES_MAX = 5000


def listing(client: Client, reference: Reference) -> Listing:
    """What the repository holds at the revision."""
    entries, head = (_dataset if reference.kind == "dataset" else _model)(client, reference)
    where = f"{client.access.shown}, {reference},"
    files = [
        checked(entry.get("Path"), entry.get("Size"), _digest(entry), where)
        for entry in entries
        if entry.get("Type") != "tree"
    ]
    if not files:
        raise refusal.no_revision(client.access, str(reference))
    commit = reference.asked if reference.pinned else _commit(entries, head)
    return Listing(commit=commit, files=tuple(unique(files, where)))


def address(endpoint: str, reference: Reference, commit: str | None, path: str) -> str:
    """Where a file is; of a repository whose commit is not known, that of the branch as it is now."""
    query = urlencode({"Revision": commit or reference.asked, "FilePath": path})
    return f"{endpoint}/api/v1/{reference.kind}s/{reference.id}/repo?{query}"


def _model(client: Client, reference: Reference) -> tuple[list[dict[str, Any]], str]:
    entries, head = _page(client, reference, {"Recursive": "True"})
    return (entries if len(entries) < CUT else _walked(client, reference, "")), head


def _walked(client: Client, reference: Reference, folder: str) -> list[dict[str, Any]]:
    """The list of a folder by way of its folders, each of which may be cut too."""
    here, _ = _page(client, reference, {"Recursive": "False"} | ({"Root": folder} if folder else {}))
    if len(here) >= CUT:
        message = f"{client.access.shown} lists only {CUT} files of {reference}, and {folder or '/'} has more"
        raise ToolError(message=message, kind="data", hint="fetch it by hand, and name its folder in the config")
    found = [entry for entry in here if entry.get("Type") != "tree"]
    for entry in here:
        if entry.get("Type") == "tree":
            path = str(entry.get("Path"))
            inside, _ = _page(client, reference, {"Recursive": "True", "Root": path})
            found += inside if len(inside) < CUT else _walked(client, reference, path)
    return found


def _dataset(client: Client, reference: Reference) -> tuple[list[dict[str, Any]], str]:
    found: list[dict[str, Any]] = []
    head = ""
    for number in range(1, PAGES_MAX + 1):
        query = {"Recursive": "True", "PageNumber": str(number), "PageSize": str(PAGE)}
        entries, head_of_page = _page(client, reference, query)
        head = head or head_of_page
        found += entries
        if len(entries) < PAGE:
            return found, head
    raise refusal.no_hub(client.access, str(reference), "lists files without end")


def _page(client: Client, reference: Reference, query: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
    """One list, and the first digits of the newest commit."""
    what = str(reference)
    end = "tree" if reference.kind == "dataset" else "files"
    path = f"/api/v1/{reference.kind}s/{reference.id}/repo/{end}"
    body, _ = client.data(path, {"Revision": reference.asked} | query, what)
    if isinstance(body, dict) and (body.get("Success") is False or body.get("Code", 200) not in (200, "200")):
        raise refusal.refused(client.access, what, 404)  # it says so with status 200 too
    data = body.get("Data", body) if isinstance(body, dict) else body
    latest = data.get("LatestCommitter") if isinstance(data, dict) else None
    entries = data.get("Files") if isinstance(data, dict) else data
    if isinstance(data, dict) and entries is None and "Files" in data:
        entries = []  # a revision that is not there
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refusal.no_hub(client.access, what, "sent JSON that is no list of files")
    return entries, str((latest or {}).get("ShortId") or "") if isinstance(latest, dict) else ""


def _commit(entries: list[dict[str, Any]], head: str) -> str | None:
    """The branch's commit: the hub gives its first digits, and in full the last commit of each file."""
    if len(head) < 7:
        return None
    known = {str(entry.get("Revision")) for entry in entries}
    return next((commit for commit in sorted(known) if is_commit(commit) and commit.startswith(head)), None)


def _digest(entry: dict[str, Any]) -> str:
    found = entry.get("Sha256")
    return f"sha256:{found.lower()}" if isinstance(found, str) and len(found) == 64 else ""
