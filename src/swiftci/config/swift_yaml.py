"""A file that `swift sft` reads, read as ms-swift reads it: PyYAML's YAML 1.1, where `yes` is True and `1e-4` text."""

from dataclasses import replace
from pathlib import Path

import yaml

from swiftci.config.yaml import Node, load
from swiftci.spec.problem import Problem

_RESOLVER = yaml.SafeLoader("")


def read_arguments(path: Path, shown: str, problems: list[Problem]) -> Node | None:
    """The map in such a file; None where `problems` got the reason."""
    root = load(path, shown, problems)
    if root is None:
        return None
    if root.kind != "map":
        message = f"{shown} should be a map of arguments, found {root.describe}"
        problems.append(Problem(code="wrong-type", message=message, position=root.position))
        return None
    return _legacy(root)


def _legacy(node: Node) -> Node:
    """The node with its scalars written so that YAML 1.2 reads what PyYAML would have."""
    if node.kind == "list":
        return replace(node, items=tuple(map(_legacy, node.items)))
    if node.kind == "map":
        return replace(node, entries={key: _legacy(item) for key, item in node.entries.items()})
    if not node.plain:
        return node
    tag = _RESOLVER.resolve(yaml.ScalarNode, node.text, (True, False))
    try:
        value = _RESOLVER.construct_object(yaml.ScalarNode(tag, node.text))
    except (ValueError, yaml.YAMLError):
        return replace(node, plain=False)
    match value:
        case None:
            return node
        case int() | float():
            return replace(node, text=str(value))
        case _:
            return replace(node, text=str(value), plain=False)
