"""`swiftci doctor` on GPUs, their driver, and the torch that is to use them."""

import json

import pytest

from swiftci.spec.error import ToolError
from swiftci.stages import preflight
from swiftci.tools import torch_cuda
from tests.cli.doctors import checks, examined
from tests.fake.repository import Repository
from tests.stages.stand import context
from tests.tools.nvml import Machine


def test_without_a_config_the_hungriest_one_counts(here: Repository, cards: Machine) -> None:
    here.config["train"]["gpus"] = 3
    here.write()
    second = {**here.config, "name": "small", "train": {**here.config["train"], "gpus": 0}}
    (here.root / "configs/small.yaml").write_text(json.dumps(second))

    ran = here.swiftci("doctor", "--format", "json")

    assert checks(ran)["gpus"][0] == "fail"
    assert checks(ran)["gpus"][1].startswith("3 GPUs are asked for, and this machine shows 1 (NVIDIA A100-SXM4-80GB)")
    assert ran.code == 4


def test_used_card_is_told_with_its_user(here: Repository, cards: Machine) -> None:
    cards.show("card 81920 31948 97 NVIDIA A100", "process 0 1073741824 31000")

    found = examined(here)

    assert found["gpus"] == ("warn", "1 asked for, 0 of 1 free (NVIDIA A100, driver 550.54.15)")
    assert found["gpu"] == ("warn", "GPU 0: 31.2 of 80 GB used by pid 1073741824")


def test_lost_card_and_dead_driver_fail(here: Repository, cards: Machine) -> None:
    cards.show("card 81920 0 0 NVIDIA A100", "fails nvmlDeviceGetHandleByIndex_v2 15")
    assert examined(here)["gpu"] == ("warn", "GPU 0 cannot be used: GPU is lost (NVML code 15)")
    assert examined(here)["gpus"][0] == "fail"

    cards.show("fails nvmlInitWithFlags 9")
    assert examined(here)["gpus"][1].endswith("no program can use one: NVML says: Driver Not Loaded")


@pytest.mark.parametrize(
    ("cuda", "cards_seen", "state", "said"),
    [
        ("12.8", 1, "ok", "torch 2.9, built for CUDA 12.8, can use 1 of the 1 GPUs that are asked for; the driver"),
        ("13.0", 0, "fail", "the driver knows CUDA 12.4: driver too old"),
        ("", 0, "fail", "torch 2.9, for no GPU, can use 0"),
    ],
)
def test_torch_that_cannot_use_the_cards_fails(
    here: Repository, cards: Machine, monkeypatch: pytest.MonkeyPatch, cuda: str, cards_seen: int, state: str, said: str
) -> None:
    said_by_torch = "" if cards_seen or not cuda else "driver too old"
    answer = torch_cuda.Torch(torch="2.9", cuda=cuda, rocm="", cards=cards_seen, other=False, said=said_by_torch)
    monkeypatch.setattr(torch_cuda, "ask", lambda python, environ: answer)

    found = examined(here)["torch"]

    assert found[0] == state
    assert said in found[1]


def test_train_job_ends_where_gpu_time_would_be_lost(here: Repository, cards: Machine) -> None:
    here.config["train"]["gpus"] = 2
    here.write()

    with pytest.raises(ToolError, match="2 GPUs are asked for, and this machine shows 1") as caught:
        preflight.check(context(here))
    assert caught.value.kind == "user"
