"""How much memory each GPU of a training takes at its peak, by part, before a GPU is taken.

Counted, not simulated: docs/estimates.md says how, and what it is worth.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from swiftci.config.train import Train
from swiftci.evidence import activations
from swiftci.evidence.recipe import Recipe, Rows
from swiftci.evidence.recipe import read as recipe_of
from swiftci.evidence.shape import Shape

GIB = 1 << 30

OVERHEAD = 4.9 * GIB
"""What a process takes besides: libraries' workspaces, and what PyTorch reserves and cannot use; fitted."""
OVERHEAD_SHARE = 0.6
"""It is at most this of the rest, or a small model's estimate would be nothing else."""

_LIVE = 10**9
"""Parameters that ZeRO-3 holds gathered, and that it steps at once, at most (ms-swift's zero3.json)."""
_BUCKET = 2 * 10**8
"""Elements of each of ZeRO-1's and ZeRO-2's two buckets (ms-swift's zero2.json)."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on the fullest GPU at the peak; `others` are a reference's, a reward's or a teacher's weights."""

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    others: int
    overhead: int
    assumed: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, int]:
        """Bytes by name, in the order of a report."""
        return {name: value for name, value in vars(self).items() if name != "assumed"}

    @property
    def total(self) -> int:
        return sum(self.parts.values())


def estimate(
    train: Train, shape: Shape, *, rows: Rows | None = None, others: Mapping[str, Shape] | None = None
) -> Memory:
    """The peak of a training on GPUs; `others` are the shapes of `teacher_model` and `reward_model`, by argument.

    Without `rows`, every row is taken to be as long as `max_length` allows.
    """
    recipe = recipe_of(train, shape, rows)
    besides, assumed = _besides(recipe, train, shape, others or {})
    dense, experts = _held(recipe, shape)
    trained = (dense - shape.vision * recipe.frozen_vision, experts) if recipe.full else _adapter(recipe, shape)
    if recipe.kind == "ppo":  # the value model is trained too
        trained = (2 * trained[0], 2 * trained[1])
    own, gradients, optimizer = (
        _states_megatron(recipe, *trained) if recipe.megatron else _states(recipe, shape, trained)
    )
    parts = {
        "weights": _weights(recipe, shape, dense + experts, own),
        "adapter": 0.0 if recipe.full else own,
        "gradients": gradients,
        "optimizer": optimizer,
        "activations": activations.layers(recipe, shape),
        "logits": activations.logits(recipe, shape),
        "others": sum(_frozen(recipe, one) for one in besides),
    }
    parts["overhead"] = min(OVERHEAD, OVERHEAD_SHARE * sum(parts.values()))
    return Memory(**{name: int(size) for name, size in parts.items()}, assumed=(*recipe.assumed, *assumed))


def _besides(recipe: Recipe, train: Train, shape: Shape, others: Mapping[str, Shape]) -> tuple[list[Shape], list[str]]:
    """The models held beside the trained one, and what was assumed of them."""
    found, assumed = [], []
    for name, kinds in (("teacher_model", ("gkd",)), ("reward_model", ("ppo", "grpo"))):
        away = name == "teacher_model" and recipe.teacher_away
        if recipe.kind in kinds and name in train.args and not away:
            if name not in others:
                assumed.append(f"{name}: as large as the model assumed")
            # ppo's value model starts as a copy of the reward model
            found += [others.get(name, shape)] * (2 if recipe.kind == "ppo" else 1)
    return found + [shape] * recipe.reference, assumed


def _held(recipe: Recipe, shape: Shape) -> tuple[float, float]:
    """Parameters of one GPU before ZeRO shards them: all but experts, and experts."""
    rest = shape.parameters - shape.expert_parameters
    if not recipe.megatron:
        return rest / recipe.share, shape.expert_parameters / recipe.share
    ends = shape.vocabulary if recipe.pipeline == 1 else shape.vocab * shape.hidden
    dense = (max(rest - shape.vocabulary, 0) / recipe.pipeline + ends) / recipe.tensor
    return dense, shape.expert_parameters / (recipe.expert * recipe.expert_tensor * recipe.pipeline)


def _adapter(recipe: Recipe, shape: Shape) -> tuple[float, float]:
    """An adapter's parameters on one GPU, likewise."""
    sides = list(_sides(recipe, shape))
    each = sum(recipe.rank * (into + out) + (out if recipe.dora else 0) for into, out in sides)
    experts = 0
    if shape.experts and recipe.megatron and recipe.feeds_forward:
        experts = shape.layers * shape.experts * recipe.rank * (2 * shape.hidden + 3 * shape.expert_intermediate)
    saved = recipe.saved_modules * shape.vocab * shape.hidden
    split = recipe.pipeline * recipe.tensor * recipe.share
    return (shape.layers * each + saved) / split, experts / (recipe.expert * recipe.expert_tensor * recipe.pipeline)


def _sides(recipe: Recipe, shape: Shape) -> Iterator[tuple[int, int]]:
    """Inputs and outputs of the matrices in one layer that have an adapter, experts' apart."""
    hidden, query, key = shape.hidden, shape.query, shape.key
    wide = shape.shared_intermediate if shape.experts else shape.intermediate
    sides = {
        "q_proj": (hidden, query), "k_proj": (hidden, key), "v_proj": (hidden, key), "o_proj": (query, hidden),
        "gate_proj": (hidden, wide), "up_proj": (hidden, wide), "down_proj": (wide, hidden),
    }  # fmt: skip
    if recipe.megatron:
        sides = {
            "linear_qkv": (hidden, query + 2 * key), "linear_proj": (query, hidden),
            "linear_fc1": (hidden, 2 * wide), "linear_fc2": (wide, hidden),
        }  # fmt: skip
    chosen = [sides[name] for name in recipe.targets if name in sides]
    yield from chosen if chosen else [side for side in sides.values() if all(side)]


def _states(recipe: Recipe, shape: Shape, trained: tuple[float, float]) -> tuple[float, float, float]:
    """Bytes of what is trained, of its gradients, and of its optimizer, without Megatron."""
    count = sum(trained)
    if recipe.zero is None:
        # an adapter is in four bytes (peft), and what it saves whole in the model's; so is all in full training
        half = count if recipe.full else recipe.saved_modules * shape.vocab * shape.hidden / recipe.share
        width = 4.0 if recipe.fsdp else (recipe.half_bytes * half + 4 * (count - half)) / max(count, 1)
        count /= recipe.world if recipe.fsdp else 1
        step = width * count if recipe.optimizer == "adamw_torch" else 0  # it takes all roots at once
        return width * count, width * count, _moments(recipe, shape, count, width) + step
    stage, world = recipe.zero, recipe.world
    part = count / world if stage else count
    at_once = min(part, _LIVE) if stage == 3 else part
    # the gradients in four bytes, and as many for the roots
    step = at_once * (8 if recipe.optimizer == "adamw_torch" else 4)
    buckets = 4 * min(_BUCKET, count) if stage in (1, 2) else 0
    states = (4 * part + _moments(recipe, shape, part, 4) + step) * (1 - recipe.offload_optimizer)
    return 2 * count / (world if stage == 3 else 1), 2 * count / (world if stage > 1 else 1), states + buckets


def _moments(recipe: Recipe, shape: Shape, count: float, width: float) -> float:
    """Bytes of what the optimizer remembers for each parameter."""
    if recipe.galore_rank and recipe.full:
        vocabulary = min(shape.vocabulary / recipe.share, count)
        share = min(3 * recipe.galore_rank / shape.hidden, 2)
        return width * (2 * vocabulary + share * (count - vocabulary))
    name = recipe.optimizer
    one = 1 if any(word in name for word in ("lion", "rmsprop")) else 3 if "ademamix" in name else 2
    if "sgd" in name or "adafactor" in name:
        return 0
    return count * one * (1 if "8bit" in name else width)


def _states_megatron(recipe: Recipe, dense: float, experts: float) -> tuple[float, float, float]:
    """The same with Megatron: its distributed optimizer shards the states over the copies of the model."""
    count = dense + experts
    state = (4 + recipe.moments_bytes) * (1 - recipe.offload_optimizer)
    spread = dense / recipe.data_parallel / recipe.context + experts / recipe.expert_data_parallel
    return 2 * count, 4 * count, state * spread


def _weights(recipe: Recipe, shape: Shape, held: float, own: float) -> float:
    vocabulary = min(shape.vocabulary / recipe.tensor / recipe.share, held)
    size = (held - vocabulary) * recipe.bits / 8 + vocabulary * recipe.half_bytes
    if recipe.fsdp:
        layer = (shape.parameters - shape.vocabulary) / shape.layers
        kept = own if recipe.full else size / recipe.world
        return kept + recipe.half_bytes * (2 * layer + shape.vocabulary)
    if recipe.zero != 3:
        return size
    kept = 0 if recipe.offload_weights else size / recipe.world
    return kept + min(size, recipe.half_bytes * _LIVE)


def _frozen(recipe: Recipe, shape: Shape) -> float:
    """Bytes of another model's weights, which are split as the trained one's are."""
    size = 2 * sum(_held(recipe, shape))
    if recipe.offload_weights:
        return 0
    return size / recipe.world if recipe.zero == 3 or recipe.fsdp else size
