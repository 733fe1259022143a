"""What of a training's arguments decides its memory, with ms-swift 4.6.0's defaults for those that are absent."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from swiftci.config.arguments import texts
from swiftci.config.train import Train
from swiftci.evidence.shape import Shape

LENGTH = 2048
"""Tokens of the longest row where neither arguments nor data say; ms-swift would take all that the model can."""
NUMBER_MAX = 10**9

_TRUE = ("yes", "true", "t", "y", "1")
_FALSE = ("no", "false", "f", "n", "0")
_PAIRED = ("dpo", "orpo", "simpo", "cpo", "rm")
"""Kinds of rlhf whose rows hold a chosen and a rejected response."""
_WRITES = ("grpo", "ppo", "gkd")
"""Kinds whose responses are written while training."""
_BITS = {"float32": 32.0, "float16": 16.0, "bfloat16": 16.0}
_FEED = ("gate_proj", "up_proj", "down_proj", "gate_up_proj", "linear_fc1", "linear_fc2")
_STAGES = {"zero0": 0, "zero1": 1, "zero2": 2, "zero3": 3}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How long the data's rows are, in tokens; ms-swift logs it before it trains."""

    longest: int
    mean: float


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A training as its memory sees it; `tokens` are those of one forward on one GPU, `world` counts processes.

    `bits` are of a frozen linear weight, `zero` is None without DeepSpeed, `share` is how many GPUs one process has.
    """

    megatron: bool
    kind: str
    full: bool
    head: bool
    tokens: float
    longest: int
    bits: float
    half_bytes: int
    rank: int
    targets: tuple[str, ...]
    saved_modules: int
    frozen_vision: bool
    dora: bool
    checkpointing: bool
    liger: bool
    eager: bool
    chunk: int
    optimizer: str
    galore_rank: int
    world: int
    share: int
    zero: int | None
    fsdp: bool
    offload_optimizer: float
    offload_weights: bool
    tensor: int
    pipeline: int
    expert: int
    expert_tensor: int
    context: int
    in_flight: int
    sequence_parallel: bool
    moments_bytes: int
    reference: bool
    teacher_away: bool
    assumed: tuple[str, ...]

    @property
    def data_parallel(self) -> int:
        """Megatron's copies of the model."""
        return max(self.world // (self.tensor * self.pipeline * self.context), 1)

    @property
    def feeds_forward(self) -> bool:
        """Whether the adapter is on the feed-forward too."""
        return not self.targets or any(name in _FEED for name in self.targets)

    @property
    def expert_data_parallel(self) -> int:
        return max(self.world // (self.expert_tensor * self.expert * self.pipeline), 1)


class _Reader:
    """Arguments by name; what cannot be read is taken for the default, and noted."""

    def __init__(self, train: Train) -> None:
        self.args = train.args
        self.assumed: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        return value.strip().lower() if isinstance(value, str) else default

    def number(self, name: str, default: float, low: float = 1) -> float:
        text = self.text(name)
        try:
            value = float(text) if text and text != "none" else default
        except ValueError:
            value = math.nan
        if not low <= value <= NUMBER_MAX:
            self.assumed.append(f"{name}: {text[:40]} is not read: {default:g} assumed")
            return default
        return value

    def count(self, name: str, default: int) -> int:
        return int(self.number(name, default))

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name)
        return True if text in _TRUE else False if text in _FALSE else default


def read(train: Train, shape: Shape, rows: Rows | None = None) -> Recipe:
    """The recipe of a training; `rows` where the data's lengths are known."""
    reader = _Reader(train)
    megatron = train.megatron
    kind = reader.text("rlhf_type") if train.method.endswith("rlhf") else ""
    full = reader.text("tuner_type", "full" if megatron else "lora") == "full"
    world = train.processes_per_node * train.nodes
    zero, offload, offload_weights = _deepspeed(reader)
    tensor, pipeline, expert, expert_tensor, context = (
        reader.count(name, 1) if megatron else 1
        for name in (
            "tensor_model_parallel_size",
            "pipeline_model_parallel_size",
            "expert_model_parallel_size",
            "expert_tensor_parallel_size",
            "context_parallel_size",
        )
    )
    tokens, longest = _tokens(reader, train, shape, rows, kind)
    copies = max(world // (tensor * pipeline * context), 1)
    micro = reader.count("micro_batch_size", 1)
    steps = max(reader.count("global_batch_size", 16) // (micro * copies), 1)
    fsdp = bool(reader.text("fsdp")) and not megatron
    granularity = reader.text("recompute_granularity", "selective")
    targets = tuple(sorted(name.lower() for one in texts(train.args, "target_modules") for name in one.split()))
    if reader.text("vllm_mode") == "colocate" and reader.flag("use_vllm", False):
        reader.assumed.append("vLLM in the same processes takes its share (vllm_gpu_memory_utilization) besides")
    return Recipe(
        megatron=megatron,
        kind=kind,
        full=full,
        head=kind != "rm" and reader.text("task_type", "causal_lm") in ("", "causal_lm", "generative_reranker"),
        tokens=tokens,
        longest=longest,
        bits=_bits(reader, shape, full),
        half_bytes=int(_BITS.get(reader.text("torch_dtype"), 8.0 * shape.dtype_bytes)) // 8,
        rank=_rank(reader),
        targets=targets if "all-linear" not in targets else (),
        saved_modules=len([name for one in texts(train.args, "modules_to_save") for name in one.split()]),
        frozen_vision=reader.flag("freeze_vit", True),
        dora=reader.flag("use_dora", False),
        checkpointing=granularity == "full" if megatron else fsdp or reader.flag("gradient_checkpointing", True),
        liger=reader.flag("use_liger_kernel", False),
        eager="eager" in reader.text("attn_impl") or reader.text("attention_backend") in ("unfused", "local"),
        chunk=_chunk(train),
        optimizer=_optimizer(reader),
        galore_rank=reader.count("galore_rank", 128) if reader.flag("use_galore", False) else 0,
        world=world,
        share=max(train.gpus // train.processes_per_node, 1),
        zero=None if megatron else zero,
        fsdp=fsdp,
        offload_optimizer=_cpu_fraction(reader) if megatron else offload,
        offload_weights=offload_weights and not megatron,
        tensor=tensor,
        pipeline=pipeline,
        expert=expert,
        expert_tensor=expert_tensor,
        context=context,
        in_flight=min(pipeline, steps),
        sequence_parallel=reader.flag("sequence_parallel", False) and tensor > 1,
        moments_bytes=sum(_BYTES.get(reader.text(name), 4) for name in ("exp_avg_dtype", "exp_avg_sq_dtype")),
        reference=_reference(reader, kind, full),
        teacher_away=reader.flag("offload_teacher_model", False) or "offload" in reader.text("teacher_deepspeed"),
        assumed=tuple(dict.fromkeys(reader.assumed)),
    )


_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "fp8": 1}


def _tokens(reader: _Reader, train: Train, shape: Shape, rows: Rows | None, kind: str) -> tuple[float, int]:
    """Tokens of one forward on one GPU, and of the longest row."""
    most = shape.positions if rows else LENGTH
    if not reader.text("max_length") and not rows:
        reader.assumed.append(f"max_length unset: {LENGTH} assumed")
    limit = reader.count("max_length", most)
    longest = min(limit, rows.longest) if rows else limit
    mean = min(rows.mean, float(longest)) if rows else float(longest)
    batch = reader.count("micro_batch_size" if train.megatron else "per_device_train_batch_size", 1)
    spread = reader.count("sequence_parallel_size", 1)
    if reader.flag("packing", False):
        longest = reader.count("packing_length", limit)
        return batch * longest / spread, longest
    if kind in _WRITES and reader.number("lmbda", 0.5, 0) > 0:
        written = reader.count("response_length" if reader.text("response_length") else "max_completion_length", 512)
        longest += written
        mean += written
    batch *= 2 if kind in _PAIRED else 1
    if reader.flag("padding_free", train.megatron):
        return (longest + (batch - 1) * mean) / spread, longest
    return batch * longest / spread, longest


def _deepspeed(reader: _Reader) -> tuple[int | None, float, bool]:
    """DeepSpeed's stage, and whether it keeps the optimizer and the weights in the machine's memory."""
    value = reader.args.get("deepspeed")
    if isinstance(value, Mapping):
        zero = value.get("zero_optimization")
        zero = zero if isinstance(zero, Mapping) else {}
        stage = zero.get("stage", 0)
        away = ["cpu" in str(zero.get(name, "")) for name in ("offload_optimizer", "offload_param")]
        if type(stage) is int and 0 <= stage <= 3:
            return stage, float(away[0]), away[1]
    text = reader.text("deepspeed")
    if value is None or text in ("", "none"):
        return None, 0.0, False
    name, _, offload = text.partition("_")
    if name in _STAGES and offload in ("", "offload"):
        return _STAGES[name], float(offload == "offload"), offload == "offload" and name == "zero3"
    reader.assumed.append(f"deepspeed: {text[-60:]} is not read: zero2 assumed")
    return 2, 0.0, False


def _bits(reader: _Reader, shape: Shape, full: bool) -> float:
    """Bits of a linear layer's frozen weight, with the scales that its quantisation keeps."""
    bits = reader.count("quant_bits", 0) if reader.text("quant_bits") else shape.stored_bits
    if not bits or full:
        return _BITS.get(reader.text("torch_dtype"), 8.0 * shape.dtype_bytes)
    if bits == 4 and reader.text("quant_method") == "bnb":
        # a scale for 64 weights, in 32 bits, or in 8 where the scales are quantised too (QLoRA, arXiv 2305.14314)
        return 4.13 if reader.flag("bnb_4bit_use_double_quant", True) else 4.5
    return bits + 0.25 if bits < 8 else float(bits)


def _rank(reader: _Reader) -> int:
    if reader.text("tuner_type") == "adalora":
        return reader.count("adalora_init_r", 12)
    return reader.count("lora_rank", 8)


def _optimizer(reader: _Reader) -> str:
    if name := reader.text("optimizer"):
        reader.assumed.append(f"optimizer: {name[:40]}: as much as AdamW assumed")
    return reader.text("optim", "adamw_torch_fused")


def _cpu_fraction(reader: _Reader) -> float:
    if not reader.flag("optimizer_cpu_offload", False):
        return 0.0
    return min(reader.number("optimizer_offload_fraction", 1.0, 0), 1.0)


def _chunk(train: Train) -> int:
    """Tokens whose loss is taken at once; 0 for all."""
    text = train.env.get("CELOSS_PARALLEL_SIZE", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _reference(reader: _Reader, kind: str, full: bool) -> bool:
    """Whether a second, frozen copy of the model is held; with an adapter, the model without it serves."""
    if kind == "grpo" and reader.number("beta", 0.04, 0) == 0:
        return False
    return kind in ("dpo", "kto", "ppo", "grpo") and (full or bool(reader.text("ref_model")))
