"""Every file of swiftci's own repository that is derived from what the code declares."""

import re
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from swiftci.cli import COMMANDS
from swiftci.config.load import load_all, load_project
from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.read import Section
from swiftci.config.train import FROM
from swiftci.plan.build import build, workflow_path
from swiftci.spec.exit import MEANING
from swiftci.spec.option import Option, options, written
from swiftci.spec.problem import CODES, ConfigError, Problem
from swiftci.stages import STAGES
from swiftci.workflow.action import ACTIONS, render
from swiftci.workflow.pin import read_lock
from swiftci.workflow.render import render as render_workflow

_MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def generated(root: Path) -> dict[Path, str]:
    """Path to text of all that `swiftci sync` writes."""
    files = {root / "actions" / action.name / "action.yml": render(action) for action in ACTIONS}
    for page in ("README.md", "README.zh-CN.md"):
        path = root / page
        if path.exists():
            files[path] = _MARK.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}\n{m[3]}", path.read_text(encoding="utf-8"))
    for folder in sorted((root / "examples").iterdir()):
        if (folder / FILE).is_file():
            files |= _example(folder)
    return files


def _example(folder: Path) -> dict[Path, str]:
    problems: list[Problem] = []
    project = load_project(folder, problems)
    configs = load_all(folder, project, problems) if project else []
    lock = read_lock(folder, problems)
    if project is None or problems:
        raise ConfigError(problems)
    return {
        folder / workflow_path(one.config.name): render_workflow(
            folder, project, build(project, one, root=folder), lock
        )
        for one in configs
    }


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _keys(cls: type[Section], prefix: str = "") -> Iterable[tuple[str, ...]]:
    for one in options(cls):
        key = prefix + written(cls, one.name)
        yield f"`{key}`", _kind(one), _default(one), one.help
        for kind in one.types:
            inner = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
            if isinstance(inner, type) and issubclass(inner, Section):
                yield from _keys(inner, f"{key}{'[]' if inner is not kind else ''}.")


def _kind(one: Option) -> str:
    if one.choices:
        return " or ".join(f"`{choice}`" for choice in one.choices)
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    found = []
    for kind in one.types:
        origin = typing.get_origin(kind) or kind
        if origin is tuple:
            found.append("list")
        elif origin is dict or (isinstance(origin, type) and issubclass(origin, dict)):
            found.append("map")
        else:
            found.append(names.get(kind, "map"))
    return " or ".join(found)


def _default(one: Option) -> str:
    if one.required:
        return "required"
    if one.default is None:
        return "none"
    if isinstance(one.default, (Section, dict)) or one.default == ():
        return ""
    return f"`{str(one.default).lower() if isinstance(one.default, bool) else one.default}`"


def _project() -> str:
    return _table(("Key", "Value", "Default", "Meaning"), _keys(Project))


def _config() -> str:
    rows = list(_keys(Config))
    place = next(i for i, row in enumerate(rows) if row[0] == "`train.args`")
    rows.insert(
        place,
        (
            "`train.from`",
            "text",
            "none",
            FROM,
        ),
    )
    return _table(("Key", "Value", "Default", "Meaning"), rows)


def _stages() -> str:
    def flag(one: Any) -> str:
        return "yes" if one else ""

    rows = [
        (
            f"`{s.name}`",
            s.help,
            s.place.value,
            flag(s.always),
            ", ".join(f"`{o.key}`" for o in options(s.inputs)),
            ", ".join(f"`{o.key}`" for o in options(s.outputs)),
        )
        for s in STAGES
    ]
    return _table(("Stage", "What it does", "Machine", "After a failure too", "Inputs", "Outputs"), rows)


def _pairs(head: tuple[str, str], pairs: Mapping[Any, str]) -> str:
    return _table(head, ((f"`{key}`", value) for key, value in pairs.items()))


TABLES: dict[str, Callable[[], str]] = {
    "project": _project,
    "config": _config,
    "stages": _stages,
    "commands": lambda: _pairs(("Command", "What it does"), COMMANDS),
    "exits": lambda: _pairs(("Exit code", "Meaning"), {int(code): meaning for code, meaning in MEANING.items()}),
    "codes": lambda: _pairs(("Code", "Meaning"), CODES),
}
"""The tables between `<!-- table: NAME -->` and `<!-- end -->` of a page."""
