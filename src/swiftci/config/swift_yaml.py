"""A file that `swift sft` reads, read as ms-swift reads it: PyYAML's YAML 1.1, where `yes` is True and `1e-4` text."""

from dataclasses import replace
from pathlib import Path

import yaml

from swiftci.config.yaml import Node, load
from swiftci.spec.problem import Problem

_RESOLVER = yaml.SafeLoader("")


def read_arguments(path: Path, shown: str, problems: list[Problem]) -> tuple[dict[str, Node], dict[str, Node]]:
    """The arguments and the environment (its `ENV` map) in such a file."""
    root = load(path, shown, problems)
    if root is None:
        return {}, {}
    if root.kind != "map":
        message = f"{shown} should be a map of arguments, found {root.describe}"
        problems.append(Problem(code="wrong-type", message=message, position=root.position))
        return {}, {}
    entries = {key: _legacy(item) for key, item in root.entries.items()}
    env = entries.pop("ENV", None)
    return entries, dict(env.entries) if env else {}


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
        case bool():
            return replace(node, text="true" if value else "false")
        case int() | float():
            return replace(node, text=repr(value))
        case _:
            return replace(node, text=str(value), plain=False)
