"""Holds requests and answers to GitHub's own description of its REST API.

github_openapi.json is cut from npm's `@octokit/openapi`: `npm pack @octokit/openapi`, unpack it, then
`python -m tests.standin.github_openapi package/generated/api.github.com.json`.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

FILE = Path(__file__).with_suffix(".json")
_REPOSITORY = "/repos/{owner}/{repo}"
USED = {
    f"{_REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{_REPOSITORY}/issues/comments/{{comment_id}}": ("get", "patch", "delete"),
    f"{_REPOSITORY}/issues/{{issue_number}}/events": ("get",),
    f"{_REPOSITORY}/issues/events/{{event_id}}": ("get",),
    f"{_REPOSITORY}/collaborators/{{username}}/permission": ("get",),
    f"{_REPOSITORY}/check-runs": ("post",),
    f"{_REPOSITORY}/check-runs/{{check_run_id}}": ("patch",),
    f"{_REPOSITORY}/actions/runs/{{run_id}}": ("get",),
    f"{_REPOSITORY}/actions/runs/{{run_id}}/artifacts": ("get",),
    f"{_REPOSITORY}/actions/workflows/{{workflow_id}}/runs": ("get",),
}
_WORDS = ("description", "example", "examples", "summary", "title", "externalDocs", "discriminator", "default")


class Undocumented(AssertionError):
    """A request or an answer that GitHub's description does not know."""


@cache
def described() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def request(method: str, path: str, query: Mapping[str, str], body: Any) -> None:
    """Raises Undocumented where GitHub's description knows no such request."""
    where, found, operation = _operation(method, path)
    for parameter in operation["parameters"]:
        name, place = parameter["name"], parameter["in"]
        text = found.get(name) if place == "path" else query.get(name)
        if text is None and parameter["required"]:
            raise Undocumented(f"{where} lacks {name}")
        if text is not None:
            _validate(_typed(text, parameter["schema"]), parameter["schema"], f"{where} {name}")
    if unknown := set(query) - {one["name"] for one in operation["parameters"]}:
        raise Undocumented(f"{where} does not know {unknown}")
    schema = operation["body"]
    if schema is None:
        if body is not None:
            raise Undocumented(f"{where} takes no body")
        return
    _validate(body, schema, where)
    if unknown := set(body) - set(schema["properties"]):
        raise Undocumented(f"{where} does not know {unknown}")


def answer(method: str, path: str, status: int, body: Any) -> None:
    """Raises Undocumented where GitHub would not answer so."""
    where, _, operation = _operation(method, path)
    schema = operation["answers"].get(str(status))
    if schema is not None:
        _validate(body, schema, f"{where} {status}")


def _operation(method: str, path: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    for template, methods in described()["paths"].items():
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))
        if (found := re.fullmatch(pattern, path)) and method.lower() in methods:
            return f"{method} {template}", found.groupdict(), methods[method.lower()]
    raise Undocumented(f"{method} {path}")


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("oneOf", ()))}
    return int(text) if "integer" in kinds and text.isdigit() else text


def _validate(value: Any, schema: Mapping[str, Any], where: str) -> None:
    whole = {**schema, "components": described()["components"]}
    for error in Draft202012Validator(whole).iter_errors(value):
        raise Undocumented(f"{where}: {error.json_path} {error.message[:300]}")


def cut(source: dict[str, Any]) -> dict[str, Any]:
    """The operations that are used, and the schemas that they name, without words."""
    parts = source["components"]
    paths = {path: {name: _cut(source["paths"][path][name], parts) for name in names} for path, names in USED.items()}
    schemas: dict[str, Any] = {}
    waiting = list(_named(paths))
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = _plain(parts["schemas"][name])
            waiting += _named(schemas[name])
    version = f"@octokit/openapi {source['info']['version']}, api.github.com.json (npm, MIT licence), cut and plain"
    return {"source": version, "paths": paths, "components": {"schemas": dict(sorted(schemas.items()))}}


def _cut(operation: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    def whole(one: dict[str, Any], kind: str) -> dict[str, Any]:
        return dict(parts[kind][one["$ref"].rpartition("/")[2]]) if "$ref" in one else one

    def schema(one: dict[str, Any]) -> Any:
        content = one.get("content", {}).get("application/json")
        return _plain(content["schema"]) if content else None

    parameters = [whole(one, "parameters") for one in operation.get("parameters", ())]
    answers = {status: schema(whole(one, "responses")) for status, one in operation["responses"].items()}
    return {
        "parameters": [
            {"name": one["name"], "in": one["in"], "required": one.get("required", False)}
            | {"schema": _plain(one["schema"])}
            for one in parameters
        ],
        "body": schema(operation.get("requestBody", {})),
        "answers": answers,
    }


def _plain(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as plain JSON Schema, which has no `nullable`."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key, value in schema.items():
        if key == "properties":
            found[key] = {name: _plain(one) for name, one in value.items()}
        elif key not in _WORDS and key != "nullable" and not key.startswith("x-"):
            found[key] = _plain(value)
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") else found


def _named(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        if isinstance(data.get("$ref"), str):
            yield data["$ref"].rpartition("/")[2]
        for value in data.values():
            yield from _named(value)
    elif isinstance(data, list):
        for value in data:
            yield from _named(value)


if __name__ == "__main__":
    made = cut(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    FILE.write_text(json.dumps(made, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
