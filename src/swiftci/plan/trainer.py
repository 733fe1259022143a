"""What does not fit together in a training: found here in a second, or by ms-swift after it loaded the model."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from swiftci.config.arguments import Arguments, texts
from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Project
from swiftci.config.train import Train
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

    train = one.config.train
    args = {name: next(iter(texts(train.args, name)), "") for name in train.args}
    kind = args.get("rlhf_type", "dpo") if train.method.endswith("rlhf") else ""
    for name in _REQUIRED.get(kind, ()):
        if name not in train.args:
            wrong("train.args.rlhf_type", f"{kind} needs train.args.{name}", code="missing-key")
    _sharding(train, args, root, wrong)
    if train.nodes > 1:
        _machines(one, project, wrong, problems)
    _rollouts(train, args, kind, wrong)
    _teachers(train, args, kind, wrong)
    _evaluated(one, args, kind, wrong)
    if notice := _quantised(one):
        problems.append(notice)


Wrong = Callable[..., None]
"""Takes a key, a message, a hint and a code."""


def _sharding(train: Train, args: Mapping[str, str], root: Path, wrong: Wrong) -> None:
    for key, presets in (("deepspeed", DEEPSPEED), ("fsdp", FSDP)):
        if key in train.args and (problem := _preset(args[key], presets, root)):
            wrong(f"train.args.{key}", f"train.args.{key} {problem[0]}", problem[1])
    if "deepspeed" in train.args and "fsdp" in train.args:
        wrong("train.args.fsdp", "DeepSpeed and FSDP both shard the model; ms-swift takes one of them")
    sharding = next((key for key in ("deepspeed", "fsdp") if key in train.args), None)
    if sharding and train.gpus > 1 and train.processes_per_node == 1:
        hint = "leave train.processes out: then each GPU has its process"
        wrong(f"train.args.{sharding}", f"{sharding} needs a process per GPU, and train.processes is 1", hint)


def _machines(one: Loaded, project: Project, wrong: Wrong, problems: list[Problem]) -> None:
    nodes = one.config.train.nodes
    if project.head is None:
        message = f"{one.path} trains on {nodes} machines, and `head` does not say which leads"
        hint = "as in head: {address: 10.0.0.1, runner: [self-hosted, node-1]}"
        problems.append(Problem(code="missing-key", message=message, position=Position(file=FILE), hint=hint))
    if project.container is not None:
        hint = "leave `container` out for these machines, with ms-swift on the machines themselves"
        wrong("train.nodes", "GitHub gives each job's container a network of its own: machines cannot meet", hint)


def _rollouts(train: Train, args: Mapping[str, str], kind: str, wrong: Wrong) -> None:
    """Whether the servers that generate are asked, and use what they hold."""
    served = [index for index, server in enumerate(train.servers) if server.role == "rollout"]
    named = [name for name in ("vllm_server_host", "vllm_server_base_url", "vllm_server_port") if name in train.args]
    if train.servers and kind not in _ASKING:
        wrong("train.servers", f"only {' and '.join(_ASKING)} ask a server", "leave train.servers out")
    elif served and (not _on(args.get("use_vllm")) or args.get("vllm_mode") != "server"):
        hint = "write use_vllm: true and vllm_mode: server under train.args"
        wrong("train.servers", "the training does not ask the rollout server that holds these GPUs", hint)
    if served and named:
        wrong(
            f"train.args.{named[0]}", f"train.args.{named[0]} names a server, and train.servers starts one", "keep one"
        )
    if args.get("vllm_mode") == "server" and not served and not named:
        hint = "as in servers: [{role: rollout, gpus: 1}]"
        wrong("train.args.vllm_mode", "vllm_mode is server, and no server is named", hint, "missing-key")
    for index in served:
        server = train.servers[index]
        used = math.prod(_count(server.args, name) for name in _VLLM_SIZES)
        if server.gpus and used != server.gpus:
            message = f"this rollout server holds {server.gpus} GPUs and uses {used}"
            hint = "vllm_tensor_parallel_size times vllm_data_parallel_size is what it uses; each is 1 when absent"
            wrong(f"train.servers.{index}", message, hint)


def _teachers(train: Train, args: Mapping[str, str], kind: str, wrong: Wrong) -> None:
    served = [index for index, server in enumerate(train.servers) if server.role == "teacher"]
    if len(served) > 1:
        wrong(f"train.servers.{served[1]}", "a training asks one teacher server", "keep one")
    for name in ("teacher_model_server", "teacher_model"):
        if served and name in train.args:
            wrong(f"train.args.{name}", f"train.args.{name} names a teacher, and train.servers starts one", "keep one")
    if served and kind == "gkd" and "gkd_logits_topk" not in train.args:
        hint = "as in gkd_logits_topk: 20; the server's max_logprobs bounds it"
        wrong("train.servers", "a teacher that is served needs train.args.gkd_logits_topk", hint, "missing-key")


def _evaluated(one: Loaded, args: Mapping[str, str], kind: str, wrong: Wrong) -> None:
    """Whether what is trained can be scored as the config asks."""
    train, evaluate = one.config.train, one.config.evaluate
    if evaluate is None:
        return
    scores = args.get("task_type") in _SCORERS
    task = "a reward model" if kind == "rm" else f"a model of task_type {args['task_type']}" if scores else ""
    if task and evaluate.endpoint is None:
        hint = "leave evaluate out; the training's own eval_loss and metrics are in the report"
        wrong("evaluate", f"{task} writes no text that EvalScope could score", hint)
    serve = evaluate.serve
    if serve and serve.backend != "transformers" and train.gpus == 0:
        wrong("evaluate.serve", f"{serve.backend} needs a GPU, and train.gpus is 0", "as in serve: transformers")
    if serve and serve.backend == "vllm" and train.gpus and (used := _count(serve.args, _VLLM_SIZES[0])) > train.gpus:
        message = f"vllm_tensor_parallel_size is {used}, and an evaluation has the training's {train.gpus} GPUs"
        wrong("evaluate.serve", message)


_VLLM_SIZES = ("vllm_tensor_parallel_size", "vllm_data_parallel_size")


def _count(args: Arguments, name: str) -> int:
    text = next(iter(texts(args, name)), "1")
    return int(text) if text.isdigit() and int(text) else 1


def _on(text: str | None) -> bool:
    return (text or "").lower() in ("yes", "true", "t", "y", "1")


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
