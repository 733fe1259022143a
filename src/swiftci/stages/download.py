"""Checks that tools, local models and local data are there and whole, before anything costs GPU time."""

from dataclasses import dataclass

from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages.stage import Context, Place, Stage
from swiftci.tools import interpreter
from swiftci.tools.data_file import check_rows
from swiftci.tools.local_path import local_paths


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: the config says it all."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was found."""

    checked: int = option("Number of local paths that were checked.")


def run(inputs: Inputs, context: Context) -> Outputs:
    problems: list[Problem] = []
    paths = local_paths(context.loaded.config, context.root)
    for path in paths:
        position = context.loaded.position(path.key)
        if not path.exists:
            message = f"{path.key}: {path.text} does not exist on this machine"
            hint = f"looked for {path.path}; a hub id looks like owner/name"
            problems.append(Problem(code="path-missing", message=message, position=position, hint=hint))
        elif path.data and path.path.is_file():
            rows = check_rows(path.path, path.key, position, problems)
            context.progress.line(f"{path.text}: {rows}")
    if problems:
        raise ConfigError(problems)
    needs = ["ms_swift", "evalscope"] if context.loaded.config.evaluate else ["ms_swift"]
    interpreter.find(context.project.python, context.root, context.environ, *needs)
    return Outputs(checked=len(paths))


STAGE = Stage(
    name="download",
    help="Check that the tools, local models and local data sets are there and whole.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train", "evaluate"),
    secrets=("hub",),
    reusable=False,
)
