"""The leaderboard's place among configs and workflows: what is wrong with it, and where its workflow lies."""

from collections.abc import Sequence

from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Project
from swiftci.plan.build import workflow_path
from swiftci.spec.problem import Position, Problem, nearest, quoted

NAME = "leaderboard"


def check(project: Project, configs: Sequence[Loaded]) -> list[Problem]:
    """What is wrong with the project's leaderboard, seen with all configs."""
    section = project.leaderboard
    if section is None:
        return []
    problems: list[Problem] = []
    for one in configs:
        if one.config.name.lower() == NAME:
            message = f"name {quoted(one.config.name)} is taken: {workflow_path(NAME)} is the leaderboard's"
            problems.append(Problem(code="same-name", message=message, position=one.position("name")))
    measured = next((one for one in configs if one.path == section.config), None)
    if measured is None:
        near = nearest(section.config, [one.path for one in configs])
        hint = f"did you mean {near}?" if near else "its `evaluate` section is what models are measured by"
        message = f"leaderboard.config: there is no config {quoted(section.config)}"
        problems.append(Problem(code="no-config", message=message, position=Position(file=FILE), hint=hint))
    elif measured.config.evaluate is None:
        message = f"leaderboard.config: {measured.path} has no `evaluate` section to measure models by"
        problems.append(Problem(code="missing-key", message=message, position=Position(file=FILE)))
    elif measured.config.evaluate.endpoint is not None:
        message = f"leaderboard.config: {measured.path} asks an endpoint, which serves a model of its own"
        place = measured.position("evaluate.endpoint")
        hint = "name a config whose models EvalScope loads, or with `evaluate.serve`"
        problems.append(Problem(code="unsupported", message=message, position=place, hint=hint))
    return problems
