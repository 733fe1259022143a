"""What a failure for lack of memory advises, and what is estimated before GPU time is spent."""

import json

import pytest

from swiftci.spec.error import ToolError
from swiftci.stages import needs
from swiftci.tools.known_failures import HOST_MEMORY, TRAIN_MEMORY
from tests.fake.repository import Repository
from tests.stages.stand import context

MODEL = {"model_type": "qwen3", "hidden_size": 2560, "num_hidden_layers": 36, "num_attention_heads": 32}
MODEL |= {"num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 9728, "vocab_size": 151936}


@pytest.fixture
def large(repository: Repository) -> Repository:
    """A repository that trains a model of 4 billion parameters on a card."""
    (repository.root / "model/config.json").write_text(json.dumps(MODEL))
    (repository.root / "model/model.safetensors").unlink()
    repository.config["train"]["gpus"] = 1
    repository.config["train"]["args"] |= {"per_device_train_batch_size": 4, "tuner_type": "full"}
    repository.write()
    return repository


def hint(repository: Repository, before: str) -> str:
    return needs.advised(ToolError(message="memory ran out", kind="memory", hint=before), context(repository)).hint


def test_lack_of_a_gpus_memory_is_answered_with_estimates(large: Repository) -> None:
    found = hint(large, f"first this; then {TRAIN_MEMORY}")

    assert found.startswith("first this; then change under train.args, one after the other until it fits: ")
    assert "GiB; the result stays" in found
    assert TRAIN_MEMORY not in found


def test_lack_of_the_machines_memory_is_left_as_it_is(large: Repository) -> None:
    assert hint(large, HOST_MEMORY) == HOST_MEMORY


def test_model_that_cannot_be_read_leaves_the_general_advice(repository: Repository) -> None:
    assert hint(repository, TRAIN_MEMORY) == TRAIN_MEMORY


def test_estimate_is_told_and_recorded(large: Repository) -> None:
    found = context(large)
    needs.estimate(found)

    assert any(line.startswith("estimated memory: ") for line in found.progress.lines)  # type: ignore[attr-defined] # Heard
    assert found.record.estimate["memory_bytes"] > 2**34
