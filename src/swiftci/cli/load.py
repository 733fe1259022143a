"""Loads what the command line names, or ends with all that is wrong with it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from swiftci.cli.output import failed, show_problems
from swiftci.config.load import Loaded, find_root, load_all, load_config, load_project, relative
from swiftci.config.project import Project
from swiftci.plan import leaderboard
from swiftci.plan.check import Disk, check
from swiftci.spec.problem import ConfigError, Problem

LoadedT = TypeVar("LoadedT", Loaded, list[Loaded])


def around(path: str | None) -> Path:
    """The repository that a path lies in; without one, that of the current folder."""
    given = Path(path or ".").absolute()
    return find_root(given if given.is_dir() else given.parent)


def project(problems: list[Problem]) -> tuple[Path, Project]:
    """The repository around the current folder, and its project."""
    root = around(None)
    found = load_project(root, problems)
    if found is None:
        raise ConfigError(problems)
    return root, found


def one(path: str, sets: Sequence[str], *, disk: Disk) -> tuple[Path, Project, Loaded]:
    """One config, checked, in the repository it lies in; notices are shown, errors raised."""
    problems: list[Problem] = []
    root = around(path)
    found = load_project(root, problems)
    if found is None:
        raise ConfigError(problems)
    loaded = load_config(root, relative(root, path), problems, sets)
    if loaded:
        problems += check(root, found, [loaded], disk=disk)
    return root, found, _sound(loaded, problems)


def every(*, disk: Disk) -> tuple[Path, Project, list[Loaded]]:
    """All configs, checked; notices are shown, errors raised."""
    problems: list[Problem] = []
    root, found = project(problems)
    loaded = load_all(root, found, problems)
    problems += check(root, found, loaded, disk=disk)
    problems += [] if failed(problems) else leaderboard.check(found, loaded)  # a broken config is not among them
    return root, found, _sound(loaded, problems)


def _sound(value: LoadedT | None, problems: list[Problem]) -> LoadedT:
    if value is None or failed(problems):
        raise ConfigError(problems)
    show_problems(problems, os.environ)
    return value
