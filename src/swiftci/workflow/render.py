"""Renders a plan's workflow, reads it back, and proves what it must hold before anybody gets it."""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from swiftci.config.project import Project
from swiftci.config.yaml import parse
from swiftci.plan.build import Plan, watch
from swiftci.store.digest import of_data
from swiftci.workflow.drift import MARK_DIGITS, tree_digest
from swiftci.workflow.encode import environment
from swiftci.workflow.pin import Lock
from swiftci.workflow.view import Profile, Step, Workflow, view

_INERT = ("version", "configs", "hub", "python", "language")
"""Keys of the project that no workflow shows."""
_SECRET = re.compile(r"secrets\s*[.\[]\s*['\"]?(\w+)")


def render(root: Path, project: Project, plan: Plan, lock: Lock | None, profile: Profile = "github") -> str:
    """The workflow's text, its drift mark included."""
    inputs = of_data(_inputs(root, project, plan, profile))[:MARK_DIGITS]
    shown = view(project, plan, lock, profile, "", root)
    tree = read_tree(_text(shown))
    shown = replace(shown, mark=f"{tree_digest(tree)} {inputs}")
    text = _text(shown)
    _prove(read_tree(text), shown)
    return text


def _inputs(root: Path, project: Project, plan: Plan, profile: Profile) -> dict[str, Any]:
    """What of project and config decides the workflow; hyper-parameters do not, which it reads at run time."""
    config = plan.loaded.config
    return {
        "project": {key: value for key, value in asdict(project).items() if key not in _INERT},
        "config": [config.name, asdict(config.on), config.limits.job_minutes, [call.id for call in plan.calls]],
        "paths": watch(plan.loaded, root),
        "profile": profile,
    }


def _text(shown: Workflow) -> str:
    return environment().get_template("workflow.yml.j2").render(workflow=shown)


def read_tree(text: str) -> Any:
    """A workflow's text as plain data by YAML 1.2; raises ValueError where it is no YAML."""
    problems: list[Any] = []
    node = parse(text, "workflow", problems)
    if node is None:
        raise ValueError(problems[0].message)
    return node.value


def _prove(tree: Any, shown: Workflow) -> None:
    """Facts that hold whatever the config says; a failure is a bug of ours, found before it is written."""
    jobs = tree["jobs"]
    steps = {step.id: step for step in (*shown.train_steps, *shown.cleanup_steps, *shown.verdict_steps)}
    facts = {
        "jobs": list(jobs) == ["plan", "train", "verdict"],
        "needs": [job.get("needs") for job in jobs.values()] == [None, "plan", ["plan", "train"]],
        "runs-on": [job["runs-on"] for job in jobs.values()] == [shown.cpu, shown.gpu, shown.cpu],
        "permissions": tree["permissions"] == {}
        and all(job["permissions"] == {"contents": "read"} for job in jobs.values()),
        "run": not any("run" in step for job in jobs.values() for step in job["steps"]),
        "pull_request": ("pull_request" in tree["on"]) == shown.pull_request
        and "pull_request_target" not in tree["on"],
        "secrets": dict(_secrets(tree)) == {name: names for name, names in _expected(steps) if names},
    }
    broken = [name for name, holds in facts.items() if not holds]
    if broken:
        raise RuntimeError(f"the rendered workflow breaks: {', '.join(broken)}")


def _secrets(tree: Any) -> Iterator[tuple[str, frozenset[str]]]:
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
    if isinstance(value, dict):
        return frozenset().union(*map(_named, (*value.keys(), *value.values())))
    if isinstance(value, list):
        return frozenset().union(*map(_named, value))
    return frozenset(_SECRET.findall(value)) if isinstance(value, str) and "${{" in value else frozenset()


def _expected(steps: dict[str, Step]) -> Iterator[tuple[str, frozenset[str]]]:
    for name, step in steps.items():
        yield name, frozenset(step.secrets)
