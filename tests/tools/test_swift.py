"""The command line and environment of ms-swift; each test is a trap that was measured."""

import dataclasses
import json
from pathlib import Path

import pytest

from swiftci.config.project import Head, Hub, Runner
from swiftci.tools import swift
from tests.fake.repository import Repository


def argv(repository: Repository, *sets: str) -> list[str]:
    _, loaded = repository.load(*sets)
    resolved = swift.arguments(loaded.config.train, repository.root, repository.folder / "train")
    return swift.argv("/venv/bin/python", loaded.config.train, resolved)


def value(words: list[str], flag: str) -> str:
    assert words.count(flag) == 1, words
    return words[words.index(flag) + 1]


def test_module_is_run_and_not_the_wrapper_that_orphans_its_child(repository: Repository) -> None:
    assert argv(repository)[:3] == ["/venv/bin/python", "-m", "swift.cli.sft"]


def test_output_folder_is_pinned(repository: Repository) -> None:
    words = argv(repository)

    assert value(words, "--output_dir") == str(repository.folder / "train")
    assert value(words, "--add_version") == "false"


def test_hub_is_not_asked_about_a_local_model(repository: Repository) -> None:
    assert value(argv(repository), "--check_model") == "false"
    assert value(argv(repository, "train.args.check_model=true"), "--check_model") == "true"


def test_bad_rows_are_errors_unless_the_config_says_otherwise(repository: Repository) -> None:
    assert value(argv(repository), "--strict") == "true"
    assert value(argv(repository, "train.args.strict=false"), "--strict") == "false"


def test_local_paths_are_absolute_and_keep_their_count(repository: Repository) -> None:
    words = argv(repository, "train.args.dataset=data/train.jsonl#5")

    assert value(words, "--model") == str(repository.root / "model")
    assert value(words, "--dataset") == f"{repository.root}/data/train.jsonl#5"


def test_hub_ids_stay_as_they_are(repository: Repository) -> None:
    words = argv(repository, "train.args.model=Qwen/Qwen3-4B", "train.args.dataset=[AI/alpaca#20, hf::a/b]")

    assert value(words, "--model") == "Qwen/Qwen3-4B"
    at = words.index("--dataset")
    assert words[at : at + 3] == ["--dataset", "AI/alpaca#20", "hf::a/b"]


def test_links_are_resolved_so_that_the_run_names_the_real_model(repository: Repository) -> None:
    (repository.root / "linked").symlink_to("model")

    assert value(argv(repository, "train.args.model=linked"), "--model") == str(repository.root / "model")


def test_scalars_are_passed_as_written(repository: Repository) -> None:
    sets = ["learning_rate=1e-4", "lora_rank=010", "bf16=True", "system=''", "warmup_ratio=0.050"]
    words = argv(repository, *(f"train.args.{one}" for one in sets))

    assert value(words, "--learning_rate") == "1e-4"
    assert value(words, "--lora_rank") == "010"
    assert value(words, "--bf16") == "True"
    assert value(words, "--system") == ""
    assert value(words, "--warmup_ratio") == "0.050"


def test_maps_become_json(repository: Repository) -> None:
    words = argv(repository, 'train.args.lr_scheduler_kwargs={a: 1, b: "中"}')

    assert json.loads(value(words, "--lr_scheduler_kwargs")) == {"a": 1, "b": "中"}


def test_order_of_arguments_does_not_depend_on_the_config(repository: Repository) -> None:
    first = argv(repository)
    repository.config["train"]["args"] = dict(reversed(repository.config["train"]["args"].items()))
    repository.write()

    assert argv(repository) == first


def test_every_argument_that_swiftci_sets_says_why(repository: Repository) -> None:
    _, loaded = repository.load()
    resolved = swift.arguments(loaded.config.train, repository.root, Path("/out"))
    own = {one.name: one.why for one in resolved if one.why != "config"}

    assert own.keys() == {"output_dir", "add_version", "check_model", "strict", "callbacks"}
    assert all(len(why) > 10 for why in own.values())


def test_variable_that_moves_the_output_is_taken_out(repository: Repository) -> None:
    project, loaded = repository.load()
    environ = swift.environment(project, loaded.config.train, {"PAI_TRAINING_JOB_ID": "dlc1", "KEPT": "1"})

    assert "PAI_TRAINING_JOB_ID" not in environ
    assert environ["KEPT"] == "1"


def test_hub_id_that_was_fetched_is_a_folder(repository: Repository) -> None:
    _, loaded = repository.load(
        "train.args={model: 'Qwen/Qwen3-4B:sub', dataset: ['ms::a/b:zh#20', 'x/y#3'], model_revision: v1}"
    )
    fetched = {"Qwen/Qwen3-4B:sub": Path("/c/Qwen3-4B"), "ms::a/b:zh#20": Path("/c/b"), "x/y#3": Path("/c/y")}

    found = {one.name: one.value for one in swift.arguments(loaded.config.train, repository.root, Path("/o"), fetched)}

    assert found["model"] == "/c/Qwen3-4B:sub"  # which ms-swift takes for the folder sub in it
    assert found["dataset"] == ["/c/b:zh#20", "/c/y#3"]
    assert "model_revision" not in found


@pytest.mark.parametrize(
    ("sets", "launcher"),
    [
        ((), []),
        (("train.gpus=0", "train.processes=2"), ["--nproc_per_node", "2", "--standalone"]),
        (("train.gpus=8",), ["--nproc_per_node", "8", "--standalone"]),
        (("train.gpus=8", "train.processes=1"), []),
        (("train.gpus=1", "train.method=megatron-sft"), ["--nproc_per_node", "1", "--standalone"]),
    ],
)
def test_processes_are_started_by_torchrun(repository: Repository, sets: tuple[str, ...], launcher: list[str]) -> None:
    words = argv(repository, *sets)
    started = ["torch.distributed.run", *launcher, "-m"] if launcher else []

    assert words[2 : 2 + len(started)] == started
    assert words[2 + len(started)].startswith("swift.cli.")


def test_every_machine_of_several_gets_its_rank_and_the_leaders_address(repository: Repository) -> None:
    _, loaded = repository.load("train.gpus=8", "train.nodes=2")
    head = Head(address="10.0.0.1", port=29501, runner=Runner(labels=("a",)))
    words = swift.argv("/p", loaded.config.train, [], head, 1)

    expected = "--nproc_per_node 8 --nnodes 2 --node_rank 1 --master_addr 10.0.0.1 --master_port 29501"
    assert words[3:-2] == expected.split()
    assert words[-2:] == ["-m", "swift.cli.sft"]


def test_server_of_an_adapter_answers_by_the_subjects_name(repository: Repository) -> None:
    _, loaded = repository.load("train.args.model_type=qwen3")
    args = swift.served(loaded.config.train, {"max_logprobs": "5"}, "/base", Path("/adapter"), "candidate")
    words = swift.server_argv("/p", "deploy", args, "127.0.0.1", 9)

    assert words[:7] == ["/p", "-m", "swift.cli.deploy", "--host", "127.0.0.1", "--port", "9"]
    assert value(words, "--adapters") == "candidate=/adapter"
    assert value(words, "--model_type") == "qwen3"
    assert value(words, "--max_logprobs") == "5"


def test_configs_environment_wins(repository: Repository) -> None:
    project, loaded = repository.load("train.env={OMP_NUM_THREADS: 2, USE_HF: 1}")
    environ = swift.environment(project, loaded.config.train, {"OMP_NUM_THREADS": "9"})

    assert environ["OMP_NUM_THREADS"] == "2"
    assert environ["USE_HF"] == "1"


@pytest.mark.parametrize(
    ("hub", "expected"),
    [
        (Hub(), {"USE_HF": "0"}),
        (Hub(name="huggingface"), {"USE_HF": "1"}),
        (Hub(name="huggingface", endpoint="https://m.example"), {"USE_HF": "1", "HF_ENDPOINT": "https://m.example"}),
        (Hub(endpoint="https://m.example"), {"USE_HF": "0", "MODELSCOPE_ENDPOINT": "https://m.example"}),
    ],
)
def test_hub_is_said_by_variables(hub: Hub, expected: dict[str, str]) -> None:
    assert swift.hub_environment(hub, None) == expected


def test_cache_holds_both_hubs(repository: Repository) -> None:
    project, loaded = repository.load()
    project = dataclasses.replace(project, cache="/data/models")
    environ = swift.environment(project, loaded.config.train, {})

    assert environ["MODELSCOPE_CACHE"] == "/data/models/modelscope"
    assert environ["HF_HOME"] == "/data/models/huggingface"
