"""Copies that the hubs' own clients left are used where a hub cannot be reached, if they are whole."""

from pathlib import Path

import pytest

from swiftci.config.project import Hub, Project
from swiftci.tools.hub.prefilled import prefilled
from swiftci.tools.hub.reference import Reference

COMMIT = "0" * 40


def project(cache: Path, hub: str) -> Project:
    return Project(actions="swiftci/swiftci@v1", cache=str(cache), hub=Hub(name=hub))


@pytest.mark.parametrize("place", ["models/Qwen/Qwen3-0.6B", "models/Qwen/Qwen3-0___6B", "hub/models/Qwen/Qwen3-0.6B"])
def test_modelscopes_cache_is_found_by_the_names_it_writes(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "modelscope" / place
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    reference = Reference(hub="modelscope", kind="model", id="Qwen/Qwen3-0.6B")

    found = prefilled(reference, project(tmp_path, "modelscope"), {})

    assert found is not None
    assert (found.folder, found.files, found.size, found.bytes, found.commit) == (folder, 1, 2, 0, None)


def test_hugging_faces_cache_is_found_by_its_branch(tmp_path: Path) -> None:
    repository = tmp_path / "huggingface/hub/datasets--openai--gsm8k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(COMMIT + "\n")
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "snapshots" / COMMIT / "README.md").write_text("x")
    reference = Reference(hub="huggingface", kind="dataset", id="openai/gsm8k")

    found = prefilled(reference, project(tmp_path, "huggingface"), {})

    assert found is not None
    assert found.folder == repository / "snapshots" / COMMIT


@pytest.mark.parametrize("name", ["model.safetensors.incomplete", "model.safetensors.part"])
def test_half_a_copy_is_none(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "modelscope/models/a/b"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / name).touch()

    assert prefilled(Reference(hub="modelscope", kind="model", id="a/b"), project(tmp_path, "modelscope"), {}) is None


def test_half_a_copy_of_hugging_faces_is_none(tmp_path: Path) -> None:
    repository = tmp_path / "huggingface/hub/models--a--b"
    (repository / "snapshots" / COMMIT).mkdir(parents=True)
    (repository / "snapshots" / COMMIT / "config.json").write_text("{}")
    reference = Reference(hub="huggingface", kind="model", id="a/b", revision=COMMIT)
    assert prefilled(reference, project(tmp_path, "huggingface"), {})

    (repository / "blobs").mkdir()
    (repository / "blobs/0123.incomplete").touch()
    assert prefilled(reference, project(tmp_path, "huggingface"), {}) is None


@pytest.mark.parametrize("text", ["../../../etc", "..", ""])
def test_branch_file_cannot_lead_out_of_the_cache(tmp_path: Path, text: str) -> None:
    repository = tmp_path / "huggingface/hub/models--a--b"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text(text)
    (repository / "config.json").write_text("{}")

    reference = Reference(hub="huggingface", kind="model", id="a/b")
    assert prefilled(reference, project(tmp_path, "huggingface"), {}) is None
