"""JSON Schema 2020-12 of the sections: as the reader takes them, derived from the same declarations."""

import inspect
import typing
from typing import Any

from swiftci.config.arguments import Arguments
from swiftci.config.read import Section
from swiftci.spec.option import Option, options, written

Schema = dict[str, Any]

SCALAR = ["string", "number", "boolean"]
ARGUMENTS = "Arguments"
_NUMBERS = {int: "integer", float: "number", bool: "boolean"}


def definitions(cls: type[Section]) -> dict[str, Schema]:
    """A section and all within it, by class name; tools' arguments are `Arguments`."""
    found: dict[str, Schema] = {}
    _define(cls, found)
    return found


def reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _define(cls: type[Section], found: dict[str, Schema]) -> None:
    if cls.__name__ in found:
        return
    properties: dict[str, Schema] = {}
    one: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    found[cls.__name__] = one
    for declared in options(cls):
        properties[written(cls, declared.name)] = _option(declared, found)
    one["required"] = [written(cls, declared.name) for declared in options(cls) if declared.required]
    if cls.SHORTHAND:
        short = {key: value for key, value in properties[cls.SHORTHAND].items() if key != "default"}
        one = {"anyOf": [one, short]}
    found[cls.__name__] = {"description": inspect.getdoc(cls) or "", **one}


def _option(declared: Option, found: dict[str, Schema]) -> Schema:
    value = _kind(declared, found)
    if declared.optional:
        value = {"anyOf": [value, {"enum": [None, "none"]}]}
    described = {"description": declared.help, **value}
    if isinstance(declared.default, (str, int, float)):
        described["default"] = declared.default
    return described


def _kind(declared: Option, found: dict[str, Schema]) -> Schema:
    if declared.choices:
        return {"enum": list(declared.choices)}
    (kind,) = declared.types
    return _value(kind, found, empty=False)


def _value(kind: Any, found: dict[str, Schema], *, empty: bool) -> Schema:
    """What the reader takes for a type; a text may be written as a number, a list of one text as that text."""
    if kind is str:
        return {"type": SCALAR} if empty else {"type": SCALAR, "minLength": 1}
    if kind in _NUMBERS:
        return {"type": _NUMBERS[kind]}
    origin = typing.get_origin(kind)
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(typing.get_args(kind)[1], found, empty=True)}
    if origin is tuple:
        inner = _value(typing.get_args(kind)[0], found, empty=False)
        several = {"type": "array", "items": inner}
        return several if "$ref" in inner else {"anyOf": [several, inner]}
    if issubclass(kind, Arguments):
        found.setdefault(ARGUMENTS, _arguments())
        return reference(ARGUMENTS)
    _define(kind, found)
    return reference(kind.__name__)


def _arguments() -> Schema:
    return {
        "description": "A tool's own arguments, named without dashes; a map is passed on as JSON.",
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "additionalProperties": {"type": [*SCALAR, "array", "object"], "minItems": 1},
    }
