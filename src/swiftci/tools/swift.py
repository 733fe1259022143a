"""Drives ms-swift: a config's train section to argument vectors and environments.

`python -m swift.cli.sft` is run directly: the `swift` wrapper leaves its child behind on SIGTERM, and hides the
signal that killed it (measured with ms-swift 4.6.0).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import Arguments, Value, texts
from swiftci.config.project import Head, Hub, Project
from swiftci.config.train import LAUNCH, Train
from swiftci.tools.hub.reference import argument
from swiftci.tools.local_path import DATA_ARGUMENTS, MODEL_ARGUMENTS, local

MODULES = {
    "pt": "swift.cli.pt",
    "sft": "swift.cli.sft",
    "rlhf": "swift.cli.rlhf",
    "megatron-pt": "swift.cli._megatron.pt",
    "megatron-sft": "swift.cli._megatron.sft",
    "megatron-rlhf": "swift.cli._megatron.rlhf",
    "rollout": "swift.cli.rollout",
    "deploy": "swift.cli.deploy",
    "export": "swift.cli.export",
}

OWNED = {
    "output_dir": "checkpoints belong into the run directory",
    "add_version": "the output folder's name must be known beforehand",
    "resume_from_checkpoint": "swiftci decides what a run goes on from",
    "push_to_hub": "a model is pushed once its verdict is known, by `swiftci push`; the training gets no hub token",
}
"""Arguments that swiftci sets, and why a config cannot."""

SERVER_OWNED = {
    "host": "a server is for its own machine alone",
    "port": "swiftci takes one that is free",
    "log_level": "swiftci reads in the log where the server answers",
    "ssl_keyfile": "the server is for its own machine alone",
    "ssl_certfile": "the server is for its own machine alone",
}
"""Arguments of servers that swiftci sets."""

SERVE_OWNED = SERVER_OWNED | {
    "model": "it is the checkpoint that the run made",
    "adapters": "it is the checkpoint that the run made",
    "served_model_name": "EvalScope asks by it",
    "infer_backend": "it stands under `evaluate.serve.backend`",
}

DEFAULTS = {
    "check_model": ("false", "asking the hub about the model would cost 20 s and fail without a network"),
    "strict": ("true", "a bad row is an error; ms-swift would drop it and go on"),
}
"""Arguments that swiftci sets where a config does not, and why."""

SHARED = ("model_type", "template", "torch_dtype", "use_hf", "system", "max_pixels")
"""What of a training's arguments a server of the same model needs too; a checkpoint brings it itself."""

GRACEFUL = "graceful_exit"
"""ms-swift's callback that saves a checkpoint on SIGTERM, and ends well (4.6.0; Megatron's trainers have none)."""
STOP_FILE = Path("/tmp/stop")  # noqa: S108 -- ms-swift's own choice
"""Where this file is, that callback ends every training of the machine after its first step."""

_STRIPPED = (
    "PAI_TRAINING_JOB_ID",  # moves output_dir and stops logging.jsonl (ms-swift 4.6.0, trainers/patcher.py)
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK"),  # of somebody else's processes
    *LAUNCH,
)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """One resolved argument; `why` says who decided: the config, or swiftci and its reason."""

    name: str
    value: Value
    why: str = "config"


def arguments(
    train: Train, root: Path, output: Path, fetched: Mapping[str, Path] | None = None, resume: Path | None = None
) -> list[Argument]:
    """All arguments of a training, sorted by name; local paths made absolute, `fetched` hub ids replaced by folders.

    `resume` is the checkpoint to go on from.
    """
    found = {
        name: Argument(name=name, value=value)
        for name, value in absolute(train.args, root, fetched or {}).items()
        if name not in OWNED  # a `from:` file may hold them for `swift sft`
    }
    for name, (value, why) in DEFAULTS.items():
        found.setdefault(name, Argument(name=name, value=value, why=why))
    found["output_dir"] = Argument(name="output_dir", value=str(output), why=OWNED["output_dir"])
    found["add_version"] = Argument(name="add_version", value="false", why=OWNED["add_version"])
    if not train.megatron:
        callbacks: Value = [*dict.fromkeys((*texts(train.args, "callbacks"), GRACEFUL))]
        found["callbacks"] = Argument(name="callbacks", value=callbacks, why="a training that is stopped saves first")
    if resume:
        why = "an earlier try came this far"
        found["resume_from_checkpoint"] = Argument(name="resume_from_checkpoint", value=str(resume), why=why)
    if fetched and train.args.get("model") in fetched:
        found.pop("model_revision", None)  # it was fetched at that revision
    return [found[name] for name in sorted(found)]


def argv(python: str, train: Train, resolved: Sequence[Argument], head: Head | None = None, rank: int = 0) -> list[str]:
    """The command, with no shell between: every value is one word. `rank` is this machine's among `train.nodes`."""
    command = [python, "-m", *_launcher(train, head, rank), MODULES[train.method]]
    for one in resolved:
        command += [f"--{one.name}", *words(one.value)]
    return command


def _launcher(train: Train, head: Head | None, rank: int) -> list[str]:
    """What starts several processes, as the `swift` and `megatron` wrappers do from NPROC_PER_NODE and its like."""
    processes = train.processes_per_node
    if train.nodes > 1 and head is not None:
        rendezvous = ["--nnodes", str(train.nodes), "--node_rank", str(rank)]
        rendezvous += ["--master_addr", head.address, "--master_port", str(head.port)]
    elif processes > 1 or train.megatron:
        rendezvous = ["--standalone"]  # a free port of its own: two trainings on one machine do not meet
    else:
        return []
    return ["torch.distributed.run", "--nproc_per_node", str(processes), *rendezvous, "-m"]


def server_argv(python: str, command: str, args: Mapping[str, Value], host: str, port: int) -> list[str]:
    """The command of `swift deploy` or `swift rollout`; paths in `args` are absolute already."""
    vector = [python, "-m", MODULES[command], "--host", host, "--port", str(port)]
    for name in sorted(args):
        vector += [f"--{name}", *words(args[name])]
    return vector


def served(train: Train, args: Mapping[str, Value], model: str, adapter: Path | None, name: str) -> Arguments:
    """What `swift deploy` needs to answer for a model, or an adapter on it, under a name."""
    found = Arguments({key: train.args[key] for key in SHARED if key in train.args})
    if adapter:
        found["adapters"] = f"{name}={adapter}"
        found["model"] = model
    else:
        found["model"], found["served_model_name"] = model, name
    return Arguments(found | dict(args))


def words(value: Value) -> list[str]:
    """A value as the words that follow its flag; maps become JSON."""
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def environment(project: Project, train: Train, inherited: Mapping[str, str]) -> dict[str, str]:
    """The training's environment, but for the GPUs it is given."""
    found = {key: value for key, value in inherited.items() if key not in _STRIPPED}
    return found | hub_environment(project.hub, project.cache) | dict(train.env)


def hub_environment(hub: Hub, cache: str | None) -> dict[str, str]:
    """Variables by which ms-swift and EvalScope find hub, mirror and cache."""
    found = {"USE_HF": "1" if hub.name == "huggingface" else "0"}
    if hub.endpoint:
        found["HF_ENDPOINT" if hub.name == "huggingface" else "MODELSCOPE_ENDPOINT"] = hub.endpoint
    if cache:
        found |= {"MODELSCOPE_CACHE": f"{cache}/modelscope", "HF_HOME": f"{cache}/huggingface"}
    return found


def absolute(args: Mapping[str, Value], root: Path, fetched: Mapping[str, Path]) -> Arguments:
    """Arguments with local paths made absolute and `fetched` hub ids replaced by their folders."""
    return Arguments({name: _absolute(name, value, root, fetched) for name, value in args.items()})


def _absolute(name: str, value: Value, root: Path, fetched: Mapping[str, Path]) -> Value:
    if name not in (*MODEL_ARGUMENTS, *DATA_ARGUMENTS):
        return value
    if isinstance(value, list):
        return [_absolute(name, item, root, fetched) if isinstance(item, str) else item for item in value]
    if not isinstance(value, str):
        return value
    data = name in DATA_ARGUMENTS
    if value in fetched:
        return argument(value, fetched[value])
    path = local(value, root, data=data)
    if path is None:
        return value
    _, hash_, count = value.partition("#") if data else ("", "", "")
    return f"{path.resolve()}{hash_}{count}"
