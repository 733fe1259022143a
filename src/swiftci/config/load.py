"""Finds and reads a repository's project and configs."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.read import read
from swiftci.config.swift_yaml import read_arguments
from swiftci.config.yaml import Node, load, parse
from swiftci.spec.problem import ConfigError, Position, Problem, quoted


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
    node = load(root / path, path, problems)
    if node is None:
        return None
    before = len(problems)
    for text in sets:
        node = _override(node, text, problems)
    node, include = _include(node, (root / path).parent, path, problems)
    config = read(Config, node, problems, "")
    if config is None or (len(problems) > before and any(p.severity == "error" for p in problems[before:])):
        return None
    return Loaded(path=path, config=config, node=node, include=include)


def config_paths(root: Path, project: Project) -> list[str]:
    """Every file that the project's pattern names, relative to the repository, sorted."""
    found = (p for p in root.glob(project.configs) if p.is_file())
    return sorted(p.relative_to(root).as_posix() for p in found)


def load_all(root: Path, project: Project, problems: list[Problem], only: Sequence[str] = ()) -> list[Loaded]:
    """All configs, or those named; two with one name are a problem."""
    paths = list(only) or config_paths(root, project)
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
    for path in paths:
        own: list[Problem] = []
        each.append((path, load_config(root, path, own), own))
    included = {one.include for _, one, _ in each if one}
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
    shown = f"--set {text}"
    if not equals or not key or key.startswith(".") or key.endswith(".") or ".." in key:
        hint = "as in --set train.args.max_steps=2"
        problems.append(Problem(code="usage", message=f"{quoted(shown)} should be KEY=VALUE", hint=hint))
        return node
    new = parse(value, shown, problems) if value else Node(position=Position(file=shown), plain=False)
    return _put(node, key.split("."), new, shown) if new else node


def _put(node: Node, parts: Sequence[str], value: Node, shown: str) -> Node:
    if node.kind == "list" and parts[0].isdigit() and int(parts[0]) < len(node.items):
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


def _include(node: Node, folder: Path, path: str, problems: list[Problem]) -> tuple[Node, str | None]:
    """The config with `train.from`, a file beside it, unfolded; its own `args` and `env` win."""
    train = node.entries.get("train")
    source = train.entries.get("from") if train else None
    if train is None or source is None:
        return node, None
    if source.kind != "scalar" or source.value is None:
        message = f"train.from should be a file's path, found {source.describe}"
        problems.append(Problem(code="wrong-type", message=message, position=source.position))
        return node, None
    shown = os.path.normpath(Path(path).parent / source.text)
    arguments, env = read_arguments(folder / source.text, shown, problems)
    entries = {key: item for key, item in train.entries.items() if key != "from"}
    for key, extra in (("args", arguments), ("env", env)):
        own = entries.get(key)
        if own is not None and own.kind != "map":
            continue
        merged = {**extra, **(own.entries if own else {})}
        keys = {**{name: item.position for name, item in extra.items()}, **(own.keys if own else {})}
        if merged:
            base = own or Node(position=source.position, kind="map")
            entries[key] = replace(base, kind="map", entries=merged, keys=keys)
    train = replace(train, entries=entries)
    return replace(node, entries={**node.entries, "train": train}), shown
