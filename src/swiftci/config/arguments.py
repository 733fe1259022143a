"""A tool's own arguments: scalars stay as written, lists stay lists, maps become JSON when they are passed on."""

import re
from collections.abc import Mapping
from typing import Any

from swiftci.config.yaml import Node
from swiftci.spec.problem import Position, Problem, quoted

Value = str | list[Any] | dict[str, Any]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET = re.compile(r"(.*_)?(token|api_?key|password|secret)", re.IGNORECASE)
"""Names of arguments whose values are secrets."""
SECRET_VARIABLE = re.compile(r".*(token|passw(or)?d|secret|(api|access|secret|private)_?key)", re.IGNORECASE)
"""Names of variables whose values are secrets, wherever they come from."""


class Arguments(dict[str, Value]):
    """Argument names to values: text as written, a list of texts or maps, or a map."""

    @classmethod
    def from_node(cls, node: Node, problems: list[Problem], where: str) -> "Arguments":
        """The arguments in a map; nulls, odd names and tokens are problems."""
        if node.kind != "map":
            message = f"{where} should be a map of arguments, found {node.describe}"
            problems.append(Problem(code="wrong-type", message=message, position=node.position))
            return cls()
        found = cls()
        for name, item in node.entries.items():
            place = node.keys[name]
            if not _NAME.fullmatch(name):
                message = f"{quoted(name)} cannot be an argument's name"
                hint = "write it without dashes, as in `max_length`"
                problems.append(Problem(code="unknown-key", message=message, position=place, hint=hint))
            elif problem := _refusal(name, item, where):
                problems.append(problem)
            else:
                found[name] = _value(item)
        return found


def _refusal(name: str, item: Node, where: str) -> Problem | None:
    for node in item.walk():
        if node.kind == "scalar" and node.value is None:
            hint = 'leave the key out, or write "" for an empty text'
            message = f"{where}.{name} holds nothing; the tool would get the text None"
            return Problem(code="null-argument", message=message, position=node.position, hint=hint)
        for key in node.entries:
            if SECRET.fullmatch(key):
                return secret(f"{name}.{key}", node.keys[key])
    if item.kind == "list" and not item.items:
        hint = "leave the key out"
        return Problem(
            code="null-argument", message=f"{where}.{name} is an empty list", position=item.position, hint=hint
        )
    if SECRET.fullmatch(name):
        return secret(name, item.position)
    return None


def secret(name: str, position: Position) -> Problem:
    """The problem of a token in a config."""
    hint = "tools read it from their environment; `secrets:` in swiftci.yaml names those that a workflow passes"
    return Problem(
        code="secret-argument",
        message=f"{quoted(name)} would put a token into the repository",
        position=position._replace(source=""),  # the line holds it, and a log would keep it
        hint=hint,
    )


def _value(node: Node) -> Value:
    if node.kind == "list":
        return [item.text if item.kind == "scalar" else item.value for item in node.items]
    return node.text if node.kind == "scalar" else dict(node.value)


def texts(arguments: Mapping[str, Value], name: str) -> list[str]:
    """An argument's values as a list of texts; empty where it is absent."""
    value = arguments.get(name, [])
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str)]
