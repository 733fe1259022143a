"""Finds and reads a repository's project and configs."""

import dataclasses
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.read import read
from swiftci.config.swift_yaml import read_arguments
from swiftci.config.yaml import MAX_DEPTH, Node, load, parse
from swiftci.spec.problem import ConfigError, Position, Problem, printable, quoted

_INDEX = re.compile("[0-9]{1,6}")
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A config with where it came from; `path` and `include` (its `train.from`) are relative to the repository."""

    path: str
    config: Config
    node: Node
    include: str | None = None

    def position(self, key: str) -> Position:
        """Where the value at a dotted key stands; the file's start when it is not written anywhere."""
        node = self.node.at(key)
        return node.position if node else Position(file=self.path)


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds swiftci.yaml."""
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    hint = "`swiftci init` writes one"
    raise ConfigError([Problem(code="no-config", message=f"no {FILE} in {start} or above it", hint=hint)])


def load_project(root: Path, problems: list[Problem]) -> Project | None:
    node = load(root / FILE, FILE, problems)
    return read(Project, node, problems, "") if node else None


def load_config(root: Path, path: str, problems: list[Problem], sets: Iterable[str] = ()) -> Loaded | None:
    """One config; `sets` are `key.path=value` texts that override what the file says."""
    return _load(root, path, problems, sets)[0]


def _load(root: Path, path: str, problems: list[Problem], sets: Iterable[str]) -> tuple[Loaded | None, str | None]:
    """One config, and the file that it includes even where something is wrong with it."""
    if problem := _unfit(path):
        problems.append(problem)
        return None, None
    before = len(problems)
    node = load(root / path, path, problems)
    if node is None:
        return None, None
    for text in sets:
        node = _override(node, text, problems)
    node, include = _include(node, root, path, problems)
    config = read(Config, node, problems, "")
    if config is None or any(p.severity == "error" for p in problems[before:]):
        return None, include
    return Loaded(path=path, config=config, node=node, include=include), include


def _unfit(path: str) -> Problem | None:
    """The problem of a config whose own path no workflow could name."""
    here = Position(file=printable(path))
    if "${{" in path:
        return Problem(code="expression", message="`${{` is not allowed in a config's path", position=here)
    if bad := _UNFIT.search(path):
        message = f"a config's path holds the character U+{ord(bad[0]):04X}"
        return Problem(code="bad-character", message=message, position=here, hint="rename the file")
    return None


def config_paths(root: Path, project: Project) -> list[str]:
    """Every file that the project's pattern names, relative to the repository, sorted."""
    found = (p for p in root.glob(project.configs) if p.is_file())
    return sorted(p.relative_to(root).as_posix() for p in found)


def load_all(root: Path, project: Project, problems: list[Problem], only: Sequence[str] = ()) -> list[Loaded]:
    """All configs, or those named; two with one name are a problem."""
    paths = list(dict.fromkeys(only)) or config_paths(root, project)
    if not paths:
        hint = f"put one YAML file per model there, or change `configs:` in {FILE}"
        problems.append(Problem(code="no-config", message=f"no file matches {quoted(project.configs)}", hint=hint))
    found = _load_each(root, paths, problems)
    names: dict[str, Loaded] = {}
    for one in found:
        first = names.setdefault(one.config.name.lower(), one)
        if first is not one:
            message = f"name {quoted(one.config.name)} is taken by {first.path}"
            problems.append(Problem(code="same-name", message=message, position=one.position("name")))
    return found


def _load_each(root: Path, paths: Sequence[str], problems: list[Problem]) -> list[Loaded]:
    """The configs among the files; a file that another one includes is none, and its problems do not count."""
    each: list[tuple[str, Loaded | None, list[Problem]]] = []
    included = set()
    for path in paths:
        own: list[Problem] = []
        one, include = _load(root, path, own, ())
        included.add(include)
        each.append((path, one, own))
    found = []
    for path, one, own in each:
        if path in included:
            continue
        problems.extend(own)
        if one:
            found.append(one)
    return found


def relative(root: Path, path: str) -> str:
    """A config's path as given on the command line, relative to the repository, with slashes."""
    return Path(os.path.relpath(Path(path).absolute(), root)).as_posix()


def resolved(project: Project, loaded: Loaded) -> dict[str, Any]:
    """Project and config as plain data, defaults and overrides filled in: what run.json keeps."""
    return {"project": dataclasses.asdict(project), "config": dataclasses.asdict(loaded.config), "path": loaded.path}


def _override(node: Node, text: str, problems: list[Problem]) -> Node:
    key, equals, value = text.partition("=")
    shown = f"--set {printable(text)}"
    parts = key.split(".")
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        hint = "as in --set train.args.max_steps=2"
        problems.append(Problem(code="usage", message=f"{quoted(shown)} should be KEY=VALUE", hint=hint))
        return node
    if blocked := _blocked(node, parts):
        problems.append(Problem(code="usage", message=f"{quoted(shown)}: {blocked}"))
        return node
    new = parse(value, shown, problems) if value else Node(position=Position(file=shown), plain=False)
    return _put(node, parts, new, shown) if new else node


def _blocked(node: Node, parts: Sequence[str]) -> str:
    """Why nothing can be put at a path; empty where it can."""
    for depth, part in enumerate(parts):
        here = ".".join(parts[:depth])
        if node.kind == "list":
            if not _INDEX.fullmatch(part) or int(part) >= len(node.items):
                return f"{here} has no item {quoted(part)}; it has {len(node.items)}, and the first is 0"
            node = node.items[int(part)]
        elif node.kind == "scalar" and node.value not in (None, "none"):
            return f"{here} is no map, but {node.describe}"
        elif part in node.entries:
            node = node.entries[part]
        else:
            break
    return ""


def _put(node: Node, parts: Sequence[str], value: Node, shown: str) -> Node:
    if node.kind == "list":
        items = list(node.items)
        index = int(parts[0])
        items[index] = _put(items[index], parts[1:], value, shown) if parts[1:] else value
        return replace(node, items=tuple(items))
    position = Position(file=shown)
    if node.kind != "map":
        node = Node(position=position, kind="map")
    child = node.entries.get(parts[0]) or Node(position=position, kind="map")
    child = _put(child, parts[1:], value, shown) if parts[1:] else value
    return replace(node, entries={**node.entries, parts[0]: child}, keys={parts[0]: position, **node.keys})


def _include(node: Node, root: Path, path: str, problems: list[Problem]) -> tuple[Node, str | None]:
    """The config with `train.from`, a file in the same repository, unfolded; its own `args` and `env` win."""
    train = node.entries.get("train")
    source = train.entries.get("from") if train else None
    if train is None or source is None:
        return node, None
    shown = os.path.normpath(Path(path).parent / source.text)
    problem = _source(source, root, path, shown)
    included = None if problem else read_arguments(root / shown, shown, problems)
    if included and "train" in included.entries:
        message = f"train.from names {shown}, which is a config and no file of ms-swift's arguments"
        problem = Problem(code="wrong-value", message=message, position=source.position)
        included = None
    if problem:
        problems.append(problem)
    unknown = dict.fromkeys(("model", "dataset"), Node(position=source.position, text="?"))  # which is not missing
    keys = dict.fromkeys(unknown, source.position)
    extra = included or Node(position=source.position, kind="map", entries=unknown, keys=keys)
    entries = {key: item for key, item in train.entries.items() if key != "from"}
    env = extra.entries.get("ENV", Node(position=source.position, kind="map"))
    entries["args"] = _merged(_without(extra, "ENV"), entries.get("args"))
    entries["env"] = _merged(env, entries.get("env"))
    train = replace(train, entries=entries)
    return replace(node, entries={**node.entries, "train": train}), None if problem else shown


def _without(node: Node, name: str) -> Node:
    return replace(node, entries={key: item for key, item in node.entries.items() if key != name})


def _merged(base: Node, own: Node | None) -> Node:
    """A map with the entries of another laid over it; what is no map is kept, for its problem to be found."""
    if own is None or base.kind != "map" or own.kind != "map":
        return own or base
    return replace(own, entries={**base.entries, **own.entries}, keys={**base.keys, **own.keys})


def _source(source: Node, root: Path, path: str, shown: str) -> Problem | None:
    """What is wrong with `train.from` itself."""
    place = source.position
    if source.kind != "scalar" or source.value in (None, ""):
        message = f"train.from should be a file's path, found {source.describe}"
        return Problem(code="wrong-type", message=message, position=place)
    if shown == path:
        message = "train.from names the config itself"
        return Problem(code="wrong-value", message=message, position=place, hint="name a file that `swift sft` reads")
    if shown.startswith(("/", "../")):
        message = f"train.from {quoted(source.text)} is outside of this repository"
        return Problem(code="wrong-value", message=message, position=place, hint="put the file beside the config")
    if not os.path.isfile(root / shown):  # noqa: PTH113 -- pathlib raises on names that no file can have
        message = f"train.from: there is no file {quoted(shown)}"
        hint = "the path is relative to the config's own folder"
        return Problem(code="unreadable", message=message, position=place, hint=hint)
    return None
