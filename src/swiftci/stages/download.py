"""Checks tools, local models and local data, and fetches what is on a hub, before anything costs GPU time."""

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swiftci.spec.error import ToolError
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages import preflight
from swiftci.stages.needs import estimate
from swiftci.stages.stage import DATASETS, Context, Place, Stage
from swiftci.store.files import write_json
from swiftci.tools.data_file import check_rows
from swiftci.tools.hub import fetched
from swiftci.tools.hub.amount import amount
from swiftci.tools.hub.reference import Named, Reference, named
from swiftci.tools.local_path import local_paths

if TYPE_CHECKING:
    from swiftci.tools.hub.fetch import Fetched, Fetcher


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What of the config it is for."""

    scope: str = option(
        "What the run does: the whole `run`, or only `evaluate`, which needs the model and no training data.",
        default="run",
        choices=("run", "evaluate"),
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was found, and what had to be fetched."""

    checked: int = option("Number of local paths that were checked.")
    repositories: int = option("Number of a hub's repositories that the config names.", default=0)
    fetched_bytes: int = option("Bytes that the cache did not have.", default=0)


def run(inputs: Inputs, context: Context) -> Outputs:
    whole = inputs.scope == "run"
    checked = _check(context, whole=whole)
    shutil.rmtree(context.folder / DATASETS, ignore_errors=True)
    config = context.loaded.config
    for one in preflight.check(context):
        if one.state == "warn":
            context.progress.line(f"warning: {one.name}: {one.text}" + (f"; {one.hint}" if one.hint else ""))
    wanted = [one for one in named(config, context.project, context.root) if whole or one.key in _SCORED]
    found = _fetch(wanted, context)
    if whole:
        estimate(context)
    return Outputs(checked=checked, repositories=len(found), fetched_bytes=sum(one.bytes for one in found.values()))


_SCORED = ("train.args.model", "evaluate.datasets")
"""What an evaluation alone needs of a hub."""


def _check(context: Context, *, whole: bool) -> int:
    """Looks at every local path; returns how many there are."""
    problems: list[Problem] = []
    every = local_paths(context.loaded.config, context.root)
    paths = [one for one in every if whole or one.section == "evaluate" or one.key in _SCORED]
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
    return len(paths)


def _fetch(wanted: list[Named], context: Context) -> "dict[Reference, Fetched]":
    """Fetches each repository once, and writes down where it is for every text that names it."""
    from swiftci.tools.hub.fetch import Fetcher

    found: dict[Reference, Fetched] = {}
    texts: dict[str, Any] = {}
    fetcher = Fetcher(
        project=context.project,
        environ=context.environ,
        step=context.progress.step,
        line=context.progress.line,
        deadline=context.deadline,
    )
    try:
        for one in wanted:
            if one.reference not in found:
                found[one.reference] = _one(fetcher, one, context)
            entry = fetched.entry(one, found[one.reference])
            if texts.setdefault(one.text, entry)["folder"] != entry["folder"]:
                message = f"{one.text} is named by {texts[one.text]['key']} and {one.key}, and means two repositories"
                raise ToolError(message=message, kind="user", hint="write hf:: or ms:: before the data set's id")
    finally:
        fetcher.close()
    path = context.folder / fetched.FILE
    if texts or path.exists():
        write_json(path, texts)
    return found


def _one(fetcher: "Fetcher", one: Named, context: Context) -> "Fetched":
    from swiftci.tools.hub.prefilled import prefilled

    try:
        found = fetcher.fetch(one.reference)
    except ToolError as error:
        copy = prefilled(one.reference, context.project, context.environ) if error.kind == "network" else None
        if copy is None:
            error.message = f"{one.key}: {error.message}"
            raise
        context.progress.line(f"{one.reference.id}: its hub cannot be reached; the copy in {copy.folder} is used")
        return copy
    new = f"{amount(found.bytes)} fetched" if found.bytes else "as it was in the cache"
    commit = f" at {found.commit[:12]}" if found.commit else ""
    context.progress.line(f"{found.reference.id}{commit}: {found.files} files, {amount(found.size)}, {new}")
    return found


STAGE = Stage(
    name="download",
    help="Check the tools, local models and data sets, and fetch those that are on a hub.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train", "evaluate"),
    secrets=("hub",),
    reusable=False,
)
