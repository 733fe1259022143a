"""Drives ms-swift: a config's train section to an argument vector and an environment.

`python -m swift.cli.sft` is run directly: the `swift` wrapper leaves its child behind on SIGTERM, and hides the
signal that killed it (measured with ms-swift 4.6.0).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import Value
from swiftci.config.model import Train
from swiftci.config.project import Hub, Project
from swiftci.tools.local_path import DATA_ARGUMENTS, MODEL_ARGUMENTS, local

MODULES = {"sft": "swift.cli.sft"}

OWNED = {
    "output_dir": "checkpoints belong into the run directory",
    "add_version": "the output folder's name must be known beforehand",
    "resume_from_checkpoint": "swiftci decides what a run goes on from",
}
"""Arguments that swiftci sets, and why a config cannot."""

DEFAULTS = {
    "check_model": ("false", "asking the hub about the model would cost 20 s and fail without a network"),
    "strict": ("true", "a bad row is an error; ms-swift would drop it and go on"),
}
"""Arguments that swiftci sets where a config does not, and why."""

_STRIPPED = ("PAI_TRAINING_JOB_ID",)  # moves output_dir and stops logging.jsonl (ms-swift 4.6.0, trainers/patcher.py)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One resolved argument; `why` says who decided: the config, or swiftci and its reason."""

    name: str
    value: Value
    why: str = "config"


def arguments(train: Train, root: Path, output: Path) -> list[Argument]:
    """All arguments of a training, local paths made absolute, sorted by name."""
    found = {
        name: Argument(name=name, value=_absolute(name, value, root))
        for name, value in train.args.items()
        if name not in OWNED  # a `from:` file may hold them for `swift sft`
    }
    for name, (value, why) in DEFAULTS.items():
        found.setdefault(name, Argument(name=name, value=value, why=why))
    found["output_dir"] = Argument(name="output_dir", value=str(output), why=OWNED["output_dir"])
    found["add_version"] = Argument(name="add_version", value="false", why=OWNED["add_version"])
    return [found[name] for name in sorted(found)]


def argv(python: str, method: str, resolved: list[Argument]) -> list[str]:
    """The command, with no shell between: every value is one word."""
    command = [python, "-m", MODULES[method]]
    for argument in resolved:
        command += [f"--{argument.name}", *words(argument.value)]
    return command


def words(value: Value) -> list[str]:
    """A value as the words that follow its flag; maps become JSON."""
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def environment(project: Project, train: Train, inherited: Mapping[str, str]) -> dict[str, str]:
    """The training's environment."""
    found = {key: value for key, value in inherited.items() if key not in _STRIPPED}
    found |= hub_environment(project.hub, project.cache)
    found |= gpu_environment(train.gpus, inherited)
    return found | dict(train.env)


def hub_environment(hub: Hub, cache: str | None) -> dict[str, str]:
    """Variables by which ms-swift and EvalScope find hub, mirror and cache."""
    found = {"USE_HF": "1" if hub.name == "huggingface" else "0"}
    if hub.endpoint:
        found["HF_ENDPOINT" if hub.name == "huggingface" else "MODELSCOPE_ENDPOINT"] = hub.endpoint
    if cache:
        found |= {"MODELSCOPE_CACHE": f"{cache}/modelscope", "HF_HOME": f"{cache}/huggingface"}
    return found


def gpu_environment(gpus: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables that show a tool the GPUs it may use: ms-swift spreads one process over all that it sees."""
    if gpus == 0:
        return {"CUDA_VISIBLE_DEVICES": ""}
    return {} if "CUDA_VISIBLE_DEVICES" in inherited else {"CUDA_VISIBLE_DEVICES": "0"}


def _absolute(name: str, value: Value, root: Path) -> Value:
    if name not in (*MODEL_ARGUMENTS, *DATA_ARGUMENTS):
        return value
    if isinstance(value, list):
        return [_absolute(name, item, root) if isinstance(item, str) else item for item in value]
    if not isinstance(value, str):
        return value
    data = name in DATA_ARGUMENTS
    path = local(value, root, data=data)
    if path is None:
        return value
    _, hash_, count = value.partition("#") if data else ("", "", "")
    return f"{path.resolve()}{hash_}{count}"
