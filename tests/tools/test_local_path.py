"""Which texts of a config are paths of this machine."""

from pathlib import Path

import pytest

from swiftci.tools.local_path import local, local_paths
from tests.fake.repository import Repository

ROOT = Path("/lab/repository")

MODELS = {
    "Qwen/Qwen3-4B": None,
    "Qwen/Qwen3-4B:sub/folder": None,
    "/data/model": "/data/model",
    "./model": "/lab/repository/model",
    "../model": "/lab/repository/../model",
    "model": "/lab/repository/model",
    "a/b/c": "/lab/repository/a/b/c",
    "a b/c": "/lab/repository/a b/c",
    "~nobody-has-this-name/model": "/lab/repository/~nobody-has-this-name/model",
    "owner/name; rm -rf /": "/lab/repository/owner/name; rm -rf /",
}
DATA = {
    "AI-ModelScope/alpaca-gpt4-data-zh#2000": None,
    "hf::tatsu-lab/alpaca": None,
    "ms::/data/x.jsonl": None,
    "alpaca": None,
    "train.jsonl": "/lab/repository/train.jsonl",
    "train.jsonl#500": "/lab/repository/train.jsonl",
    "data/a.csv": "/lab/repository/data/a.csv",
    "./data": "/lab/repository/data",
    "/data/a.parquet#10": "/data/a.parquet",
    "~nobody-has-this-name/x.jsonl": "/lab/repository/~nobody-has-this-name/x.jsonl",
}


@pytest.mark.parametrize(("text", "path"), MODELS.items())
def test_model_is_a_path_or_a_hub_id(text: str, path: str | None) -> None:
    assert local(text, ROOT, data=False) == (Path(path) if path else None)


@pytest.mark.parametrize(("text", "path"), DATA.items())
def test_data_set_is_a_path_or_a_name(text: str, path: str | None) -> None:
    assert local(text, ROOT, data=True) == (Path(path) if path else None)


def test_folder_that_exists_wins_over_a_hub_id(tmp_path: Path) -> None:
    (tmp_path / "Qwen" / "Qwen3-4B").mkdir(parents=True)

    assert local("Qwen/Qwen3-4B", tmp_path, data=False) == tmp_path / "Qwen" / "Qwen3-4B"


def test_home_is_unfolded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")

    assert local("~/model", tmp_path, data=False) == Path("/home/somebody/model")


@pytest.mark.parametrize("data", [True, False])
@pytest.mark.parametrize(
    "text", ["a" * 300, "a/" + "b" * 300, "a" * 9000, "x\0y", "two\nlines", "中" * 200, "-rf", "*"]
)
def test_hostile_name_does_not_break(tmp_path: Path, text: str, data: bool) -> None:
    found = local(text, tmp_path, data=data)

    assert found in (None, tmp_path / text)


def test_config_names_its_paths_with_their_keys(repository: Repository) -> None:
    repository.config["train"]["args"] |= {"adapters": ["a/b", "./lora"], "val_dataset": "data/train.jsonl#4"}
    repository.write()
    _, loaded = repository.load()
    found = {(one.key, one.text, one.data) for one in local_paths(loaded.config, repository.root)}

    assert found == {
        ("train.args.model", "model", False),
        ("train.args.adapters", "./lora", False),
        ("train.args.dataset", "data/train.jsonl", True),
        ("train.args.val_dataset", "data/train.jsonl#4", True),
        ("evaluate.args.dataset_args.general_qa.local_path", "data/heldout", False),
    }


def test_name_too_long_for_a_disk_does_not_exist(repository: Repository) -> None:
    repository.config["train"]["args"]["model"] = "m" * 300
    repository.write()
    _, loaded = repository.load()

    assert not local_paths(loaded.config, repository.root)[0].exists


@pytest.mark.parametrize("value", ["x", "[a]", "{general_qa: 3}", "{general_qa: {local_path: 3}}", "{general_qa: {}}"])
def test_settings_without_a_path_name_none(repository: Repository, value: str) -> None:
    _, loaded = repository.load(f"evaluate.args.dataset_args={value}")

    assert not [one for one in local_paths(loaded.config, repository.root) if one.section == "evaluate"]


def test_config_without_an_evaluation_names_its_trainings_paths(repository: Repository) -> None:
    del repository.config["evaluate"]
    repository.config["gate"] = []
    repository.write()
    _, loaded = repository.load()
    found = local_paths(loaded.config, repository.root)

    assert [(one.text, one.exists) for one in found] == [("model", True), ("data/train.jsonl", True)]
