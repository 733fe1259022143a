"""A model's shape, from what lies in its folder: config.json in Hugging Face's form, and its weights' headers."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.store.safetensors import HEADER_MAX

CONFIG_MAX = 16 << 20
"""Bytes of a config.json or an index at most; real ones have kilobytes."""
NUMBER_MAX = 10**9
"""No width, depth or vocabulary is larger."""
PARAMETERS_MAX = 10**14

_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_NESTED = ("thinker_config", "text_config", "llm_config", "language_config")
"""Where a model that also sees or hears keeps its language model; a thinker holds a text_config of its own."""
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_LAYERS = ("num_hidden_layers", "num_layers", "n_layer", "depth")
_HEADS = ("num_attention_heads", "n_head", "num_heads")
_PLAIN_MLP = ("gpt2", "gpt_neox", "gpt_bigcode", "opt", "bloom", "falcon", "phi", "starcoder2")
"""Architectures whose feed-forward has two matrices; the others' has a gate too."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How large a model is; parameters are counts, and `expert_parameters` and `vision` are part of the total.

    `stored_bits` are those of a published quantised weight, 0 where it is none.
    """

    parameters: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    positions: int
    tied: bool = False
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_intermediate: int = 0
    expert_parameters: int = 0
    vision: int = 0
    dtype_bytes: int = 2
    stored_bits: int = 0

    @property
    def query(self) -> int:
        """The width of all heads together."""
        return self.heads * self.head_dim

    @property
    def key(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def vocabulary(self) -> int:
        """Parameters of the embedding, and of the output layer where it is another."""
        return self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def active_intermediate(self) -> int:
        """The feed-forward's width that one token goes through."""
        if not self.experts:
            return self.intermediate
        return self.experts_per_token * self.expert_intermediate + self.shared_intermediate


class _Odd(Exception):
    """The config does not say what is asked, or says what no model has."""


def read(folder: Path) -> Shape | None:
    """The shape of the model in a folder; None where its config.json does not tell. No file is trusted."""
    config = _json(folder / "config.json")
    if config is None:
        return None
    try:
        shape = _shape(config)
    except (_Odd, RecursionError):
        return None
    counted = 0 if shape.stored_bits else _stored(folder, shape.dtype_bytes)
    if not 0 < counted <= PARAMETERS_MAX:
        return shape
    # the experts cannot be more than all there is
    experts = min(shape.expert_parameters, counted)
    return Shape(**{**vars(shape), "parameters": counted, "expert_parameters": experts})


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():  # a pipe would be waited for
        return None
    try:
        with path.open("rb") as file:
            text = file.read(CONFIG_MAX + 1)
        found = json.loads(text) if len(text) <= CONFIG_MAX else None
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _number(config: Mapping[str, Any], names: tuple[str, ...], default: int | None = None) -> int:
    for name in names:
        value = config.get(name)
        if value is not None:
            if type(value) is not int or not 0 <= value <= NUMBER_MAX:
                raise _Odd(name)
            if value:
                return value
    if default is None:
        raise _Odd(names[0])
    return default


def _shape(config: Mapping[str, Any]) -> Shape:
    text = config
    for name in _NESTED:
        inner = text.get(name)
        if isinstance(inner, dict):
            text = inner
    kind = str(text.get("model_type", ""))
    hidden, layers, heads = (_number(text, names) for names in (_HIDDEN, _LAYERS, _HEADS))
    intermediate = _number(text, ("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim"), 4 * hidden)
    if kind == "qwen":  # the first Qwen's number is of both halves
        intermediate //= 2
    vocab = _number(text, ("vocab_size", "padded_vocab_size"))
    head_dim = _number(text, ("head_dim", "kv_channels"), max(hidden // heads, 1))
    kv_heads = _number(text, ("num_key_value_heads", "multi_query_group_num", "num_kv_heads"), heads)
    tied = bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", False)))
    experts = _number(text, ("num_experts", "n_routed_experts", "num_local_experts"), 0)
    each = _number(text, ("moe_intermediate_size",), intermediate) if experts else 0
    shared = _number(text, ("n_shared_experts",), 0) * each if experts else 0
    shared = _number(text, ("shared_expert_intermediate_size",), shared) if experts else 0
    sparse = layers - min(_number(text, ("first_k_dense_replace",), 0), layers) if experts else 0
    matrices = 2 if kind in _PLAIN_MLP else 3
    in_experts = sparse * experts * matrices * hidden * each
    dense = matrices * hidden * ((layers - sparse) * intermediate + sparse * shared) + sparse * hidden * experts
    vocabulary = vocab * hidden * (1 if tied else 2)
    vision = _vision(config.get("vision_config")) + _vision(config.get("visual"))
    layer = _attention(text, hidden, heads * head_dim, kv_heads * head_dim) + 2 * hidden
    total = layers * layer + in_experts + dense + vocabulary + hidden + vision
    if total > PARAMETERS_MAX:
        raise _Odd("parameters")
    return Shape(
        parameters=total,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=intermediate,
        vocab=vocab,
        positions=_number(text, ("max_position_embeddings", "seq_length", "n_positions"), 32768),
        tied=tied,
        experts=experts,
        experts_per_token=_number(text, ("num_experts_per_tok", "moe_topk", "top_k_experts"), 1) if experts else 0,
        expert_intermediate=each,
        shared_intermediate=shared,
        expert_parameters=in_experts,
        vision=vision,
        dtype_bytes=_BYTES.get(str(text.get("dtype") or text.get("torch_dtype") or config.get("torch_dtype")), 2),
        stored_bits=_stored_bits(config.get("quantization_config")),
    )


def _attention(text: Mapping[str, Any], hidden: int, query: int, key: int) -> int:
    """Parameters of one layer's attention; DeepSeek's compresses keys and values, and maybe queries."""
    rank = _number(text, ("kv_lora_rank",), 0)
    if not rank:
        return 2 * hidden * query + 2 * hidden * key
    heads = _number(text, _HEADS)
    rope, plain, value = (_number(text, (n,), 0) for n in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"))
    low = _number(text, ("q_lora_rank",), 0)
    queries = low * (hidden + heads * (rope + plain)) if low else hidden * heads * (rope + plain)
    return queries + hidden * (rank + rope) + rank * heads * (plain + value) + heads * value * hidden


def _vision(config: Any) -> int:
    """Parameters of a vision tower, about: its layers alone."""
    if not isinstance(config, dict):
        return 0
    try:
        hidden = _number(config, ("embed_dim", *_HIDDEN, "width"))
        return _number(config, (*_LAYERS, "layers")) * (
            4 * hidden * hidden + 2 * hidden * _number(config, ("intermediate_size",), 4 * hidden)
        )
    except _Odd:
        return 0


def _stored_bits(config: Any) -> int:
    """Bits of one weight that was published quantised; MXFP4 is none, ms-swift trains it as bfloat16."""
    if not isinstance(config, dict) or config.get("quant_method") in (None, "mxfp4"):
        return 0
    for bits in (config.get("bits"), config.get("nbits")):
        if type(bits) is int and 0 < bits <= 16:
            return bits
    if config.get("load_in_4bit") is True:
        return 4
    return 8


def _stored(folder: Path, dtype_bytes: int) -> int:
    """Parameters in the folder's weights, from their index or header alone; 0 where neither can be read."""
    index = _json(folder / "model.safetensors.index.json")
    metadata = index.get("metadata") if index else None
    size = metadata.get("total_size") if isinstance(metadata, dict) else None
    if isinstance(size, (int, float)) and 0 < size <= 8 * PARAMETERS_MAX:
        return int(size) // dtype_bytes
    return sum(_counts(folder / "model.safetensors"))


def _counts(path: Path) -> Iterator[int]:
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= HEADER_MAX else {}
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        shapes = [entry["shape"] for entry in entries]
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return
    for shape in shapes:
        if isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and 0 <= n <= 10**12 for n in shape):
            yield math.prod(shape)
