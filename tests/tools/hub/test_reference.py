"""Which texts of a config name a hub's repository, and which one."""

from pathlib import Path
from typing import Any

import pytest

from swiftci.tools.hub.reference import Reference, argument, named
from tests.fake.repository import Repository, make


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make(tmp_path / "repository")


def texts(repository: Repository, **args: Any) -> dict[str, Reference]:
    """What a training with these arguments names."""
    repository.config["train"]["args"] |= args
    repository.write()
    project, loaded = repository.load()
    return {one.text: one.reference for one in named(loaded.config, project, repository.root)}


def test_local_paths_and_registered_names_are_none(repository: Repository) -> None:
    assert texts(repository, dataset=["data/train.jsonl", "alpaca-zh", "alpaca-zh#20", "./a/b", "~/a/b", "/a/b"]) == {}


@pytest.mark.parametrize("text", ["team/rows", "team/rows#20", "team/rows:default", "team/rows:a/b#20"])
def test_data_set(repository: Repository, text: str) -> None:
    assert texts(repository, dataset=text) == {text: Reference(hub="modelscope", kind="dataset", id="team/rows")}


@pytest.mark.parametrize(
    ("text", "hub"),
    [("hf::team/rows#5", "huggingface"), ("HF::team/rows", "huggingface"), ("ms::team/rows", "modelscope")],
)
def test_data_set_names_its_hub(repository: Repository, text: str, hub: Any) -> None:
    assert texts(repository, dataset=[text])[text] == Reference(hub=hub, kind="dataset", id="team/rows")


@pytest.mark.parametrize(
    ("value", "hub"), [("true", "huggingface"), ("1", "huggingface"), ("false", "modelscope"), ("0", "modelscope")]
)
def test_use_hf_wins_over_the_projects_hub(repository: Repository, value: str, hub: str) -> None:
    repository.project["hub"] = "modelscope" if hub == "huggingface" else "huggingface"

    assert texts(repository, dataset="team/rows", use_hf=value)["team/rows"].hub == hub


def test_revision_is_the_models_alone(repository: Repository) -> None:
    found = texts(repository, model="team/tiny", adapters=["team/lora"], val_dataset="team/rows", model_revision="v1")

    assert {text: one.revision for text, one in found.items()} == {
        "team/tiny": "v1",
        "team/lora": None,
        "team/rows": None,
    }


def test_models_and_their_revisions_are_two_lists(repository: Repository) -> None:
    found = texts(repository, reward_model=["team/a", "team/b"], reward_model_revision=["v1"])

    assert {text: one.revision for text, one in found.items()} == {"team/a": "v1", "team/b": None}


def test_subfolder_of_a_model(repository: Repository) -> None:
    found = texts(repository, model="team/tiny:sub/folder")

    assert found["team/tiny:sub/folder"] == Reference(hub="modelscope", kind="model", id="team/tiny")


def test_folder_that_is_here_is_not_fetched(repository: Repository) -> None:
    (repository.root / "team/rows").mkdir(parents=True)

    assert texts(repository, dataset=["team/rows", "team/rows:sub", "team/rows#3"]) == {}


@pytest.mark.parametrize("text", ["team/..", "team/.", "../rows", "team/a/b", "team/", "-team/rows", "team/ro ws"])
def test_what_no_hub_could_have_is_none(repository: Repository, text: str) -> None:
    assert texts(repository, dataset=text) == {}


def evaluated(repository: Repository, names: list[str], **args: Any) -> dict[str, Reference]:
    repository.config["evaluate"] = {"datasets": names, "args": args}
    repository.config.pop("gate")
    return texts(repository)


def test_data_sets_of_benchmarks(repository: Repository) -> None:
    assert evaluated(repository, ["gsm8k", "ceval", "general_qa", "data_collection", "tau_bench", "mine"]) == {
        "evaluate:gsm8k": Reference(hub="modelscope", kind="dataset", id="AI-ModelScope/gsm8k"),
        "evaluate:ceval": Reference(hub="modelscope", kind="dataset", id="evalscope/ceval"),
    }


def test_data_set_of_a_benchmark_on_the_other_hub(repository: Repository) -> None:
    found = evaluated(repository, ["gsm8k", "mmmu"], dataset_hub="huggingface")

    assert found["evaluate:gsm8k"] == Reference(hub="huggingface", kind="dataset", id="openai/gsm8k")
    assert found["evaluate:mmmu"].pinned


def test_benchmark_with_a_local_path_is_not_fetched(repository: Repository) -> None:
    settings = {"gsm8k": {"local_path": "data/heldout"}}

    assert list(evaluated(repository, ["gsm8k", "ceval"], dataset_args=settings)) == ["evaluate:ceval"]


@pytest.mark.parametrize(
    ("settings", "id", "revision"),
    [
        ({"few_shot_num": 0}, "evalscope/finqa", "ac65ea606c70f20a4162ed37c04b9779e43e11d0"),
        ({"dataset_revision": "v2"}, "evalscope/finqa", "v2"),
        ({"dataset_id": "team/finqa"}, "team/finqa", None),
        ({"dataset_id": "team/finqa", "dataset_revision": "v2"}, "team/finqa", "v2"),
        ({"dataset_id": 7}, "evalscope/finqa", "ac65ea606c70f20a4162ed37c04b9779e43e11d0"),
    ],
)
def test_benchmark_with_another_data_set(
    repository: Repository, settings: dict[str, Any], id: str, revision: str | None
) -> None:
    found = evaluated(repository, ["finqa"], dataset_args={"finqa": settings})

    assert found == {"evaluate:finqa": Reference(hub="modelscope", kind="dataset", id=id, revision=revision)}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("team/rows", "/c/rows"),
        ("hf::team/rows:sub#20", "/c/rows:sub#20"),
        ("ms::team/rows#20", "/c/rows#20"),
        ("team/tiny:sub/folder", "/c/rows:sub/folder"),
    ],
)
def test_argument_keeps_subset_and_count(text: str, given: str) -> None:
    assert argument(text, Path("/c/rows")) == given
