"""Nodes to typed sections: every wrong key, type and value at once, each with its place."""

import typing
from typing import Any, ClassVar, TypeVar

from swiftci.config.yaml import Node, finite, unknown_key
from swiftci.spec.option import Option, options, written
from swiftci.spec.problem import Problem, nearest, quoted

SectionT = TypeVar("SectionT", bound="Section")

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class Section:
    """Base of the dataclasses that are read from a map."""

    SHORTHAND: ClassVar[str | None] = None
    """The key that a bare scalar or list stands for, where the map may be left out."""

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        """Appends what is wrong with the raw map beyond keys and types."""


def read(cls: type[SectionT], node: Node, problems: list[Problem], where: str) -> SectionT | None:
    """A section from its node; None when something in it was wrong, which `problems` then tells."""
    if node.kind != "map":
        if cls.SHORTHAND is None:
            problems.append(_wrong(node, where, "a map with keys " + ", ".join(_keys(cls))))
            return None
        node = Node(
            position=node.position, kind="map", entries={cls.SHORTHAND: node}, keys={cls.SHORTHAND: node.position}
        )
    before = len(problems)
    cls.check(node, problems)
    known = _keys(cls)
    values: dict[str, Any] = {}
    for key, item in node.entries.items():
        if key not in known:
            problems.append(unknown_key(key, list(known), node.keys[key], where))
            continue
        declared = known[key]
        values[declared.name] = convert(declared, item, problems, f"{where}.{key}" if where else key)
    for key, declared in known.items():
        if declared.required and key not in node.entries:
            hint = declared.help
            problems.append(
                Problem(
                    code="missing-key",
                    message=f"{quoted(key)} is missing in {where or 'the file'}",
                    position=node.position,
                    hint=hint,
                )
            )
    failed = any(problem.severity == "error" for problem in problems[before:])
    return None if failed else cls(**values)


def convert(declared: Option, node: Node, problems: list[Problem], where: str) -> Any:
    """A node as the declared type; None, with a problem, when it does not fit."""
    if declared.optional and node.kind == "scalar" and (node.value is None or node.text == "none"):
        return None
    value = _convert(declared.types, node, problems, where)
    if value == "" or (isinstance(value, tuple) and "" in value):
        problems.append(Problem(code="wrong-value", message=f"{where} holds an empty text", position=node.position))
    elif declared.choices and isinstance(value, str) and value not in declared.choices:
        close = nearest(value, declared.choices)
        hint = f"did you mean {quoted(close)}?" if close else "possible: " + ", ".join(declared.choices)
        problems.append(
            Problem(code="wrong-value", message=f"{where} cannot be {quoted(value)}", position=node.position, hint=hint)
        )
    return value


def _convert(kinds: tuple[Any, ...], node: Node, problems: list[Problem], where: str) -> Any:
    for kind in kinds:
        if kind in _WORDS:
            if node.kind == "scalar" and _fits(kind, node):
                return float(node.value) if kind is float else node.text if kind is str else node.value
            continue
        origin = typing.get_origin(kind) or kind
        if origin is dict and node.kind == "map":
            inner = typing.get_args(kind)[1]
            return {key: _convert((inner,), item, problems, f"{where}.{key}") for key, item in node.entries.items()}
        if origin is tuple and node.kind != "map":
            inner = typing.get_args(kind)[0]
            items = node.items if node.kind == "list" else (node,)
            return tuple(_convert((inner,), item, problems, where) for item in items)
        if hasattr(kind, "from_node"):
            return kind.from_node(node, problems, where)
        if isinstance(kind, type) and issubclass(kind, Section):
            return read(kind, node, problems, where)
    expected = " or ".join(_describe(kind) for kind in kinds)
    problems.append(_wrong(node, where, expected))
    return None


def _fits(kind: Any, node: Node) -> bool:
    value = node.value
    if kind is str:
        return value is not None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and finite(value)
    return type(value) is kind


def _describe(kind: Any) -> str:
    origin = typing.get_origin(kind)
    if origin is dict:
        return "a map"
    if origin is tuple:
        inner = typing.get_args(kind)[0]
        return f"a list of {'text' if inner is str else 'maps'}"
    return _WORDS.get(kind, "a map")


def _keys(cls: type[Section]) -> dict[str, Option]:
    return {written(cls, declared.name): declared for declared in options(cls)}


def _wrong(node: Node, where: str, expected: str) -> Problem:
    message = f"{where or 'the file'} should be {expected}, found {node.describe}"
    return Problem(code="wrong-type", message=message, position=node.position)
