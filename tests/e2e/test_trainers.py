"""Every trainer of ms-swift that runs on a CPU, for real, through `swiftci run`."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import SWIFTCI, swiftci

pytestmark = pytest.mark.real

STEPS = ("train.args.max_steps=4", "train.args.save_steps=4", "train.args.logging_steps=1", "evaluate=none", "gate=[]")
ADAPTER, MODEL = "adapter_model.safetensors", "model.safetensors"


def rlhf(kind: str, data: str, *more: str) -> tuple[str, ...]:
    return ("train.method=rlhf", f"train.args.rlhf_type={kind}", f"train.args.dataset=model/data/{data}.jsonl", *more)


TRAINERS = {
    "pt": (("train.method=pt", "train.args.dataset=model/data/pretraining.jsonl"), MODEL),
    "sft-full": ((), MODEL),
    "sft-lora": (("train.args.tuner_type=lora",), ADAPTER),
    "sft-adalora": (
        ("train.args.tuner_type=adalora", "train.args.adalora_tinit=1", "train.args.adalora_tfinal=1"),
        ADAPTER,
    ),
    "sft-dora": (("train.args.tuner_type=lora", "train.args.use_dora=true"), ADAPTER),
    "sft-qlora": (
        ("train.args.tuner_type=lora", "train.args.quant_method=bnb", "train.args.quant_bits=4"),
        ADAPTER,
    ),
    "sft-two-processes": (("train.processes=2",), MODEL),
    "sft-embedding": (
        ("train.args.task_type=embedding", "train.args.model_type=qwen3_emb", "train.args.template=qwen3_emb",
         "train.args.loss_type=infonce", "train.args.dataset=model/data/pairs.jsonl"),
        MODEL,
    ),
    "rlhf-dpo": (rlhf("dpo", "preferences", "train.args.tuner_type=lora"), ADAPTER),
    "rlhf-kto": (rlhf("kto", "labels"), MODEL),
    "rlhf-cpo": (rlhf("cpo", "preferences"), MODEL),
    "rlhf-simpo": (rlhf("simpo", "preferences"), MODEL),
    "rlhf-orpo": (rlhf("orpo", "preferences"), MODEL),
    "rlhf-rm": (rlhf("rm", "preferences"), MODEL),
    "rlhf-grpo": (
        rlhf("grpo", "questions", "train.args.reward_funcs=repetition", "train.args.num_generations=4",
             "train.args.max_completion_length=8"),
        MODEL,
    ),
    "rlhf-gkd": (rlhf("gkd", "train", "train.args.teacher_model=model", "train.args.max_completion_length=8",
                      "train.args.teacher_model_type=qwen3"), MODEL),
}  # fmt: skip


def sets(values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@pytest.mark.parametrize("name", TRAINERS)
def test_trainer(repository: Path, name: str) -> None:
    values, weights = TRAINERS[name]

    done = swiftci(repository, "run", "configs/tiny.yaml", *sets((*STEPS, *values)))

    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((repository / ".swiftci/runs/tiny/run.json").read_text())
    trained = record["stages"]["train"]["outputs"]
    assert trained["steps"] == 4
    assert trained["dropped"] == 0
    assert (repository / ".swiftci/runs/tiny" / trained["checkpoint"] / weights).is_file()


def test_ppo_with_a_reward_model_of_ones_own(repository: Path) -> None:
    first = swiftci(repository, "run", "configs/tiny.yaml", *sets((*STEPS, *rlhf("rm", "preferences"))))
    assert first.returncode == 0, first.stdout + first.stderr
    shutil.copytree(repository / ".swiftci/runs/tiny/train/checkpoint-4", repository / "reward")
    values = rlhf("ppo", "questions", "train.args.reward_model=reward", "train.args.response_length=8")

    done = swiftci(repository, "run", "configs/tiny.yaml", *sets((*STEPS, *values)))

    assert done.returncode == 0, done.stdout + done.stderr
    assert (repository / ".swiftci/runs/tiny/train/checkpoint-4" / MODEL).is_file()


def test_two_machines_train_one_model(repository: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with (repository / "swiftci.yaml").open("a") as file:
        file.write(f"head: {{address: 127.0.0.1, port: {port}, runner: [self-hosted, node-0]}}\n")
    values = sets((*STEPS, "train.nodes=2"))
    stage = [SWIFTCI, "stage", "join", "--config", "configs/tiny.yaml", "--run-dir", "other", "--rank", "1", *values]
    joining = subprocess.Popen(stage, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    leading = swiftci(repository, "run", "configs/tiny.yaml", *values)
    said, _ = joining.communicate(timeout=60)

    assert leading.returncode == 0, leading.stdout + leading.stderr
    assert joining.returncode == 0, said
    args = json.loads((repository / ".swiftci/runs/tiny/train/args.json").read_text())
    assert args["global_world_size"] == 2


def test_a_teacher_is_started_for_a_training_and_stopped_with_it(repository: Path) -> None:
    server = {"model": "model", "model_type": "qwen3", "template": "chatml", "infer_backend": "transformers"}
    topk = "train.args.gkd_logits_topk=20"
    values = rlhf("gkd", "train", topk, f"train.servers={json.dumps([{'role': 'teacher', 'gpus': 0, 'args': server}])}")

    done = swiftci(repository, "run", "configs/tiny.yaml", *sets((*STEPS, *values)))

    assert "teacher answers on port" in done.stdout
    assert done.returncode == 4
    assert "vLLM is not installed" in done.stderr  # ms-swift asks a teacher by vLLM's client, which wants a GPU
    assert "Finished server process" in (repository / ".swiftci/runs/tiny/logs/teacher.log").read_text()


def test_a_package_that_is_missing_is_told_before_anything_is_loaded(repository: Path) -> None:
    values = ("train.args.deepspeed=zero2", "train.servers=[{role: rollout, gpus: 0}]", "train.args.quant_method=bnb")
    asked = ("train.args.use_vllm=true", "train.args.vllm_mode=server", "train.servers.0.args.vllm_max_model_len=64")
    more = ("train.args.quant_bits=4", *rlhf("grpo", "questions"), *asked)

    done = swiftci(repository, "run", "configs/tiny.yaml", *sets((*STEPS, *values, *more)))

    assert done.returncode == 4
    assert "without vllm, deepspeed" in done.stderr


def test_nothing_of_two_processes_is_left_where_swiftci_is_killed(repository: Path) -> None:
    argv = [SWIFTCI, "run", "configs/tiny.yaml", *sets((*STEPS, "train.processes=2", "train.args.max_steps=100000"))]
    log = repository / ".swiftci/runs/tiny/train/logging.jsonl"
    driver = subprocess.Popen(argv, cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_until(lambda: log.exists() and log.stat().st_size > 0, 90)
    assert len(_working_in(repository)) >= 4  # swiftci, torchrun, and a worker each

    driver.kill()
    driver.wait()

    _wait_until(lambda: not _working_in(repository), 30)


def _working_in(folder: Path) -> list[int]:
    """Processes whose current folder it is."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [int(entry.parent.name)] if entry.readlink() == folder else []
        except OSError:
            continue
    return found


def _wait_until(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until
        time.sleep(0.2)
