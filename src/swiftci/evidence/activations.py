"""What a training keeps of its forward for its backward, in bytes on one GPU: layers and logits.

Counted by tensor: a layer keeps the inputs of its matrices, norms and gate, in two bytes an element.
"""

from swiftci.evidence.recipe import Recipe
from swiftci.evidence.shape import Shape

LOGIT_BYTES = 8.0
"""Bytes at the peak for one entry of the logits, over their copies in two and in four bytes; fitted."""
LAYER = 2.0
"""How many times what it keeps the layer takes whose backward runs; fitted."""

_NORM_BYTES = 8
"""transformers' two norms keep their inputs in four bytes each."""


def layers(recipe: Recipe, shape: Shape) -> float:
    """Bytes for all layers of one GPU."""
    tokens = recipe.tokens / recipe.context
    one = tokens * _token(recipe, shape)
    on_gpu = shape.layers / recipe.pipeline / recipe.share * recipe.in_flight
    if not recipe.checkpointing:
        return (on_gpu + LAYER) * one
    kept = 2 * shape.hidden * tokens / (recipe.tensor if recipe.sequence_parallel else 1)
    return on_gpu * kept + LAYER * one


def logits(recipe: Recipe, shape: Shape) -> float:
    """Bytes for the output layer's result and its loss; with Liger's fused loss, a slice of it at a time."""
    if not recipe.head:
        return 0.0
    tokens = recipe.tokens / recipe.context
    width = shape.vocab / recipe.tensor
    models = 2 if recipe.kind == "gkd" else 1  # the teacher's too
    if recipe.liger and not recipe.kind:
        gradient = 2 * shape.hidden * width if recipe.full else 0
        return LOGIT_BYTES * min(tokens * shape.hidden, tokens * width) + gradient
    if recipe.chunk:
        # all of them in two bytes, with a gradient; the rest slice by slice
        return width * (4 * tokens + max(LOGIT_BYTES - 4, 0) * min(recipe.chunk, tokens))
    return models * LOGIT_BYTES * tokens * width


def _token(recipe: Recipe, shape: Shape) -> float:
    """Bytes that a layer keeps for one token."""
    hidden, heads, wide = shape.hidden, 4 * shape.query + 6 * shape.key, shape.active_intermediate
    along = recipe.tensor if recipe.sequence_parallel else 1
    narrow = 12 * hidden + (0 if recipe.megatron or recipe.liger else _NORM_BYTES * hidden)
    if shape.experts:  # the tokens as they go to their experts and as they come back
        narrow += 4 * hidden * shape.experts_per_token
    gate = (4 if recipe.liger else 6 if recipe.megatron else 8) * wide
    scores = 8 * shape.heads * recipe.longest if recipe.eager else 0
    return narrow / along + (heads + gate + scores + _adapter_inputs(recipe, shape)) / recipe.tensor


def _adapter_inputs(recipe: Recipe, shape: Shape) -> float:
    """Bytes of an adapter's own copies of what its matrices take in: cast, dropped out, and the mask."""
    if recipe.full:
        return 0
    attention = (1 if recipe.megatron else 3) * shape.hidden + shape.query
    inner = (1 if recipe.megatron else 2) * shape.hidden
    if shape.experts:
        chosen = shape.experts_per_token if recipe.megatron else 0
        feed = inner * chosen + (shape.active_intermediate if recipe.megatron else shape.shared_intermediate)
    else:
        feed = inner + shape.intermediate
    return (5 if recipe.megatron else 9) * (attention + (feed if recipe.feeds_forward else 0))
