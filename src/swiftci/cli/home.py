"""What `pull`, `chat` and `push` share: the run that their first argument names."""

import os

from swiftci.cli import load
from swiftci.config.load import load_project
from swiftci.engine.find import Run, find
from swiftci.spec.problem import ConfigError, Problem


def run_of(text: str) -> Run:
    """The run that a name or a directory means, in the project around the current folder, else around the run."""
    problems: list[Problem] = []
    try:
        root = load.around(None)
    except ConfigError:
        if "/" not in text or "\0" in text:
            raise
        root = load.around(text)
    project = load_project(root, problems)
    if project is None:
        raise ConfigError(problems)
    return find(root, project, text, os.environ)
