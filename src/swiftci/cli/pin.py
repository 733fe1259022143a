"""swiftci pin"""

import os
from dataclasses import replace
from pathlib import Path

import click

from swiftci import __version__
from swiftci.cli import load
from swiftci.plan.build import LOCK
from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem
from swiftci.store.files import write_text
from swiftci.tools import git
from swiftci.workflow import drift
from swiftci.workflow.pin import COMMIT, DEFAULT, Lock, Pin, read_lock, text


@click.command()
def command() -> int:
    """Look up the commit behind `actions:`, and take over pins that a bot raised, into swiftci.lock."""
    problems: list[Problem] = []
    root, project = load.project(problems)
    lock = read_lock(root, problems) or Lock(actions=dict(DEFAULT))
    if problems:
        raise ConfigError(problems)
    actions = dict(lock.actions)
    for path in sorted((root / ".github/workflows").glob("swiftci-*.yml")):
        for repository, (commit, version) in drift.pins(path.read_text(encoding="utf-8", errors="replace")).items():
            known = actions.get(repository) or DEFAULT.get(repository)
            if repository in DEFAULT and known and drift.newer(version, known.version):
                actions[repository] = Pin(version=version, commit=commit)
    _write(root, replace(lock, swiftci=__version__, actions=actions))  # what a bot raised, network or not
    repository, _, ref = project.actions.partition("@")
    if not COMMIT.fullmatch(ref):
        server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
        found = git.remote_commit(f"{server}/{repository}", ref)
        if found is None:
            message = f"{server}/{repository} has no tag or branch {ref}, or cannot be reached"
            raise ToolError(message=message, kind="network", hint="write the commit after the @ in `actions:` instead")
        actions[repository] = Pin(version=ref, commit=found)
    _write(root, replace(lock, swiftci=__version__, actions=actions))
    for name, pin in sorted(actions.items()):
        print(f"{name} {pin.version} {pin.commit}")
    print("\nnext: swiftci generate")
    return Exit.DONE


def _write(root: Path, lock: Lock) -> None:
    write_text(root / LOCK, text(lock))
