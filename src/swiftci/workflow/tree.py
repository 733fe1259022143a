"""A rendered workflow read back, to be proved and digested."""

from typing import Any

import yaml

from swiftci.config.yaml import core, events


def read_tree(text: str) -> Any:
    """A rendered workflow's text as plain data by YAML 1.2.

    Raises ValueError where it is no YAML, or holds what swiftci never writes: a second document, an anchor, a tag, a
    key that stands twice or is no text. What is on disk may hold all that, and is read by `swiftci.config.yaml`.
    """
    stack: list[list[Any]] = [[]]
    try:
        for event in events(text):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if event.anchor or event.tag:
                    raise _unwritten(event)
                stack[-1].append(event.value if event.style else core(event.value))
            elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
                if event.anchor or event.tag:
                    raise _unwritten(event)
                stack.append([])
            elif kind is yaml.SequenceEndEvent:
                items = stack.pop()
                stack[-1].append(items)
            elif kind is yaml.MappingEndEvent:
                pairs = stack.pop()
                stack[-1].append(_map(pairs[::2], pairs[1::2]))
            elif kind is yaml.AliasEvent:
                raise _unwritten(event)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None
    if len(stack[0]) != 1:
        raise ValueError(f"{len(stack[0])} documents")
    return stack[0][0]


def _unwritten(event: Any) -> ValueError:
    return ValueError(f"an anchor, an alias or a tag: {event}")


def _map(keys: list[Any], values: list[Any]) -> dict[str, Any]:
    if set(map(type, keys)) - {str}:
        raise ValueError(f"a key that is no text: {keys!r}")
    found = dict(zip(keys, values, strict=True))
    if len(found) != len(keys):
        raise ValueError(f"a key stands twice: {keys!r}")
    return found
