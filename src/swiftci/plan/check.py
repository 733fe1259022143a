"""What is wrong with a project and its configs beyond their form; looks at the disk, changes nothing."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from swiftci.config.evaluate import Evaluate
from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Project
from swiftci.plan.arguments import check_arguments
from swiftci.plan.trainer import check_trainer
from swiftci.spec.problem import Position, Problem, Severity, nearest, quoted
from swiftci.tools.data_file import check_rows
from swiftci.tools.hub import benchmarks
from swiftci.tools.local_path import LocalPath, local_paths

Disk = Literal["all", "there", "none"]

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def check(root: Path, project: Project, configs: Sequence[Loaded], *, disk: Disk = "all") -> list[Problem]:
    """All problems of readable configs.

    `disk` says how far the models and data they name are looked at: `all`, those that are `there` (a checkout has not
    what lies on the GPU machine), or `none`. Absolute paths are never looked at: they are the GPU machine's.
    """
    problems: list[Problem] = []
    asking = [one for one in configs if one.config.on.pull_request]
    if asking and project.trust is None:
        hint = (
            "trust: internal lets pull requests of people with access train; trust: public never lets one reach a GPU"
        )
        message = f"`trust` is not set, and {asking[0].path} trains on pull requests"
        problems.append(Problem(code="no-trust", message=message, position=Position(file=FILE), hint=hint))
    if asking and project.trust == "public" and project.required:
        message = "`required` needs `trust: internal`: with `trust: public` the check never reports on a pull request"
        problems.append(Problem(code="wrong-value", message=message, position=Position(file=FILE)))
    if project.container and not _DIGEST.search(project.container.image):
        hint = "as in name@sha256:…, 64 digits; `docker buildx imagetools inspect NAME:TAG` prints it"
        message = f"container.image {quoted(project.container.image)} is not pinned: its owner can change what runs"
        problems.append(
            Problem(code="unpinned", message=message, position=Position(file=FILE), hint=hint, severity="notice")
        )
    _budget(project, configs, problems)
    for one in configs:
        check_arguments(one, problems)
        _time(project, one, problems)
        check_trainer(one, project, root, problems)
        if one.config.evaluate:
            _evaluate(one, one.config.evaluate, problems)
        if disk != "none":
            _paths(one, root, problems, missing=disk == "all")
    return problems


def _time(project: Project, one: Loaded, problems: list[Problem]) -> None:
    """Whether a run that needs several jobs finds in the next what the last one left."""
    limits, store = one.config.limits, project.store
    jobs = -(-(limits.run_minutes or 0) // limits.job_minutes)
    if jobs < 2:
        return
    position = one.position("limits.run_minutes")
    if jobs > JOBS_MAX:
        message = f"limits.run_minutes asks for {jobs} jobs one after another, and {JOBS_MAX} are the most"
        hint = "raise limits.job_minutes: a job on a runner of one's own may take five days"
        problems.append(Problem(code="wrong-value", message=message, position=position, hint=hint))
    elif store is None or not (store.shared or store.remote):
        message = f"limits.run_minutes asks for {jobs} jobs one after another, and they need a store that they all see"
        hint = "as in store: {path: /data/swiftci, shared: true}; one machine alone shares its folder with itself"
        problems.append(Problem(code="unshared-store", message=message, position=position, hint=hint))
    elif one.config.train.nodes > 1:
        message = "a training on several machines is not gone on with in further jobs"
        hint = "leave limits.run_minutes out, and raise limits.job_minutes"
        problems.append(Problem(code="unsupported", message=message, position=position, hint=hint))


JOBS_MAX = 10
"""More would be more than seven weeks; GitHub ends a workflow run after 35 days (docs.github.com, Actions limits)."""


def _budget(project: Project, configs: Sequence[Loaded], problems: list[Problem]) -> None:
    """Whether there is a place for the ledger."""
    paying = any(one.config.train.gpus for one in configs)
    if project.budget is None or not paying or (project.store and not project.store.remote):
        return
    message = "`budget` needs a folder as `store`, in which its ledger is kept"
    hint = "as in store: /data/swiftci; ledgers in buckets are not there yet"
    problems.append(Problem(code="unshared-store", message=message, position=Position(file=FILE), hint=hint))


def _evaluate(one: Loaded, section: Evaluate, problems: list[Problem]) -> None:
    for name in ("model_args", "generation_config", "dataset_args"):
        value = section.args.get(name)
        if value is not None and not isinstance(value, dict):
            message = f"evaluate.args.{name} should be a map"
            problems.append(Problem(code="wrong-type", message=message, position=one.position(f"evaluate.args.{name}")))
    for index, dataset in enumerate(section.datasets):
        found = benchmarks.known(dataset)
        position = one.position(f"evaluate.datasets.{index}")
        if found and found.sandbox != "no" and "sandbox" not in section.args:
            message = f"{dataset} runs code that the model wrote on the machine itself, or scores 0 without a sandbox"
            problems.append(
                Problem(code="host-code", message=message, position=position, hint="set evaluate.args.sandbox")
            )
        if found and found.judge == "always" and "judge" not in section.args:
            message = f"{dataset} is scored by a judge, and none is named"
            hint = "as in evaluate.args.judge: {models: [{model_id: …, api_url: …}]}; its key is secrets.judge"
            problems.append(Problem(code="missing-key", message=message, position=position, hint=hint))
        if found is None:
            close = nearest(dataset, benchmarks.names())
            hint = f"did you mean {quoted(close)}?" if close else f"the list is of EvalScope {benchmarks.version()}"
            message = f"EvalScope has no data set {quoted(dataset)}"
            severity: Severity = "error" if close else "notice"
            problems.append(
                Problem(code="suspect-argument", message=message, position=position, hint=hint, severity=severity)
            )


def _place(one: Loaded, path: LocalPath) -> Position:
    """Where a path is written: in a list of several, the very item."""
    node = one.node.at(path.key)
    written = [item for item in (node.items if node else ()) if item.text == path.text]
    return written[0].position if written else one.position(path.key)


def _paths(one: Loaded, root: Path, problems: list[Problem], *, missing: bool) -> None:
    for path in local_paths(one.config, root):
        if path.text.startswith(("/", "~")):
            continue
        position = _place(one, path)
        if path.data and os.path.isfile(path.path):  # noqa: PTH113 -- pathlib raises where the name is too long
            check_rows(path.path, path.key, position, problems)
        elif missing and not path.exists:
            message = f"{path.key}: {quoted(path.text)} does not exist"
            hint = f"paths are relative to the folder of {FILE}; a hub id looks like owner/name"
            problems.append(Problem(code="path-missing", message=message, position=position, hint=hint))
