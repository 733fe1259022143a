"""The train section: what ms-swift trains, and on how much of which machines."""

import re
from dataclasses import dataclass

from swiftci.config.arguments import SECRET, Arguments, secret
from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, quoted

METHODS = ("pt", "sft", "rlhf", "megatron-pt", "megatron-sft", "megatron-rlhf")
"""ms-swift's trainers; `rlhf_type` under `args` says which of dpo, kto, grpo, … an rlhf is."""

FROM = "A file that `swift sft` reads today, beside the config; `args` and `env` here win over it."
"""What `train.from` is, which the reader unfolds before the section is read."""

GPUS_MAX = 64
"""No machine has more; a larger number is a typing mistake."""

SERVERS = {"rollout": "rollout", "teacher": "deploy"}
"""Roles of servers, and the command of ms-swift that each is."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LAUNCH = {
    "NPROC_PER_NODE": "train.processes",
    "NNODES": "train.nodes",
    "NODE_RANK": "train.nodes",
    "MASTER_ADDR": "`head` in swiftci.yaml",
    "MASTER_PORT": "`head` in swiftci.yaml",
    "RANK": "train.nodes",
    "LOCAL_RANK": "train.processes",
    "WORLD_SIZE": "train.processes and train.nodes",
}
"""Variables that ms-swift's own launcher reads, and the key that says the same here."""


@dataclass(frozen=True, kw_only=True)
class Server(Section):
    """A server that a training asks while it runs; started before it, watched, and stopped with it."""

    role: str = option(
        "What it does: `rollout` generates with vLLM for grpo and gkd, `teacher` scores with the teacher's model.",
        choices=tuple(SERVERS),
    )
    gpus: int = option("GPUs of its own, beside the training's; 0 runs it on the CPU.", default=1)
    args: Arguments = option(
        "Arguments of `swift rollout` or `swift deploy`; a rollout's model is the training's when absent.",
        factory=Arguments,
    )

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        _bounded(node, "gpus", 0, GPUS_MAX, "train.servers", problems)
        role, args = node.entries.get("role"), node.entries.get("args")
        if role and role.text == "teacher" and (args is None or "model" not in args.entries):
            message = 'a teacher needs its "model" under args'
            problems.append(Problem(code="missing-key", message=message, position=(args or node).position))


@dataclass(frozen=True, kw_only=True)
class Train(Section):
    """What ms-swift trains."""

    method: str = option("The trainer; `args.rlhf_type` says which kind an rlhf is.", default="sft", choices=METHODS)
    gpus: int = option("GPUs of one machine; 0 trains on the CPU.", default=1)
    processes: int | None = option(
        "Processes on one machine: one per GPU when absent. 1 spreads one model over all its GPUs.", default=None
    )
    nodes: int = option("Machines; with more than one, `head` in swiftci.yaml says which leads.", default=1)
    servers: tuple[Server, ...] = option("Servers that the training asks while it runs.", default=())
    args: Arguments = option("ms-swift's own arguments.", factory=Arguments)
    env: dict[str, str] = option("Environment variables of the training.", factory=dict)

    @property
    def processes_per_node(self) -> int:
        """Processes on one machine."""
        return self.processes or max(self.gpus, 1)

    @property
    def cards_here(self) -> int:
        """GPUs of the machine that leads: the training's and its servers'."""
        return self.gpus + sum(one.gpus for one in self.servers)

    @property
    def cards(self) -> int:
        """GPUs of all machines."""
        return self.cards_here + self.gpus * (self.nodes - 1)

    @property
    def megatron(self) -> bool:
        return self.method.startswith("megatron-")

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        _bounded(node, "gpus", 0, GPUS_MAX, "train", problems)
        _bounded(node, "processes", 1, GPUS_MAX, "train", problems)
        _bounded(node, "nodes", 1, 1000, "train", problems)
        cls._check_share(node, problems)
        env = node.entries.get("env")
        if env:
            cls._check_env(env, problems)
        args = node.entries.get("args")
        for key in ("model", "dataset"):
            if args is None or (args.kind == "map" and key not in args.entries):
                place = (args or node).position
                problems.append(Problem(code="missing-key", message=f"train.args needs {quoted(key)}", position=place))
        if args:
            cls._check_args(args, problems)

    @staticmethod
    def _check_share(node: Node, problems: list[Problem]) -> None:
        """Whether GPUs and processes fit each other and the method."""
        gpus, processes, method = (node.entries.get(key) for key in ("gpus", "processes", "method"))
        count = gpus.value if gpus and type(gpus.value) is int else 1
        if processes and type(processes.value) is int and count > 0 and processes.value > 0 and count % processes.value:
            message = f"{count} GPUs cannot be shared equally by {processes.text} processes"
            hint = "one process per GPU trains them side by side; processes: 1 spreads one model over all"
            problems.append(Problem(code="wrong-value", message=message, position=processes.position, hint=hint))
        if gpus and gpus.value == 0 and method and method.text.startswith("megatron-"):
            message = "Megatron trains on GPUs only, and train.gpus is 0"
            problems.append(Problem(code="wrong-value", message=message, position=gpus.position))

    @staticmethod
    def _check_env(env: Node, problems: list[Problem]) -> None:
        for key, item in env.entries.items():
            if not _VARIABLE.fullmatch(key):
                message = f"{quoted(key)} cannot be a variable's name"
                problems.append(Problem(code="wrong-value", message=message, position=env.keys[key]))
            elif SECRET.fullmatch(key):
                problems.append(secret(key, item.position))
            elif key in LAUNCH:
                message = f"{key} has no effect here: swiftci starts the processes itself"
                hint = f"use {LAUNCH[key]}"
                problems.append(Problem(code="owned-argument", message=message, position=env.keys[key], hint=hint))

    @staticmethod
    def _check_args(args: Node, problems: list[Problem]) -> None:
        """What every run needs to know of the arguments that are else ms-swift's own business."""
        model, dataset = args.entries.get("model"), args.entries.get("dataset")
        if model and (model.kind != "scalar" or model.value == ""):
            message = f"train.args.model should be one model's path or hub id, found {model.describe}"
            problems.append(Problem(code="wrong-type", message=message, position=model.position))
        for item in dataset.walk() if dataset else ():
            if item.value == "":
                message = "train.args.dataset holds an empty text"
                problems.append(Problem(code="wrong-value", message=message, position=item.position))


def _bounded(node: Node, key: str, low: int, high: int, where: str, problems: list[Problem]) -> None:
    item = node.entries.get(key)
    if item and type(item.value) is int and not low <= item.value <= high:
        message = f"{where}.{key} should be {low} to {high}, found {item.describe}"
        problems.append(Problem(code="wrong-value", message=message, position=item.position))
