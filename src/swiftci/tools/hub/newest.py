"""The newest models of a family: what a hub lists of an owner, by the time it was made."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.hub import huggingface, modelscope, refusal
from swiftci.tools.hub.client import Client
from swiftci.tools.hub.huggingface import NEXT
from swiftci.tools.hub.listing import Listing
from swiftci.tools.hub.reference import Reference, is_id

PAGE = {"modelscope": 50, "huggingface": 100}
LISTED_MAX = 3000
"""ModelScope lists no more (modelscope_hub 0.5.1, _openapi.py); of an owner with more the last changed count."""

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""What the tools load; a repository of GGUF files alone is left out."""
_ADAPTER = "adapter_config.json"
"""Of a model that needs another one."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of a hub; `created` as the hub writes it, `commit` None where the hub does not tell it."""

    id: str
    created: str
    commit: str | None = None


def newest(client: Client, family: str, count: int) -> list[Model]:
    """At most so many models whose id matches a pattern such as `Qwen/Qwen3-*`, the newest first.

    Those that hold no weights, or that this account may not see, are told and left out. Raises ToolError.
    """
    owner = family.partition("/")[0]
    listed = (_of_huggingface if client.access.hub == "huggingface" else _of_modelscope)(client, owner)
    found = [one for one in listed if fnmatchcase(one.id.lower(), family.lower())]
    kept: list[Model] = []
    for one in sorted(found, key=lambda one: (one.created, one.id), reverse=True):
        if len(kept) == count:
            break
        listing = _listing(client, one.id)
        if isinstance(listing, str):
            client.told(f"{one.id} is left out: {listing}")
        else:
            kept.append(Model(id=one.id, created=one.created, commit=listing.commit))
    return kept


def _listing(client: Client, id: str) -> Listing | str:
    """What a repository holds, or why nothing can be measured of it."""
    reference = Reference(hub=client.access.hub, kind="model", id=id)
    look = huggingface.listing if reference.hub == "huggingface" else modelscope.listing
    try:
        found = look(client, reference)
    except ToolError as error:
        if error.kind != "user":
            raise
        return error.message
    names = [file.path for file in found.files]
    if _ADAPTER in names:
        return "it is an adapter, which needs another model"
    if not any(fnmatchcase(name, pattern) for name in names for pattern in _WEIGHTS):
        return "it holds no weights that the tools load"
    return found


def _of_huggingface(client: Client, owner: str) -> Iterator[Model]:
    """Hugging Face's list of an owner's models (huggingface_hub 1.33, hf_api.py, list_models)."""
    what = f"models of {owner}"
    query = {"author": owner, "sort": "createdAt", "limit": str(PAGE["huggingface"])}
    for _ in range(LISTED_MAX // PAGE["huggingface"]):
        body, headers = client.data("/api/models", query, what)
        yield from _models(client, what, body, "createdAt", "createdAt")
        following = NEXT.search(headers.get("link", ""))
        if following is None:
            return
        query = dict(parse_qsl(urlsplit(following[1]).query))


def _of_modelscope(client: Client, owner: str) -> Iterator[Model]:
    """ModelScope's list of an owner's models (modelscope_hub 0.5.1, _openapi.py, list_models)."""
    what, size = f"models of {owner}", PAGE["modelscope"]
    for number in range(1, LISTED_MAX // size + 1):
        query = {"owner": owner, "sort": "last_modified", "page_number": str(number), "page_size": str(size)}
        body, _ = client.data("/openapi/v1/models", query, what)
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict) or body.get("success") is False:
            raise refusal.no_hub(client.access, what, "sent JSON that is no list of models")
        entries = data.get("models")
        yield from _models(client, what, entries, "created_at", "last_modified")
        if len(entries or ()) < size:
            return


def _models(client: Client, what: str, entries: Any, *times: str) -> Iterator[Model]:
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise refusal.no_hub(client.access, what, "sent JSON that is no list of models")
    for one in entries:
        name = one.get("id")
        if not isinstance(name, str) or not is_id(name):
            client.told(f"{what}: {quoted(str(name))} is left out, which names no repository")
            continue
        yield Model(id=name, created=next((str(one[key]) for key in times if one.get(key)), ""))
