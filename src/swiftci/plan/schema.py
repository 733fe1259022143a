"""JSON Schema 2020-12 of swiftci.yaml and of a config, for editors: the sections, and in them the tools' arguments."""

from collections.abc import Mapping

from swiftci import __version__
from swiftci.config import schema
from swiftci.config.arguments import SECRET
from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.schema import Schema
from swiftci.config.train import FROM, METHODS, SERVERS
from swiftci.config.yaml import core
from swiftci.tools import evalscope, known_arguments, swift

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXTS = {
    "int": r"^[+-]?[0-9]+(_[0-9]+)*$",
    "float": r"^[+-]?(([0-9][0-9_]*\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|nan)$",
    "bool": r"^([yY]([eE][sS])?|[nN][oO]?|[tT]([rR][uU][eE])?|[fF]([aA][lL][sS][eE])?|[01])$",
}
"""Numbers and truth values written in quotes: the tool gets texts in any case."""


def project() -> Schema:
    """Of swiftci.yaml."""
    return _document("project", f"{FILE}, once for a repository", schema.definitions(Project), Project.__name__)


def config() -> Schema:
    """Of one model's file; arguments that a tool newer than our lists may have are allowed."""
    found = schema.definitions(Config)
    _train(found)
    found["Server"] |= _by(
        "role",
        {role: _known(found, command, swift.SERVER_OWNED) for role, command in SERVERS.items()},
    )
    serve, evaluate = found["Serve"]["anyOf"][0]["properties"], found["Evaluate"]["properties"]
    serve["args"] |= _known(found, "deploy", swift.SERVE_OWNED, "serve")
    evaluate["args"] |= _known(found, "eval", evalscope.OWNED)
    return _document("config", "one model's config", found, Config.__name__)


def _document(name: str, title: str, found: dict[str, Schema], root: str) -> Schema:
    return {
        "$schema": DIALECT,
        "$id": f"urn:swiftci:schema:{name}:{__version__}",
        "title": f"swiftci {__version__}: {title}",
        **schema.reference(root),
        "$defs": found,
    }


def _train(found: dict[str, Schema]) -> None:
    """Adds `from`, and the arguments of each method; `model` and `dataset` may stand in the file that `from` names."""
    train = found["Train"]
    train["properties"] = {"from": {"description": FROM, "type": "string", "minLength": 1}} | train["properties"]
    default = train["properties"]["method"]["default"]
    train |= _by("method", {method: _known(found, method, swift.OWNED) for method in METHODS}, default)
    train["if"] = {"not": {"required": ["from"]}}
    train["then"] = {"required": ["args"], "properties": {"args": {"required": ["model", "dataset"]}}}


def _by(key: str, args: Mapping[str, Schema], default: str | None = None) -> Schema:
    """The arguments that go with each value of a key, or with its absence."""
    cases: dict[str, list[str]] = {}
    for value, one in args.items():
        cases.setdefault(one["$ref"], []).append(value)
    return {
        "allOf": [
            {
                "if": {
                    "properties": {key: {"enum": values}},
                    **({} if default in values else {"required": [key]}),
                },
                "then": {"properties": {"args": {"$ref": ref}}},
            }
            for ref, values in cases.items()
        ]
    }


def _known(found: dict[str, Schema], command: str, owned: Mapping[str, str], name: str = "") -> Schema:
    """A reference to a tool's arguments; two commands with the same ones share the definition."""
    known = known_arguments.of(command)
    properties: dict[str, Schema] = {}
    for one, kind in known.names.items():
        if one in owned:
            properties[one] = {"not": {}, "description": f"Set by swiftci: {owned[one]}."}
        elif SECRET.fullmatch(one):
            properties[one] = {"not": {}, "description": "A secret: tools read it from their environment."}
        else:
            properties[one] = _argument(kind)
    described: Schema = {
        "description": f"Arguments of {known.tool} {known.version}.",
        **schema.reference(schema.ARGUMENTS),
        "properties": properties,
    }
    if "external_plugins" in properties:  # which may bring a tuner of their own
        tuner = properties["tuner_type"]
        properties["tuner_type"] = {}
        described["if"] = {"not": {"required": ["external_plugins"]}}
        described["then"] = {"properties": {"tuner_type": tuner}}
    same = next((key for key, value in found.items() if value == described), f"args-{name or command}")
    found[same] = described
    return schema.reference(same)


def _argument(kind: str | list[str]) -> Schema:
    if isinstance(kind, list):
        return {"enum": [*kind, *(value for value in map(core, kind) if not isinstance(value, str | None))]}
    if kind == "bool":
        return {"type": ["boolean", "integer", "string"], "minimum": 0, "maximum": 1, "pattern": _TEXTS[kind]}
    if kind in _TEXTS:
        return {"type": ["integer" if kind == "int" else "number", "string"], "pattern": _TEXTS[kind]}
    return {}
