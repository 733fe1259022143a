"""A model's shape: counted as published, and safe with any config.json and any weights."""

import json
import os
from pathlib import Path

import pytest

from swiftci.evidence import memory, shape
from tests.evidence import memory_table as published
from tests.evidence.test_memory import total, train


@pytest.mark.parametrize("name", published.data()["models"])
def test_a_models_parameters_are_counted_from_its_config(name: str) -> None:
    assert published.model(name).parameters == pytest.approx(published.data()["models"][name]["parameters"], rel=5e-4)


SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}
DEEP = "[" * 100_000 + "]" * 100_000
HOSTILE = {
    "empty": "",
    "no-json": "{",
    "not-utf8": b"\xff\xfe{}",
    "a-list": "[]",
    "a-number": "7",
    "deep": DEEP,
    "deep-inside": json.dumps(SMALL)[:-1] + ', "x": ' + DEEP + "}",
    "deep-type": json.dumps(SMALL)[:-1] + ', "vocab_size": ' + "[" * 900 + "]" * 900 + "}",
    "nothing": "{}",
    "text-for-a-number": json.dumps({**SMALL, "hidden_size": "64"}),
    "a-fraction": json.dumps({**SMALL, "num_hidden_layers": 2.5}),
    "true": json.dumps({**SMALL, "num_hidden_layers": True}),
    "a-list-for-a-number": json.dumps({**SMALL, "num_attention_heads": [4, 4]}),
    "zero": json.dumps({**SMALL, "num_attention_heads": 0}),
    "negative": json.dumps({**SMALL, "num_hidden_layers": -2}),
    "huge": json.dumps({**SMALL, "hidden_size": 10**30}),
    "huge-product": json.dumps({**SMALL, "hidden_size": 10**9, "num_hidden_layers": 10**9}),
    "endless-digits": json.dumps(SMALL)[:-1] + ', "hidden_size": ' + "9" * 10_000 + "}",
    "infinite": json.dumps({**SMALL, "vocab_size": float("inf")}),
    "many-experts": json.dumps({**SMALL, "num_experts": 10**9, "moe_intermediate_size": 10**9}),
    "nested-in-vain": json.dumps({"text_config": {"text_config": {}}}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_config_that_makes_no_sense_has_no_shape(text: str | bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())

    assert shape.read(tmp_path) is None


@pytest.mark.parametrize("kind", ["absent", "a folder", "a pipe", "too large"])
def test_a_config_that_is_no_file_has_no_shape(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "too large":
        path.write_text(json.dumps(SMALL) + " " * shape.CONFIG_MAX)

    assert shape.read(tmp_path) is None


ODD = {
    "vision_config": [1],
    "quantization_config": "awq",
    "torch_dtype": {"a": []},
    "tie_word_embeddings": "yes",
    "first_k_dense_replace": 10**6,
    "dtype": 7,
    "max_position_embeddings": None,
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_that_decides_little_does_not_hide_the_shape(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**SMALL, name: ODD[name]}))

    found = shape.read(tmp_path)

    assert found
    assert memory.estimate(train(), found).total > 0


def test_a_vision_models_language_model_is_read_and_its_tower_counted(tmp_path: Path) -> None:
    # Qwen2.5-VL-7B-Instruct's numbers; its own header counts 8.29e9
    tower = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584}
    text = published.data()["models"]["Qwen2.5-7B"]["config"]
    (tmp_path / "config.json").write_text(json.dumps({"text_config": text, "vision_config": tower}))

    found = shape.read(tmp_path)

    assert found
    assert (found.layers, found.hidden) == (28, 3584)
    assert found.parameters == pytest.approx(8.29e9, rel=0.03)
    assert total(train(tuner_type="full"), found) < total(train(tuner_type="full", freeze_vit=False), found)


def test_what_the_weights_hold_wins_over_what_the_config_lets_one_count(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**SMALL, "torch_dtype": "bfloat16"}))
    header = json.dumps({"__metadata__": {}, "a": {"dtype": "BF16", "shape": [300, 7], "data_offsets": [0, 4200]}})
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    one = shape.read(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 8000}}))
    split = shape.read(tmp_path)

    assert one
    assert split
    assert (one.parameters, split.parameters) == (2100, 4000)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff" * 16,
        b"\x02\0\0\0\0\0\0\0[]",
        b'\x0b\0\0\0\0\0\0\0{"a":[1,2]}',
        b'\x12\0\0\0\0\0\0\0{"a":{"shape":-1}}',
    ],
)
def test_damaged_weights_leave_the_count_of_the_config(header: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(SMALL))
    counted = shape.read(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(header)
    (tmp_path / "model.safetensors.index.json").write_text('{"metadata": {"total_size": Infinity}}')

    assert shape.read(tmp_path) == counted
