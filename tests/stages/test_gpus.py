"""How long a stage waits for GPUs, and what others read of the one that has them."""

from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.stages.launch import gpus
from swiftci.stages.stage import Context
from swiftci.tools import gpu
from tests.fake.repository import Repository
from tests.stages.stand import context
from tests.tools.nvml import Machine, build


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(gpu, "_LOOK_SECONDS", 0.05)
    found = Machine(folder=tmp_path, library=build(tmp_path))
    found.cards(0)
    return found


def stage(repository: Repository, folder: Path, **limits: int) -> Context:
    repository.project["cache"] = str(folder / "cache")
    repository.config["limits"] = limits
    repository.write()
    return context(repository)


def test_with_no_minutes_a_stage_is_refused_at_once(repository: Repository, machine: Machine, tmp_path: Path) -> None:
    found = stage(repository, tmp_path, gpu_wait_minutes=0)

    with gpus(found, 1, machine.environ) as (first, _):
        assert first == ("0",)
        with (
            pytest.raises(ToolError, match=f"GPU 0: taken by tiny in {found.folder}") as caught,
            gpus(found, 1, machine.environ),
        ):
            pass
    assert caught.value.exit is Exit.CAPACITY


def test_without_a_limit_a_stage_waits(
    repository: Repository, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stage(repository, tmp_path)
    machine.cards(20_000)
    monkeypatch.setattr(found.progress, "line", lambda _: machine.cards(0))

    with gpus(found, 1, machine.environ) as (taken, _):
        assert taken == ("0",)
