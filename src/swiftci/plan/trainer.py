"""What does not fit together in a training: found here in a second, or by ms-swift after it loaded the model."""

import json
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Project
from swiftci.spec.problem import Position, Problem, nearest, quoted

DEEPSPEED = ("zero0", "zero1", "zero2", "zero3", "zero2_offload", "zero3_offload")
"""ms-swift's presets (swift/config of 4.6.0); any other value is a file or JSON."""
FSDP = ("fsdp2",)

_REQUIRED = {"ppo": ("reward_model",)}
"""Arguments without which a kind of rlhf ends at once."""
_ASKING = ("grpo", "gkd")
"""Kinds of rlhf that ask servers."""
_SCORERS = ("seq_cls", "embedding", "reranker", "generative_reranker")
"""Task types whose models write no text."""


def check_trainer(one: Loaded, project: Project, root: Path, problems: list[Problem]) -> None:
    """Appends what ms-swift would refuse, or what could only fail later."""

    def wrong(key: str, message: str, hint: str = "", code: str = "wrong-value") -> None:
        problems.append(Problem(code=code, message=message, position=one.position(key), hint=hint))

    train, evaluate = one.config.train, one.config.evaluate
    args = {name: next(iter(texts(train.args, name)), "") for name in train.args}
    kind = args.get("rlhf_type", "dpo") if train.method.endswith("rlhf") else ""
    for name in _REQUIRED.get(kind, ()):
        if name not in train.args:
            wrong("train.args.rlhf_type", f"{kind} needs train.args.{name}", code="missing-key")
    for key, presets in (("deepspeed", DEEPSPEED), ("fsdp", FSDP)):
        if key in train.args and (problem := _preset(args[key], presets, root)):
            wrong(f"train.args.{key}", f"train.args.{key} {problem[0]}", problem[1])
    if "deepspeed" in train.args and "fsdp" in train.args:
        wrong("train.args.fsdp", "DeepSpeed and FSDP both shard the model; ms-swift takes one of them")
    sharding = next((key for key in ("deepspeed", "fsdp") if key in train.args), None)
    if sharding and train.gpus > 1 and train.processes_per_node == 1:
        hint = "leave train.processes out: then each GPU has its process"
        wrong(f"train.args.{sharding}", f"{sharding} needs a process per GPU, and train.processes is 1", hint)
    if train.nodes > 1 and project.head is None:
        hint = "as in head: {address: 10.0.0.1, runner: [self-hosted, node-1]}"
        problems.append(
            Problem(
                code="missing-key",
                message=f"{one.path} trains on {train.nodes} machines, and `head` does not say which leads",
                position=Position(file=FILE),
                hint=hint,
            )
        )
    if train.nodes > 1 and project.container is not None:
        hint = "leave `container` out for these machines, with ms-swift on the machines themselves"
        wrong("train.nodes", "GitHub gives each job's container a network of its own: machines cannot meet", hint)
    if train.servers and kind not in _ASKING:
        wrong("train.servers", f"only {' and '.join(_ASKING)} ask a server", "leave train.servers out")
    for server in train.servers:
        asked = {"rollout": "vllm_server_host", "teacher": "teacher_model_server"}[server.role]
        if asked in train.args:
            wrong(f"train.args.{asked}", f"train.args.{asked} names a server, and train.servers starts one", "keep one")
    served = any(server.role == "rollout" for server in train.servers)
    named = {"vllm_server_host", "vllm_server_base_url"} & set(train.args)
    if args.get("vllm_mode") == "server" and not served and not named:
        hint = "as in servers: [{role: rollout, gpus: 1}]"
        wrong("train.args.vllm_mode", "vllm_mode is server, and no server is named", hint, "missing-key")
    task = (
        "a reward model"
        if kind == "rm"
        else f"a model of task_type {args['task_type']}"
        if args.get("task_type") in _SCORERS
        else ""
    )
    if notice := _quantised(one):
        problems.append(notice)
    if evaluate and task and evaluate.endpoint is None:
        hint = "leave evaluate out; the training's own eval_loss and metrics are in the report"
        wrong("evaluate", f"{task} writes no text that EvalScope could score", hint)


def _quantised(one: Loaded) -> Problem | None:
    """A notice where EvalScope would load at 16 bits what was trained at 4; None where that is no matter."""
    evaluate = one.config.evaluate
    if "quant_bits" not in one.config.train.args or evaluate is None or evaluate.serve or evaluate.endpoint:
        return None
    return Problem(
        code="suspect-argument",
        message="EvalScope loads the model unquantised, at 16 bits a weight; the training has it at quant_bits",
        position=one.position("train.args.quant_bits"),
        hint="evaluate.serve: {backend: transformers, args: {quant_method: bnb, quant_bits: 4}} scores it as trained",
        severity="notice",
    )


def _preset(text: str, presets: tuple[str, ...], root: Path) -> tuple[str, str] | None:
    """Why a value is no preset, no file and no JSON; with a hint."""
    if not text or text in presets or (root / text).is_file():
        return None
    try:
        return None if isinstance(json.loads(text), dict) else ("is no JSON object", "")
    except ValueError:
        close = nearest(text, presets)
        hint = f"did you mean {quoted(close)}?" if close else "presets: " + ", ".join(presets)
        return f"{quoted(text)} is no preset and no file", hint
