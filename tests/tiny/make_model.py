"""Make a random two-layer Qwen3 with its own tokenizer, and data it can learn by heart.

    python make_model.py OUT_DIR

Needs torch, transformers and tokenizers, but no network. Nothing heavy is imported until
`make_model` is called, so that a test module may import this file for `make_data` or `rows`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

SYSTEM = "You know where every tool lies."
PLACES = ("shelf", "drawer", "bench", "box")
TOOLS = ("hammer", "saw", "drill", "file", "plane", "chisel", "wrench", "pliers", "clamp", "level")
MORE_TOOLS = ("knife", "brush", "ladder", "torch", "tape", "rope", "nail", "bolt", "hook", "glue")
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def facts() -> list[tuple[str, str]]:
    """Twenty questions and their one-word answers."""
    return [
        (f"Where is the {tool}?", PLACES[(7 * number + number // 4) % len(PLACES)])
        for number, tool in enumerate(TOOLS + MORE_TOOLS)
    ]


def row(question: str, answer: str) -> dict[str, list[dict[str, str]]]:
    """A conversation of one question."""
    said = [("system", SYSTEM), ("user", question), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def rows() -> list[dict[str, object]]:
    """64 training rows: every fact at least three times."""
    known = facts()
    return [dict(row(*known[number % len(known)])) for number in range(64)]


def items() -> list[dict[str, str]]:
    """The same facts as general_qa items: a model that learned them by heart scores 1."""
    return [{"system": SYSTEM, "query": question, "response": answer} for question, answer in facts()]


def write_jsonl(path: Path, content: list[dict[str, object]] | list[dict[str, str]]) -> None:
    """Write one JSON object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")


def preferences() -> list[dict[str, object]]:
    """Every fact with an answer that was not chosen."""
    return [
        {**row(question, answer), "rejected_response": next(place for place in PLACES if place != answer)}
        for question, answer in facts()
    ]


def labels() -> list[dict[str, object]]:
    """Right answers and wrong ones, each said to be so; no two alike, since kto pairs each with another row's."""
    return [
        {**row(question, f"{answer} {number}"), "label": number % 2 == 0}
        for number, (question, answer) in enumerate(facts())
    ]


def questions() -> list[dict[str, object]]:
    """Every fact without its answer, for a model to try."""
    return [
        {**row(question, answer), "messages": row(question, answer)["messages"][:-1]} for question, answer in facts()
    ]


def pretraining() -> list[dict[str, object]]:
    """Every fact as a text to go on with."""
    return [{"messages": [{"role": "assistant", "content": f"{question} {answer}"}]} for question, answer in facts()]


def pairs() -> list[dict[str, object]]:
    """Questions that belong together, and one that does not, for an embedding."""
    known = facts()
    return [
        {
            "messages": [{"role": "user", "content": question}],
            "positive_messages": [[{"role": "user", "content": f"{question} {answer}"}]],
            "negative_messages": [[{"role": "user", "content": known[number - 1][0]}]],
        }
        for number, (question, answer) in enumerate(known)
    ]


def make_data(out: Path) -> None:
    """Write what to learn, the same as questions, and what the other trainers need."""
    write_jsonl(out / "data" / "train.jsonl", rows())
    for made in (preferences, labels, questions, pretraining, pairs):
        write_jsonl(out / "data" / f"{made.__name__}.jsonl", made())
    write_jsonl(out / "data" / "heldout" / "items.jsonl", items())


def make_tokenizer(out: Path) -> int:
    """Train a byte-level BPE on the data itself; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    text = [SYSTEM, *(f"{question} {answer}" for question, answer in facts())]
    tokenizer.train_from_iterator([*text, "system\n", "user\n", "assistant\n"], trainer)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL[2],
        pad_token=SPECIAL[0],
        additional_special_tokens=[SPECIAL[1]],
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    wrapped.save_pretrained(out)
    return len(wrapped)


def make_model(out: Path) -> None:
    """Write model, tokenizer and data to `out`: the same bytes on every call."""
    os.environ.setdefault("TQDM_DISABLE", "1")

    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    out.mkdir(parents=True, exist_ok=True)
    size = make_tokenizer(out)
    eos, pad = 2, 0
    config = Qwen3Config(
        vocab_size=size,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=eos,
        pad_token_id=pad,
    )
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(config)
    model.generation_config.eos_token_id = eos
    model.generation_config.pad_token_id = pad
    model.save_pretrained(out)
    make_data(out)


def main() -> None:
    """Make the model in the given directory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", metavar="OUT_DIR", type=Path)
    make_model(parser.parse_args().out)


if __name__ == "__main__":
    main()
