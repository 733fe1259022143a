"""Packages that a config needs are known before anything is loaded."""

import pytest

from swiftci.tools.packages import packages
from tests.fake.repository import Repository


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ((), {"ms_swift", "evalscope"}),
        (("train.args.quant_method=bnb",), {"bitsandbytes"}),
        (("train.args.deepspeed=zero3",), {"deepspeed"}),
        (("train.args.use_vllm=Yes",), {"vllm"}),
        (("train.method=rlhf", "train.args.rlhf_type=grpo", "train.args.reward_funcs=[format, accuracy]"),
         {"msgspec", "math_verify"}),
        (("train.gpus=1", "train.method=megatron-sft"), {"megatron_core", "mcore_bridge", "transformer_engine"}),
        (("train.args.report_to=[wandb, mlflow]",), {"wandb"}),
    ],
)  # fmt: skip
def test_packages(repository: Repository, sets: tuple[str, ...], expected: set[str]) -> None:
    _, loaded = repository.load(*sets)

    found = packages(loaded.config)
    assert expected <= set(found)
    assert len(found) == len(set(found))
    assert set(found) - expected <= {"ms_swift", "evalscope"}
