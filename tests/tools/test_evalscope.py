"""The command line of EvalScope; each test is a trap that was measured."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.project import Secrets
from swiftci.tools import evalscope
from tests.fake.repository import Repository

CORPUS = Path(__file__).parents[1] / "corpus"
WORK = Path("/run/eval/candidate")


def argv(repository: Repository, scored: evalscope.Subject, *sets: str) -> list[str]:
    _, loaded = repository.load(*sets)
    assert loaded.config.evaluate is not None
    return evalscope.argv("/venv/bin/python", loaded.config.evaluate, scored, WORK, repository.root)


def value(words: list[str], flag: str) -> str:
    assert words.count(flag) == 1, words
    return words[words.index(flag) + 1]


def data(words: list[str], flag: str) -> Any:
    return json.loads(value(words, flag))


FULL = evalscope.Subject(id="candidate", model="/run/train/checkpoint-9")


def test_model_and_its_id_are_always_given(repository: Repository) -> None:
    """Without --model, EvalScope measures a mock and ends well."""
    words = argv(repository, FULL)

    assert words[:4] == ["/venv/bin/python", "-m", "evalscope.cli.cli", "eval"]
    assert value(words, "--model") == "/run/train/checkpoint-9"
    assert value(words, "--model-id") == "candidate"


def test_data_sets_are_always_given(repository: Repository) -> None:
    words = argv(repository, FULL, "evaluate.datasets=[general_qa, general_mcq]")
    at = words.index("--datasets")

    assert words[at : at + 3] == ["--datasets", "general_qa", "general_mcq"]


def test_work_folder_is_pinned_and_no_cache_is_used(repository: Repository) -> None:
    words = argv(repository, FULL)

    assert value(words, "--work-dir") == str(WORK)
    assert words.count("--no-timestamp") == 1
    assert not {"--use-cache", "--rerun-review", "--ignore-errors", "--dry-run"} & set(words)


@pytest.mark.parametrize("name", ["use_cache", "rerun_review", "ignore_errors", "dry_run", "model", "work_dir"])
def test_what_would_spoil_a_measurement_cannot_be_set(name: str) -> None:
    assert name in evalscope.OWNED


def test_generation_settings_keep_decoding_deterministic(repository: Repository) -> None:
    """Any generation_config replaces all of EvalScope's own defaults."""
    assert data(argv(repository, FULL), "--generation-config") == {"do_sample": False, "max_tokens": 6}


def test_generation_settings_may_be_changed_on_purpose(repository: Repository) -> None:
    words = argv(repository, FULL, "evaluate.args.generation_config.do_sample=true")

    assert data(words, "--generation-config") == {"do_sample": True, "max_tokens": 6}


def test_local_data_is_absolute(repository: Repository) -> None:
    """A relative path that EvalScope does not find is looked for on a hub."""
    settings = data(argv(repository, FULL), "--dataset-args")["general_qa"]

    assert settings == {
        "local_path": str(repository.root / "data" / "heldout"),
        "subset_list": ["items"],
        "metric_list": ["Rouge"],
    }


def test_command_does_not_change_the_config(repository: Repository) -> None:
    _, loaded = repository.load()
    assert loaded.config.evaluate is not None
    before = json.dumps(loaded.config.evaluate.args)
    evalscope.argv("python", loaded.config.evaluate, FULL, WORK, repository.root)

    assert json.dumps(loaded.config.evaluate.args) == before


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("debug=true", ["--debug"]),
        ("debug=True", ["--debug"]),
        ("debug=false", []),
        ("stream=true", ["--stream"]),
        ("collect_perf=true", ["--collect-perf"]),
        ("collect_perf=false", ["--no-collect-perf"]),
    ],
)
def test_switch_has_no_value(repository: Repository, setting: str, words: list[str]) -> None:
    plain = argv(repository, FULL)
    switched = argv(repository, FULL, f"evaluate.args.{setting}")

    assert [word for word in switched if word not in plain] == words


def test_other_arguments_are_spelt_with_dashes(repository: Repository) -> None:
    assert value(argv(repository, FULL, "evaluate.args.eval_batch_size=4"), "--eval-batch-size") == "4"


def test_adapter_is_loaded_over_its_base_model(repository: Repository) -> None:
    adapter = CORPUS / "swift" / "ok-lora" / "out" / "checkpoint-10"
    words = argv(repository, evalscope.subject("candidate", adapter, "/models/base"))

    assert value(words, "--model") == "/models/base"
    assert data(words, "--model-args") == {"model_path": str(adapter), "tokenizer_path": "/models/base"}


def test_full_checkpoint_is_the_model(repository: Repository) -> None:
    checkpoint = CORPUS / "swift" / "ok-full" / "out" / "checkpoint-120"
    words = argv(repository, evalscope.subject("candidate", checkpoint, "/models/base"))

    assert value(words, "--model") == str(checkpoint)
    assert "--model-args" not in words


def test_hub_id_is_the_model(repository: Repository) -> None:
    words = argv(repository, evalscope.subject("base", "Qwen/Qwen3-4B", "Qwen/Qwen3-4B"))

    assert value(words, "--model") == "Qwen/Qwen3-4B"


def test_model_arguments_of_the_config_are_added_to_the_adapters(repository: Repository) -> None:
    adapter = CORPUS / "swift" / "ok-lora" / "out" / "checkpoint-10"
    words = argv(
        repository,
        evalscope.subject("candidate", adapter, "/models/base"),
        "evaluate.args.model_args={precision: float32}",
    )

    assert data(words, "--model-args") == {
        "model_path": str(adapter),
        "tokenizer_path": "/models/base",
        "precision": "float32",
    }


def test_command_for_an_adapter_is_the_one_that_was_recorded(repository: Repository) -> None:
    """The form that EvalScope was seen to score an adapter with, rather than its base model."""
    recorded = (CORPUS / "evalscope" / "ok-adapter" / "argv.txt").read_text().splitlines()
    adapter = CORPUS / "swift" / "ok-lora" / "out" / "checkpoint-10"
    words = argv(repository, evalscope.subject("candidate", adapter, "/models/base"))

    assert data(recorded, "--model-args").keys() - {"precision"} == data(words, "--model-args").keys()
    assert data(recorded, "--model-args")["tokenizer_path"] == value(recorded, "--model")


def test_keys_of_endpoint_and_judge_get_the_names_that_evalscope_knows(repository: Repository) -> None:
    project, _ = repository.load()
    project = dataclasses.replace(project, secrets=Secrets(endpoint=("MODEL_KEY",), judge=("NONE", "JUDGE")))

    environ = evalscope.environment(project, {"MODEL_KEY": "a", "JUDGE": "b", "NONE": ""})

    assert (environ["EVALSCOPE_API_KEY"], environ["MODELSCOPE_SDK_TOKEN"]) == ("a", "b")
    assert "EVALSCOPE_API_KEY" not in evalscope.environment(project, {"JUDGE": "b"})


def test_model_behind_an_address_is_asked_without_weights(repository: Repository) -> None:
    served = evalscope.Subject(id="candidate", model="ours", url="http://127.0.0.1:8000/v1", keyed=True)
    words = argv(repository, served)

    assert value(words, "--api-url") == "http://127.0.0.1:8000/v1"
    assert value(words, "--eval-type") == "openai_api"
    assert value(words, "--api-key") == ""
    assert json.loads(value(words, "--generation-config"))["temperature"] == 0.0


def test_fetched_data_set_is_named_by_its_folder(repository: Repository) -> None:
    _, loaded = repository.load(
        "evaluate.datasets=[gsm8k]", "gate=[]", "evaluate.args={dataset_args: {gsm8k: {limit: 3}}}"
    )
    assert loaded.config.evaluate
    data = {"gsm8k": Path("/cache/gsm8k")}
    words = evalscope.argv("/p", loaded.config.evaluate, FULL, Path("/w"), repository.root, data)

    assert json.loads(value(words, "--dataset-args")) == {"gsm8k": {"limit": 3, "local_path": "/cache/gsm8k"}}


@pytest.mark.parametrize("settings", ["{general_qa: 3}", "{general_qa: {local_path: 3}}", "{general_qa: {limit: 3}}"])
def test_settings_without_a_path_are_passed_on(repository: Repository, settings: str) -> None:
    words = argv(repository, FULL, f"evaluate.args.dataset_args={settings}")

    assert data(words, "--dataset-args")["general_qa"] in (3, {"local_path": 3}, {"limit": 3})
