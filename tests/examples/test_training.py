"""The examples' arguments together train: two steps on the CPU, with a tiny model and rows in place of theirs."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftci.config.train import Train
from swiftci.evidence import training
from swiftci.tools import swift
from tests.examples.test_examples import EXAMPLES, TOOLS, loaded
from tests.tiny.make_model import facts

HERE = Path(__file__).parent
NEEDS_A_GPU = (
    "deepspeed",
    "report_to",
    "swanlab_project",
    "swanlab_mode",
    "vllm_mode",
    "use_vllm",
    "max_completion_length",
)
SMALL = {
    "torch_dtype": "float32",
    "use_cpu": "true",
    "bf16": "false",
    "fp16": "false",
    "max_steps": "2",
    "save_steps": "2",
    "eval_steps": "2",
    "logging_steps": "1",
    "gradient_accumulation_steps": "1",
    "dataloader_num_workers": "0",
    "report_to": "none",
}
OTHER_MODELS = ("qwen-vl", "megatron-moe", "smollm2")
"""Need a model that sees, Megatron, and nothing: tests/e2e trains it."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tiny")
    argv = [TOOLS, HERE.parent / "tiny/make_model.py", folder]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)
    yield folder


def rows(train: Train) -> str:
    """Rows of the kind that the training wants."""
    found = []
    for question, answer in facts() * 4:
        user, assistant = {"role": "user", "content": question}, {"role": "assistant", "content": answer}
        if "rlhf_type" in train.args:
            extra = {"dpo": {"rejected_response": "no"}, "grpo": {"solution": answer}}[str(train.args["rlhf_type"])]
            found.append({"messages": [user, assistant], **extra})
        elif train.args.get("task_type") == "embedding":
            found.append({"messages": [user], "positive_messages": [[{"role": "user", "content": answer}]]})
        else:
            found.append({"messages": [user, assistant]})
    return "".join(json.dumps(row) + "\n" for row in found)


@pytest.mark.real
@pytest.mark.parametrize(
    "folder", [path for path in EXAMPLES if path.name not in OTHER_MODELS], ids=lambda path: path.name
)
def test_two_steps_of_an_example_are_trained(folder: Path, tiny: Path, tmp_path: Path) -> None:
    (one,) = loaded(folder)
    train = one.config.train
    data, output = tmp_path / "rows.jsonl", tmp_path / "out"
    data.write_text(rows(train))
    args = {item.name: item.value for item in swift.arguments(train, folder, output) if item.name not in NEEDS_A_GPU}
    embedding = "task_type" in args
    args |= SMALL | {"model": str(tiny), "dataset": str(data), "template": "qwen3_emb" if embedding else "qwen3"}
    args |= {"split_dataset_ratio": "0" if "reward_funcs" in args else "0.2"}
    args |= {"max_completion_length": "8"} if "reward_funcs" in args else {}
    args.setdefault("model_type", "qwen3")
    argv = [str(TOOLS), "-m", swift.MODULES[train.method]]
    for name, value in args.items():
        argv += [f"--{name}", *swift.words(value)]
    environ = os.environ | train.env | {"USE_HF": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

    done = subprocess.run(
        argv, env=environ, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr[-3000:]
    left = training.read(output)
    assert (left.steps, left.max_steps) == (2, 2)
    assert left.last
    measured = any(point.eval_loss is not None for point in left.points)
    assert measured is (args["split_dataset_ratio"] != "0")
