"""The plan of one config: its stage calls, in order, each with its reason."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.config.load import Loaded
from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.train import Train
from swiftci.evidence.baseline import BASELINE
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Place
from swiftci.tools.local_path import local_paths

LOCK = "swiftci.lock"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do for one config; where `go` is False, `reason` says why nothing is done.

    `joining` are the calls of every further machine of a training on several.
    """

    loaded: Loaded
    calls: tuple[Call, ...]
    joining: tuple[Call, ...] = ()
    go: bool = True
    reason: str = ""

    @property
    def jobs(self) -> int:
        """How many GPU jobs the run may take one after another: what a job has no time for, the next goes on with."""
        limits = self.loaded.config.limits
        return max(1, -(-(limits.run_minutes or 0) // limits.job_minutes))

    def at(self, place: Place) -> tuple[Call, ...]:
        """The calls that a machine carries out."""
        return tuple(call for call in self.calls if BY_NAME[call.stage].place is place)


def call_id(stage: str, inputs: dict[str, str]) -> str:
    """A call's name in journal, log and workflow: the stage's, with what it scores where that is not the candidate."""
    subject = inputs.get("subject", "candidate")
    return stage if subject == "candidate" else f"{stage}-{subject}"


def build(
    project: Project,
    loaded: Loaded,
    changed: Sequence[str] | None = None,
    root: Path = Path(),
    baseline: str | None = None,
    *,
    here: bool = False,
) -> Plan:
    """The plan; `changed` are the paths that a pull request changes, None where that does not matter.

    `baseline` names the run to compare with, where it is not to be looked for. Carried out `here`, nothing is shown on
    GitHub.
    """
    config = loaded.config
    calls = [_call("download", "tools, models and data are checked and fetched before anything costs GPU time")]
    asked = config.evaluate and config.evaluate.base
    base = [_call("evaluate", "evaluate.base is true", subject="base")] if asked else []
    alone = config.train.nodes == 1
    named = {"baseline": baseline} if baseline else {}
    if config.evaluate:
        calls.append(_call("baseline", "the run that the result is compared with", **named))
    calls += base if alone else []
    calls.append(_call("train", _training(config.train)))
    calls += [] if alone else base  # the other machines do not wait for it
    if config.evaluate:
        calls.append(_call("evaluate", "data sets: " + ", ".join(config.evaluate.datasets)))
    if _measures_again(config):
        calls.append(_call("evaluate", "only where it was measured otherwise than this", subject="baseline"))
    if config.gate.extend_to:
        calls.append(_call("extend", f"up to {config.gate.extend_to} items of each subset, where the gate cannot tell"))
    rules = f"{len(config.gate.rules)} rule{'s' * (len(config.gate.rules) != 1)}"
    calls.append(_call("gate", rules if config.gate.rules else "no rules: passes when nothing failed"))
    calls.append(_call("report", "always"))
    if not here:
        calls.append(_call("comment", "always: on the pull request, and as a check"))
    if project.notify:
        calls.append(_call("notify", "always: " + ", ".join(channel.to for channel in project.notify)))
    calls.append(_call("cleanup", "always"))
    go, reason = True, ""
    if changed is not None:
        watched = watch(loaded, root)
        if not any(_matches(path, watched) for path in changed):
            go, reason = False, f"nothing that {config.name} depends on changed: {', '.join(watched)}"
    joining = () if alone else (calls[0], _call("join", "a machine of the training"), calls[-1])
    return Plan(loaded=loaded, calls=tuple(calls), joining=joining, go=go, reason=reason)


def _measures_again(config: Config) -> bool:
    """Whether the baseline may have to be measured anew, so that the two can be compared."""
    asked = any(rule.against == BASELINE for rule in config.gate.compared)
    own = config.evaluate is not None and config.evaluate.endpoint is None
    return asked and own and config.gate.on_changed_evaluation == "evaluate"


def _call(stage: str, why: str, **inputs: str) -> Call:
    return Call(id=call_id(stage, inputs), stage=stage, inputs=inputs, why=why)


def _training(train: Train) -> str:
    """What is trained on what, in a few words."""
    kind = f" ({args[0]})" if (args := texts(train.args, "rlhf_type")) else ""
    where = f"{train.gpus} GPU{'s' * (train.gpus != 1)}" if train.gpus else "the CPU"
    processes = train.processes_per_node
    shared = f" in {processes} process{'es' * (processes != 1)}" if processes != max(train.gpus, 1) else ""
    nodes = f" of each of {train.nodes} machines" if train.nodes > 1 else ""
    cards = [f"{one.gpus} GPU{'s' * (one.gpus != 1)}" if one.gpus else "the CPU" for one in train.servers]
    servers = "".join(f"; {one.role} server on {card}" for one, card in zip(train.servers, cards, strict=True))
    return f"{train.method}{kind} with ms-swift on {where}{nodes}{shared}{servers}"


def watch(loaded: Loaded, root: Path) -> list[str]:
    """Paths in the repository that decide the run, sorted; a folder stands for all in it, as `folder/**`."""
    found = {loaded.path, FILE, LOCK, workflow_path(loaded.config.name)}
    if loaded.include:
        found.add(loaded.include)
    for one in local_paths(loaded.config, root):
        try:
            inside = one.path.resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            continue
        if inside != ".":
            file = one.data or os.path.isfile(one.path)  # noqa: PTH113 -- pathlib raises where the name is too long
            found.add(inside if file and not os.path.isdir(one.path) else f"{inside}/**")  # noqa: PTH112 -- likewise
    return sorted(found)


def workflow_path(name: str) -> str:
    return f".github/workflows/swiftci-{name}.yml"


def _matches(path: str, watched: Sequence[str]) -> bool:
    return any(path == one or (one.endswith("/**") and path.startswith(one[:-2])) for one in watched)
