"""swiftci plan"""

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from swiftci.cli import load
from swiftci.cli.output import print_json
from swiftci.config.arguments import texts
from swiftci.config.evaluate import Evaluate
from swiftci.config.gate import Rule
from swiftci.config.load import Loaded
from swiftci.config.project import Project
from swiftci.engine.session import LOCAL, open_store, run_folder
from swiftci.evidence.estimate import Estimate, estimate
from swiftci.evidence.estimate import shown as lines
from swiftci.plan import skip
from swiftci.plan.build import Plan, build
from swiftci.spec.error import ToolError
from swiftci.stages.stage import Place
from swiftci.store import fingerprint
from swiftci.store.digest import Digests
from swiftci.store.fingerprint import Known
from swiftci.tools import evalscope, git, runner, swift
from swiftci.tools.hub.reference import named
from swiftci.tools.local_path import exists, local


@click.command()
@click.argument("config", required=False, envvar="SWIFTCI_CONFIG", type=click.Path())
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, as in train.args.max_steps=2.",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How the plan is printed.")
@click.option("--force", is_flag=True, envvar="SWIFTCI_FORCE", help="Do not look for an earlier run's result.")
def command(config: str | None, sets: tuple[str, ...], style: str, force: bool) -> None:
    """Show what a config would do, where, and why; on a runner, set the outputs `go`, `reason` and `earlier`."""
    if not config:
        raise click.UsageError("name a config, as in: swiftci plan configs/example.yaml")
    root, project, loaded = load.one(config, sets or environment_sets(os.environ), disk="there")
    plan = build(project, loaded, changed(root, project, os.environ), root)
    digests = Digests(root / LOCAL / "digests.json")
    parts = fingerprint.parts(project, loaded.config, root, digests, Known(), os.environ)
    looked = skip.look(root, plan, parts, os.environ) if plan.go and not force else None
    if looked and looked.folder:
        plan = replace(plan, go=False, reason=looked.why)
    view = _view(root, project, plan) | {"result": looked.why if looked and plan.go else ""}
    if style == "json":
        print_json(view)
    else:
        _print(view)
    outputs = {"go": "true" if plan.go else "false", "reason": plan.reason}
    outputs["earlier"] = str(looked.folder) if looked and looked.folder else ""
    runner.write_outputs(os.environ, outputs)


def environment_sets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The overrides that an action passes, one a line."""
    return tuple(line.strip() for line in environ.get("SWIFTCI_SET", "").splitlines() if line.strip())


def changed(root: Path, project: Project, environ: Mapping[str, str]) -> list[str] | None:
    """What a pull request changes, where the plan is to judge by it.

    HEAD is then its merge commit, whose first parent is the branch that it would go into.
    """
    if not project.required or environ.get("GITHUB_EVENT_NAME") not in ("pull_request", "merge_group"):
        return None
    paths = git.changed_paths(root, "HEAD^1")
    return None if paths is None else list(paths)


def _view(root: Path, project: Project, plan: Plan) -> dict[str, Any]:
    loaded: Loaded = plan.loaded
    config = loaded.config
    folder = run_folder(root, project, config.name, os.environ)
    return {
        "name": config.name,
        "config": loaded.path,
        "go": plan.go,
        "reason": plan.reason,
        "run_dir": str(folder),
        "jobs": _jobs(project, plan),
        "fetch": [asdict(one.reference) | {"key": one.key} for one in named(config, project, root)],
        "method": config.train.method,
        "train": [asdict(argument) for argument in swift.arguments(config.train, root, folder / "train")],
        "evaluate": _evaluated(config.evaluate, folder, root) if config.evaluate else [],
        "gate": asdict(config.gate),
        "foreseen": _foreseen(root, project, loaded),
        "limits": asdict(config.limits),
        "estimate": asdict(_estimated(root, project, loaded)),
    }


def _foreseen(root: Path, project: Project, loaded: Loaded) -> list[str]:
    """What the gate will be able to tell, where the store's history is at hand."""
    from swiftci.evidence import foreseen

    try:
        store = open_store(root, project, os.environ)
        history = list(store.history()) if store and (store.local or not runner.on_runner(os.environ)) else []
    except (ToolError, OSError):
        return []
    own = [line for line in history if line.get("name") == loaded.config.name]
    return list(foreseen.lines(loaded.config.gate, own))


def _estimated(root: Path, project: Project, loaded: Loaded) -> Estimate:
    """From the model, where it is on this machine, and from past runs, where their store is."""
    config = loaded.config
    model = local(texts(config.train.args, "model")[0], root, data=False)
    try:
        store = open_store(root, project, os.environ)
        past = list(store.records()) if store and (store.local or not runner.on_runner(os.environ)) else []
    except (ToolError, OSError):
        past = []
    pools = project.runner(config.train.nodes).names
    return estimate(config, model if model and exists(model) else None, past, project.budget, pools)


def _jobs(project: Project, plan: Plan) -> list[dict[str, Any]]:
    """Each job with its runner and its stage calls."""
    nodes = plan.loaded.config.train.nodes
    more = f", at most {plan.jobs} jobs one after another" if plan.jobs > 1 else ""
    jobs = [(f"train{more}", "gpu", project.runner(nodes), plan.at(Place.GPU))]
    if plan.joining:
        jobs.append((f"join, on {nodes - 1} more", "gpu", project.runners.gpu, plan.joining))
    jobs.append(("verdict", "cpu", project.runners.cpu, plan.at(Place.CPU)))
    return [
        {
            "job": job,
            "place": place,
            "runner": asdict(runner),
            "stages": [{"id": c.id, "stage": c.stage, "inputs": dict(c.inputs), "why": c.why} for c in calls],
        }
        for job, place, runner, calls in jobs
    ]


def _evaluated(section: Evaluate, folder: Path, root: Path) -> list[str]:
    """EvalScope's command, with words for what is known only then."""
    subject = evalscope.Subject(id="candidate", model="CHECKPOINT")
    if section.serve:
        subject = evalscope.Subject(id="candidate", model="candidate", url="http://127.0.0.1:PORT/v1")
    elif section.endpoint:
        subject = evalscope.Subject(id="candidate", model=section.endpoint.model, url=section.endpoint.url)
    return evalscope.argv("python", section, subject, folder / "eval/candidate", root)


def _print(view: dict[str, Any]) -> None:
    print(f"{view['name']} ({view['config']}): {'go' if view['go'] else 'skip: ' + view['reason']}")
    for job in view["jobs"]:
        where = ", ".join(job["runner"]["labels"]) or job["runner"]["group"]
        print(f"\njob {job['job']} on {where}")
        for call in job["stages"]:
            print(f"  {call['id']:<14} {call['why']}")
    if view["result"]:
        print(f"\n{view['result']}", end="\n" * bool(view["fetch"]))
    for line in lines(Estimate(**view["estimate"])):
        print(f"\nestimated {line}", end="")
    for one in view["fetch"]:
        at = f" at {one['revision']}" if one["revision"] else ""
        print(f"\nfetch {one['kind']} {one['id']}{at} from {one['hub']} ({one['key']})", end="")
    print("\n" * bool(view["fetch"]))
    method = view["method"]
    print(method.replace("-", " ") if method.startswith("megatron-") else f"swift {method}")
    for argument in view["train"]:
        shown = " ".join(swift.words(argument["value"]))
        why = "" if argument["why"] == "config" else f"    # swiftci: {argument['why']}"
        print(f"  --{argument['name']} {shown}{why}")
    if view["evaluate"]:
        print("\nevalscope eval")
        words = view["evaluate"][4:]
        for word in words:
            print(("  " if word.startswith("--") else "      ") + word)
    for text in (*(Rule(**rule).described for rule in view["gate"]["rules"]), *view["foreseen"]):
        print(f"\ngate: {text}", end="")
    print(f"\nrun directory: {view['run_dir']}")
