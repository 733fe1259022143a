"""A training with servers of its own, and one of several processes, against the fake tool."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fake.repository import Repository
from tests.fake.tool import VERSIONS

INSTALLED = json.dumps(VERSIONS | {"vllm": "0.19", "msgspec": "0.22"})
SETS = (
    "train.method=rlhf",
    "train.args.rlhf_type=grpo",
    "train.args.use_vllm=true",
    "train.args.vllm_mode=server",
    "train.servers=[{role: rollout, gpus: 0, args: {vllm_max_model_len: 64}}]",
)


def sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


def called(repository: Repository, name: str) -> dict[str, Any]:
    return next(one for one in repository.calls if one["call"] == name)


def flag(call: dict[str, Any], name: str) -> str:
    return str(call["argv"][call["argv"].index(name) + 1])


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_training_is_told_where_its_server_really_is_and_the_server_ends_with_it(repository: Repository) -> None:
    ran = repository.run("--until", "train", *sets(*SETS), FAKE_VERSIONS=INSTALLED)

    assert ran.code == 0, ran.err
    server, train = called(repository, "rollout"), called(repository, "train")
    assert flag(server, "--host") == flag(train, "--vllm_server_host") == "127.0.0.1"
    assert int(flag(train, "--vllm_server_port")) == int(flag(server, "--port")) + 1
    assert flag(train, "--vllm_server_group_port").isdigit()
    assert flag(server, "--model") == flag(train, "--model")
    assert not alive(server["pid"])
    assert (repository.folder / "logs/rollout.log").is_file()


def test_server_that_fails_stops_the_run_before_it_trains(repository: Repository) -> None:
    ran = repository.run("--until", "train", *sets(*SETS), FAKE_VERSIONS=INSTALLED, FAKE_SERVER="fails")

    assert ran.code == 4
    assert "rollout ended before it answered: ms-swift does not know model_type: 'qwen99'" in ran.err
    assert [one["call"] for one in repository.calls] == ["rollout"]


def test_training_whose_server_dies_is_stopped_and_says_so(repository: Repository) -> None:
    ran = repository.run(
        "--until", "train", *sets(*SETS), FAKE_VERSIONS=INSTALLED, FAKE_SERVER="dies", FAKE_HANG="train"
    )

    assert ran.code == 4
    assert "rollout ended while it was needed" in ran.err
    assert not alive(called(repository, "train")["pid"])


@pytest.mark.parametrize("missing", ["vllm", "msgspec"])
def test_package_that_is_missing_is_told_first(repository: Repository, missing: str) -> None:
    versions = {name: version for name, version in json.loads(INSTALLED).items() if name != missing}

    ran = repository.run("--until", "train", *sets(*SETS), FAKE_VERSIONS=json.dumps(versions))

    assert ran.code == 4
    assert f"without {missing}" in ran.err
    assert repository.calls == []


def test_processes_are_started_by_torchrun_and_see_nobody_elses_ranks(repository: Repository) -> None:
    ran = repository.run("--until", "train", *sets("train.processes=2"), RANK="7", NPROC_PER_NODE="8")

    assert ran.code == 0, ran.err
    call = called(repository, "torchrun")
    assert call["argv"] == ["--nproc_per_node", "2", "--standalone"]
    assert not {"RANK", "NPROC_PER_NODE"} & set(call["environ"])


def test_machine_that_joins_refuses_a_rank_that_is_none(repository: Repository) -> None:
    assert repository.stage("join", "--rank", "1").code == 2
    assert "--rank" in repository.stage("join").err


def test_model_that_is_served_gets_no_key_of_a_judge(repository: Repository) -> None:
    repository.project["secrets"] = {"judge": "JUDGE_KEY", "endpoint": "MODEL_KEY"}
    repository.config["evaluate"]["args"].pop("model_args", None)
    repository.write()

    ran = repository.run(
        "--until",
        "evaluate",
        *sets("evaluate.serve=transformers", "evaluate.base=false"),
        JUDGE_KEY="j" * 9,
        MODEL_KEY="m" * 9,
    )

    assert ran.code == 0, ran.err
    server, evaluate = called(repository, "deploy"), called(repository, "evaluate")
    assert not {"j" * 9, "m" * 9} & set(server["environ"].values())
    assert evaluate["environ"]["MODELSCOPE_SDK_TOKEN"] == "j" * 9
    assert flag(evaluate, "--api-url").startswith("http://127.0.0.1:")
    assert flag(server, "--adapters").startswith("candidate=")
    assert not alive(server["pid"])
