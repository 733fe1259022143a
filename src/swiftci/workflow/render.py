"""Renders a plan's workflow, reads it back, and proves what it must hold before anybody gets it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from swiftci.config.project import Project
from swiftci.plan.build import Plan, watch
from swiftci.store.digest import of_data
from swiftci.workflow.drift import MARK_DIGITS, UNKNOWN, marked
from swiftci.workflow.encode import environment
from swiftci.workflow.pin import Lock
from swiftci.workflow.tree import read_tree
from swiftci.workflow.view import Profile, Step, Workflow, view

_INERT = ("version", "configs", "hub", "python", "language", "leaderboard")
"""Keys of the project that no config's workflow shows."""
_SPACE = r"(?:\s|\\[nrt])*"
_SECRET = re.compile(rf"secrets{_SPACE}[.\[]{_SPACE}\\?['\"]?(\w+)")
"""In a repr, where a line's end is two characters."""


def render(root: Path, project: Project, plan: Plan, lock: Lock | None, profile: Profile = "github") -> str:
    """The workflow's text, its drift mark included."""
    paths = watch(plan.loaded, root)
    inputs = of_data(_inputs(project, plan, profile, paths))[:MARK_DIGITS]
    shown = view(project, plan, lock, profile, f"{UNKNOWN} {inputs}", paths)
    text = _text(shown)
    tree = read_tree(text)
    _prove(tree, shown)
    return marked(text, tree)


def _inputs(project: Project, plan: Plan, profile: Profile, paths: list[str]) -> dict[str, Any]:
    """What of project and config decides the workflow; hyper-parameters do not, which it reads at run time."""
    config = plan.loaded.config
    return {
        "project": {key: value for key, value in vars(project).items() if key not in _INERT},
        "config": [config.name, config.on, config.limits.job_minutes, plan.jobs, [call.id for call in plan.calls]],
        "paths": paths,
        "profile": profile,
    }


def _text(shown: Workflow) -> str:
    return environment().get_template("workflow.yml.j2").render(workflow=shown)


_MORE = {
    "plan": {"actions": "read"},
    "verdict": {"actions": "read", "checks": "write", "pull-requests": "write"},
}
"""What a job may besides reading the repository: only the one that carries out no model's code may write."""


def _prove(tree: Any, shown: Workflow) -> None:
    """Facts that hold whatever the config says; a failure is a bug of ours, found before it is written."""
    jobs = tree["jobs"]
    join = ["join"] if shown.ranks else []
    parts = [part.id for part in shown.parts]
    steps = {
        step.id: step for step in (*shown.train_steps, *shown.cleanup_steps, *shown.verdict_steps, *shown.joining_steps)
    }
    facts = {
        "jobs": list(jobs) == ["plan", *parts, *join, "verdict"],
        "needs": [job.get("needs") for job in jobs.values()]
        == [None, *(part.needs for part in shown.parts), *("plan" for _ in join), ["plan", *parts]],
        "runs-on": [job["runs-on"] for job in jobs.values()]
        == [shown.cpu, *(shown.gpu for _ in parts), *(shown.joining for _ in join), shown.cpu],
        "permissions": tree["permissions"] == {}
        and all(job["permissions"] == {"contents": "read"} | _MORE.get(name, {}) for name, job in jobs.items()),
        "run": not any("run" in step for job in jobs.values() for step in job["steps"]),
        "pull_request": ("pull_request" in tree["on"]) == shown.pull_request
        and "pull_request_target" not in tree["on"],
        "secrets": dict(secrets_in(tree)) == {name: names for name, names in _expected(steps) if names},
    }
    broken = [name for name, holds in facts.items() if not holds]
    if broken:
        raise RuntimeError(f"the rendered workflow breaks: {', '.join(broken)}")


def secrets_in(tree: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Where secrets stand: by step id, or by the path of whatever else holds one."""
    jobs = tree["jobs"]
    for name, job in jobs.items():
        for step in job["steps"]:
            if found := _named(step):
                yield str(step.get("id")), found
        if found := _named({key: value for key, value in job.items() if key != "steps"}):
            yield f"job {name}", found
    if found := _named({key: value for key, value in tree.items() if key != "jobs"}):
        yield "workflow", found


def _named(value: Any) -> frozenset[str]:
    """The secrets that anything in plain data names, its keys included: looked for in its repr, at C's speed."""
    text = repr(value)
    return frozenset(_SECRET.findall(text)) if "${{" in text else frozenset()


def _expected(steps: dict[str, Step]) -> Iterator[tuple[str, frozenset[str]]]:
    for name, step in steps.items():
        yield name, frozenset(step.secrets)
