"""What is advised where memory ran out: what leaves the result first, and nothing that helps little."""

from dataclasses import replace

import pytest

from swiftci.config.arguments import Arguments
from swiftci.evidence import memory
from swiftci.evidence.advice import WORTH, advise
from tests.evidence.test_memory import DENSE, EXPERTS, train


def test_advice_begins_with_what_leaves_the_result_and_ends_with_what_changes_it() -> None:
    one = train(
        gpus=4, gradient_checkpointing=False, per_device_train_batch_size=8, gradient_accumulation_steps=2,
        attn_impl="eager", max_length=4096, lora_rank=512,
    )  # fmt: skip

    found = advise(one, DENSE)

    assert [dict(step.changes) for step in found] == [
        {"gradient_checkpointing": "true"},
        {"use_liger_kernel": "true"},
        {"attn_impl": "flash_attn"},
        {"per_device_train_batch_size": "1", "gradient_accumulation_steps": "16"},
        {"deepspeed": "zero2"},
        {"deepspeed": "zero3"},
        {"deepspeed": "zero3_offload"},
        {"sequence_parallel_size": "4"},
        {"max_length": "2048"},
        {"lora_rank": "8"},
    ]
    assert all(step.cost for step in found)


MANY = {
    "lora": (train(gpus=2), DENSE),
    "full": (train(gpus=8, tuner_type="full", per_device_train_batch_size=4, optim="adamw_torch"), DENSE),
    "full on one": (train(tuner_type="full", torch_dtype="float32"), DENSE),
    "megatron": (train("megatron-sft", 8, micro_batch_size=4), EXPERTS),
    "megatron's lora": (train("megatron-rlhf", 8, rlhf_type="dpo", tuner_type="lora", lora_rank=64), EXPERTS),
}


@pytest.mark.parametrize("name", MANY)
def test_each_advice_saves_something_and_its_estimate_is_that_of_all_so_far(name: str) -> None:
    one, model = MANY[name]
    before = memory.estimate(one, model).total
    found = advise(one, model)

    assert found
    for step in found:
        one = replace(one, args=Arguments({**one.args, **step.changes}))
        assert step.total == memory.estimate(one, model).total <= before * (1 - WORTH)
        before = step.total
