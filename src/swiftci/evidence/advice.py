"""What to change in a training that ran out of memory: least harm to its result first, each with its estimate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from swiftci.config.arguments import Arguments
from swiftci.config.train import Train
from swiftci.evidence import memory
from swiftci.evidence.recipe import Recipe, Rows
from swiftci.evidence.recipe import read as recipe_of
from swiftci.evidence.shape import Shape

WORTH = 0.03
"""An advice that saves less of the estimate is not given."""
SHORTEST = 512
"""Tokens below which max_length is not advised to go."""


@dataclass(frozen=True, kw_only=True)
class Advice:
    """Arguments to change, what that costs, and bytes per GPU with this and all advice before it."""

    changes: Mapping[str, str]
    cost: str
    total: int


def advise(
    train: Train, shape: Shape, *, rows: Rows | None = None, others: Mapping[str, Shape] | None = None
) -> list[Advice]:
    """What to change, in order, each on top of those before; empty where nothing helps by 3 %.

    A reader follows them until `total` fits; a later change of an argument replaces an earlier one.
    """
    before = memory.estimate(train, shape, rows=rows, others=others).total
    given = []
    for step in _MEGATRON if train.megatron else _STEPS:
        recipe = recipe_of(train, shape, rows)
        for changes, cost in step(train, recipe, shape):
            changed = replace(train, args=Arguments({**train.args, **changes}))
            after = memory.estimate(changed, shape, rows=rows, others=others).total
            if after <= before * (1 - WORTH):
                given.append(Advice(changes=changes, cost=cost, total=after))
                train, before = changed, after
                recipe = recipe_of(train, shape, rows)
    return given


_Step = Iterator[tuple[dict[str, str], str]]
_SAME = "the result stays"


def _checkpointing(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if not recipe.checkpointing:
        yield {"gradient_checkpointing": "true"}, f"{_SAME}; a third slower"


def _kernels(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if not recipe.liger:
        yield {"use_liger_kernel": "true"}, f"{_SAME}; needs liger-kernel"
    if recipe.eager:
        yield {"attn_impl": "flash_attn"}, f"{_SAME}; needs flash-attn"
    if recipe.optimizer == "adamw_torch":
        yield {"optim": "adamw_torch_fused"}, _SAME


def _batch(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    batch = _whole(train, "per_device_train_batch_size", 1)
    if batch > 1:
        # 16 rows a step are ms-swift's own default
        steps = _whole(train, "gradient_accumulation_steps", max(1, -(-16 // (batch * recipe.world))))
        changes = {"per_device_train_batch_size": "1", "gradient_accumulation_steps": str(batch * steps)}
        yield changes, "as many rows a step; slower"


def _shards(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if recipe.world == 1 or recipe.share > 1 or recipe.fsdp:
        return
    stage = recipe.zero or 0
    if stage < 2:
        yield {"deepspeed": "zero2"}, f"{_SAME}; needs deepspeed"
    if stage < 3 and recipe.bits > 8:
        yield {"deepspeed": "zero3"}, f"{_SAME}; slower"
    if not recipe.offload_optimizer:
        yield {"deepspeed": "zero3_offload"}, f"{_SAME}; much slower, and needs the machine's memory"


def _sequence(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    # each row goes over several GPUs, so fewer rows are done at once
    able = recipe.kind in ("", "dpo", "grpo") and recipe.share == 1
    if able and recipe.world > 1 and "sequence_parallel_size" not in train.args:
        yield {"sequence_parallel_size": str(recipe.world)}, f"{_SAME}; fewer rows at once, needs flash-attn"


def _quantise(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if recipe.half_bytes == 4:
        yield {"torch_dtype": "bfloat16"}, "numbers keep three digits instead of seven"
    if recipe.full:
        if recipe.zero is None and "8bit" not in recipe.optimizer:
            yield {"optim": "adamw_8bit"}, "the optimizer remembers in 8 bits; needs bitsandbytes"
    elif recipe.bits >= 16 and recipe.zero != 3 and not recipe.fsdp:
        yield {"quant_method": "bnb", "quant_bits": "4"}, "the weights are rounded to 4 bits; needs bitsandbytes"


def _length(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    half = recipe.longest // 2
    if half >= SHORTEST:
        yield {"max_length": str(half)}, "longer rows are left out"


def _tuner(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if recipe.full:
        yield {"tuner_type": "lora"}, "only an adapter is trained"
    elif recipe.rank > 8:
        yield {"lora_rank": "8"}, "the adapter holds less"


def _recompute(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if not recipe.checkpointing:
        changes = {"recompute_granularity": "full", "recompute_method": "uniform", "recompute_num_layers": "1"}
        yield changes, f"{_SAME}; a third slower"
    if _whole(train, "micro_batch_size", 1) > 1:
        yield {"micro_batch_size": "1"}, "as many rows a step; slower"


def _split(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if recipe.tensor > 1 and not recipe.sequence_parallel:
        yield {"sequence_parallel": "true"}, _SAME
    experts, groups = 2 * recipe.expert, recipe.expert_tensor * recipe.pipeline
    while shape.experts and shape.experts % experts == 0 and recipe.world % (experts * groups) == 0:
        yield {"expert_model_parallel_size": str(experts)}, f"{_SAME}; more traffic between GPUs"
        experts *= 2
    tensor, groups = 2 * recipe.tensor, recipe.pipeline * recipe.context
    while shape.kv_heads % tensor == 0 and recipe.world % (tensor * groups) == 0:
        yield {"tensor_model_parallel_size": str(tensor), "sequence_parallel": "true"}, f"{_SAME}; slower"
        tensor *= 2


def _offload(train: Train, recipe: Recipe, shape: Shape) -> _Step:
    if not recipe.offload_optimizer:
        changes = {"optimizer_cpu_offload": "true", "use_precision_aware_optimizer": "true"}
        yield changes, f"{_SAME}; much slower, and needs the machine's memory"


_STEPS = (_checkpointing, _kernels, _batch, _shards, _sequence, _quantise, _length, _tuner)
_MEGATRON = (_recompute, _split, _offload, _length, _tuner)


def _whole(train: Train, name: str, default: int) -> int:
    value = train.args.get(name)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else default
