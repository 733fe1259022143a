"""The fingerprint changes with all that decides a result, and with nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftci.config.load import Loaded
from swiftci.config.project import Project
from swiftci.store import fingerprint
from swiftci.store.digest import Digests
from swiftci.store.fingerprint import Known
from tests.fake.repository import Repository, make


def mark(repository: Repository, *sets: str) -> str:
    project, loaded = repository.load(*sets)
    return marked(repository, project, loaded)


def marked(repository: Repository, project: Project, loaded: Loaded) -> str:
    digests = Digests(repository.root / "digests.json")
    known = Known(versions={"torch": "2.13.0"})
    return fingerprint.of(fingerprint.parts(project, loaded.config, repository.root, digests, known, {}))


@pytest.mark.parametrize(
    "change",
    [
        "train.args.max_steps=11",
        "train.args.learning_rate=1e-4",
        "train.args.model=Qwen/Qwen3-4B",
        "train.args.dataset=data/train.jsonl#1",
        "train.gpus=1",
        "train.env={A: 1}",
        "evaluate.datasets=[general_qa, ceval]",
        "evaluate.args.limit=5",
        "evaluate.args.generation_config.max_tokens=7",
        "evaluate.clusters={general_qa: passage}",
    ],
)
def test_setting_that_decides_changes_it(repository: Repository, change: str) -> None:
    assert mark(repository, change) != mark(repository)


@pytest.mark.parametrize(
    "change",
    [
        "name=other",
        "gate=[]",
        "limits.job_minutes=5",
        "limits.run_minutes=5",
        "on.pull_request=true",
        "on.push=[main]",
        "evaluate.base=true",
        "evaluate.show=general_qa",
        "train.args.max_steps=10",
    ],
)
def test_setting_that_decides_nothing_does_not(repository: Repository, change: str) -> None:
    assert mark(repository, change) == mark(repository)


@pytest.mark.parametrize("hub", ["huggingface", {"name": "modelscope", "endpoint": "https://mirror.example"}])
def test_hub_changes_it(repository: Repository, hub: object) -> None:
    before = mark(repository)
    repository.project["hub"] = hub
    repository.write()

    assert mark(repository) != before


@pytest.mark.parametrize("key", ["language", "store", "cache"])
def test_rest_of_the_project_does_not(repository: Repository, key: str) -> None:
    before = mark(repository)
    repository.project[key] = {"language": "zh", "store": "/data/runs", "cache": "/data/models"}[key]
    repository.write()

    assert mark(repository) == before


def test_content_of_a_file_that_an_argument_names_changes_it(repository: Repository) -> None:
    (repository.root / "prompt.txt").write_text("You know where every tool lies.")
    before = mark(repository, "train.args.system=prompt.txt")
    (repository.root / "prompt.txt").write_text("You do not.")

    assert mark(repository, "train.args.system=prompt.txt") != before


def append(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / name).open("a") as file:
            file.write("x")

    return change


@pytest.mark.parametrize(
    "name",
    [
        "data/train.jsonl",
        "model/config.json",
        "model/model.safetensors",
        "data/heldout/items.jsonl",
        "data/heldout/new",
    ],
)
def test_content_of_local_models_and_data_changes_it(repository: Repository, name: str) -> None:
    before = mark(repository)
    append(name)(repository.root)

    assert mark(repository) != before


@pytest.mark.parametrize("name", ["README.md", "data/other.jsonl", "model/.cache", "swiftci.yaml", "configs/tiny.yaml"])
def test_other_files_do_not(repository: Repository, name: str) -> None:
    before = mark(repository)
    project, loaded = repository.load()
    append(name)(repository.root)

    assert marked(repository, project, loaded) == before


def test_missing_data_has_a_fingerprint_of_its_own(repository: Repository) -> None:
    before = mark(repository)
    (repository.root / "data" / "train.jsonl").unlink()

    assert mark(repository) not in ("", before)


def test_order_of_keys_does_not_count(repository: Repository) -> None:
    before = mark(repository)
    for part in (repository.config, repository.config["train"], repository.config["train"]["args"]):
        for key in sorted(part):
            part[key] = part.pop(key)
    text = json.dumps(repository.config)
    repository.write()

    assert json.dumps(repository.config) == text
    assert mark(repository) == before


def test_place_of_the_repository_does_not_count(repository: Repository, tmp_path: Path) -> None:
    other = make(tmp_path / "somewhere" / "else")

    assert mark(other) == mark(repository)


def test_time_of_a_file_does_not_count(repository: Repository) -> None:
    before = mark(repository)
    (repository.root / "data" / "train.jsonl").touch()

    assert mark(repository) == before


def test_sections_are_kept_apart(repository: Repository) -> None:
    project, loaded = repository.load()
    digests = Digests(repository.root / "digests.json")
    parts = fingerprint.parts(project, loaded.config, repository.root, digests, Known(), {})

    def contents(*reads: str) -> set[str]:
        return {part.key for part in fingerprint.chosen(parts, reads, ()) if part.key.startswith("content")}

    assert contents("train") == {"content of model", "content of data/train.jsonl"}
    assert contents("evaluate") == {"content of data/heldout"}
    assert contents("gate") == set()


def test_content_of_a_data_set_that_is_registered_changes_it(repository: Repository) -> None:
    (repository.root / "data/info.json").write_text('[{"dataset_name": "own", "dataset_path": "own.jsonl"}]')
    (repository.root / "data/own.jsonl").write_text('{"messages": []}\n')
    sets = ("train.args.custom_dataset_info=data/info.json", "train.args.dataset=own")
    before = mark(repository, *sets)
    append("data/own.jsonl")(repository.root)

    assert mark(repository, *sets) != before


@pytest.mark.parametrize(
    "text", ["{", "[1, null, {}]", '[{"dataset_path": 3}]', '[{"dataset_path": ""}]', "[" * 100_000]
)
def test_odd_registry_is_left_to_its_reader(repository: Repository, text: str) -> None:
    (repository.root / "data/info.json").write_text(text)

    assert mark(repository, "train.args.custom_dataset_info=data/info.json")


@pytest.mark.parametrize("row", [{"images": ["cat.png"]}, {"images": [{"path": "cat.png"}]}, {"image": "cat.png"}])
def test_content_of_images_that_rows_name_changes_it(repository: Repository, row: dict[str, object]) -> None:
    (repository.root / "cat.png").write_bytes(b"cat")
    (repository.root / "data/train.jsonl").write_text(json.dumps({"messages": [], **row}) + "\n")
    before = mark(repository)
    (repository.root / "cat.png").write_bytes(b"dog")

    assert mark(repository) != before
