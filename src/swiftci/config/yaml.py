"""YAML text to nodes that know where they stand.

Scalars follow the core schema of YAML 1.2, so `on`, `yes` and `22:30` are text. libyaml's events are composed
here without recursion: PyYAML's own composer ends the process on deep nesting, and loses duplicate keys.
"""

import re
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from swiftci.spec.problem import Position, Problem, nearest, quoted

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 40

_INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_STARTS = frozenset("+-.0123456789")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows in no file (YAML 1.2.2, section 5.1)."""
_CONSTANTS: Mapping[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(slots=True)  # not frozen: that would take twice as long to make
class Node:
    """One value: a scalar (`text` as written), a list (`items`) or a map (`entries`); never changed once made."""

    position: Position
    kind: str = "scalar"
    text: str = ""
    plain: bool = True
    items: tuple["Node", ...] = ()
    entries: Mapping[str, "Node"] = field(default_factory=dict)
    keys: Mapping[str, Position] = field(default_factory=dict)
    size: int = 1

    @property
    def value(self) -> Any:
        """The node as Python data, by the core schema of YAML 1.2."""
        if self.kind == "list":
            return [item.value for item in self.items]
        if self.kind == "map":
            return {key: item.value for key, item in self.entries.items()}
        return core(self.text) if self.plain else self.text

    @property
    def describe(self) -> str:
        """What was found here, in words for a message."""
        if self.kind != "scalar":
            return f"a {self.kind}"
        value = self.value
        if value is None:
            return "nothing"
        name = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[type(value)]
        if isinstance(value, (int, float)) and not finite(value):
            name = "one that is not finite"
        return f"{name}, {quoted(self.text)}"

    def at(self, path: str) -> "Node | None":
        """The node at a dotted path such as `train.args.model` or `gate.0.metric`."""
        node: Node | None = self
        for part in path.split("."):
            if node is None:
                return None
            if node.kind == "list":
                node = node.items[int(part)] if part.isdigit() and int(part) < len(node.items) else None
            else:
                node = node.entries.get(part)
        return node

    def walk(self) -> Iterator["Node"]:
        yield self
        for child in (*self.items, *self.entries.values()):
            yield from child.walk()


def core(text: str) -> Any:
    """A plain scalar's value by the core schema (YAML 1.2.2, section 10.3)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text.replace(".", "")) if text[-1] in "fFnN" else float(text)
    return text


def finite(value: float) -> bool:
    """Whether a number, perhaps a huge whole one, has a place among floats."""
    return abs(value) <= sys.float_info.max


class YamlError(Exception):
    """A file that gives no tree; holds the one problem that says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def read_text(path: Path, shown: str) -> str:
    """A config file's text; refuses what is no small UTF-8 text file."""
    here = Position(file=shown)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise YamlError(Problem(code="unreadable", message="is not a file", position=here))
        if (size := status.st_size) > MAX_BYTES:
            hint = "data belongs in a data set file, not in a config"
            raise YamlError(
                Problem(
                    code="too-large",
                    message=f"{size:,} bytes; a config has at most {MAX_BYTES:,}",
                    position=here,
                    hint=hint,
                )
            )
        data = path.read_bytes()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise YamlError(Problem(code="unreadable", message=message, position=here)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        found = f"byte 0x{data[error.start]:02x} is not UTF-8 text"
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            found = "is UTF-16 text"
        elif b"\0" in data:
            found = "is a binary file"
        place = Position(file=shown, line=line, column=column)
        raise YamlError(
            Problem(code="not-text", message=found, position=place, hint="save the file as UTF-8")
        ) from None


def events(text: str) -> Iterator[Any]:
    """libyaml's events, a tenth quicker than `yaml.parse` gives them; raises yaml.YAMLError on the way."""
    return iter(yaml.CSafeLoader(text).get_event, None)


class _Composer:
    """Builds nodes from libyaml's events with a stack of its own."""

    def __init__(self, text: str, shown: str, problems: list[Problem]) -> None:
        self.shown = shown
        self.problems = problems
        self.lines = text.splitlines()
        self.anchors: dict[str, Node] = {}

    def position(self, event: Any) -> Position:
        start, end = event.start_mark, event.end_mark
        line, column = start.line, start.column
        source = self.lines[line] if line < len(self.lines) else ""
        width = end.column - column if end.line == line and end.column > column else 1
        return Position(self.shown, line + 1, column + 1, source, width)

    def fail(self, code: str, message: str, event: Any, hint: str = "") -> YamlError:
        return YamlError(Problem(code=code, message=message, position=self.position(event), hint=hint))

    def compose(self, events: Iterator[Any]) -> Node | None:
        stack: list[tuple[Any, list[Node]]] = []
        root: Node | None = None
        documents = 0
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node = self.scalar(event)
            elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise self.fail("bomb", f"nested more than {MAX_DEPTH} deep", event)
                self.refuse_tag(event)
                stack.append((event, []))
                continue
            elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
                node = self.collection(*stack.pop())
            elif kind is yaml.AliasEvent:
                if event.anchor not in self.anchors:
                    raise self.fail("bad-yaml", f"alias {quoted(f'*{event.anchor}')} has no anchor before it", event)
                node = self.anchors[event.anchor]
            else:
                documents += kind is yaml.DocumentStartEvent
                if documents > 1:
                    raise self.fail("bad-yaml", "a second document starts here; a config is one document", event)
                continue
            if node.size > MAX_NODES:
                raise self.fail(
                    "bomb",
                    f"unfolds to more than {MAX_NODES:,} values",
                    event,
                    "write out what you need without aliases",
                )
            if stack:
                stack[-1][1].append(node)
            else:
                root = node
        return root

    def refuse_tag(self, event: Any) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self.fail("bad-yaml", f"tag {quoted(tag)} is not used here", event, "remove the tag")

    def scalar(self, event: Any) -> Node:
        text, tag = event.value, event.tag
        if tag is not None:
            self.refuse_tag(event)
        position = self.position(event)
        if "\0" in text:
            message = "text holds the character U+0000"
            self.problems.append(Problem(code="bad-character", message=message, position=position))
        if "${{" in text:
            hint = "a workflow would run it; secrets are named under `secrets:`, everything else is written out"
            self.problems.append(
                Problem(code="expression", message="`${{` is not allowed in a config", position=position, hint=hint)
            )
        node = Node(position, "scalar", text, tag is None and not event.style)
        return self.anchor(event, node) if event.anchor else node

    def collection(self, start: Any, children: list[Node]) -> Node:
        size = 1 + sum(child.size for child in children)
        position = self.position(start)
        if isinstance(start, yaml.SequenceStartEvent):
            return self.anchor(start, Node(position=position, kind="list", items=tuple(children), size=size))
        entries: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if key.kind != "scalar":
                self.problems.append(
                    Problem(code="wrong-type", message=f"a key must be text, not {key.describe}", position=key.position)
                )
            elif key.text in entries:
                message = f"key {quoted(key.text)} stands twice; first in line {keys[key.text].line}"
                self.problems.append(Problem(code="duplicate-key", message=message, position=key.position))
            else:
                entries[key.text] = value
                keys[key.text] = key.position
        return self.anchor(start, Node(position=position, kind="map", entries=entries, keys=keys, size=size))

    def anchor(self, event: Any, node: Node) -> Node:
        if event.anchor:
            self.anchors[event.anchor] = node
        return node


def parse(text: str, shown: str, problems: list[Problem]) -> Node | None:
    """The tree of a text; None where `problems` got the reason. `shown` is the file's name in messages."""
    composer = _Composer(text, shown, problems)
    if bad := _FORBIDDEN.search(text):
        problems.append(_forbidden(text, bad.start(), shown))
        return None
    try:
        root = composer.compose(events(text))
    except YamlError as error:
        problems.append(error.problem)
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        if line >= len(composer.lines) > 0:  # the text ended too early: show where
            line = len(composer.lines) - 1
            column = len(composer.lines[line])
        source = composer.lines[line] if composer.lines else ""
        place = Position(file=shown, line=line + 1, column=column + 1, source=source)
        hint = "indent with spaces" if "\t" in source else ""
        if error.problem == "mapping values are not allowed in this context":
            hint = 'put a text that holds ": " in quotes, and indent keys alike'
        problems.append(
            Problem(code="bad-yaml", message=str(error.problem or error.context), position=place, hint=hint)
        )
        return None
    if root is None or (root.kind == "scalar" and root.value is None):
        problems.append(Problem(code="empty", message="holds nothing", position=Position(file=shown)))
        return None
    return root


def _forbidden(text: str, at: int, shown: str) -> Problem:
    line = text.count("\n", 0, at)
    place = Position(file=shown, line=line + 1, column=at - text.rfind("\n", 0, at), source=text.split("\n")[line])
    hint = "is it a binary file, or UTF-16? save it as UTF-8" if text[at] == "\0" else "remove it"
    return Problem(
        code="bad-character", message=f"YAML allows no character U+{ord(text[at]):04X}", position=place, hint=hint
    )


def load(path: Path, shown: str, problems: list[Problem]) -> Node | None:
    """The tree of a file; None where `problems` got the reason."""
    try:
        text = read_text(path, shown)
    except YamlError as error:
        problems.append(error.problem)
        return None
    return parse(text, shown, problems)


def unknown_key(key: str, known: list[str], position: Position, where: str) -> Problem:
    """The problem of a key that does not exist, with the nearest one that does."""
    close = nearest(key, known)
    hint = f"did you mean {quoted(close)}?" if close else "possible here: " + ", ".join(known)
    return Problem(
        code="unknown-key", message=f"unknown key {quoted(key)} in {where or 'the file'}", position=position, hint=hint
    )
