"""From which checkpoint a training is gone on with, and what is taken back before."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftci.evidence import training
from tests.fake.trained import tensors


def checkpoint(folder: Path, number: int, **left_out: bool) -> Path:
    """A checkpoint as far as going on from it looks at it."""
    path = folder / f"checkpoint-{number}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(tensors(64))
    for name in ("optimizer.pt", "scheduler.pt"):
        if not left_out.get(name.partition(".")[0]):
            (path / name).write_bytes(b"x")
    (path / "trainer_state.json").write_text(json.dumps({"global_step": number, "max_steps": 50}))
    return path


def test_newest_whole_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    for number in (5, 10, 9):
        checkpoint(tmp_path, number)
    found = training.resumable(tmp_path)

    assert found is not None
    assert (found.path.name, found.step, found.max_steps, found.lacks) == ("checkpoint-10", 10, 50, "")


def cut(path: Path) -> None:
    data = (path / "model.safetensors").read_bytes()
    (path / "model.safetensors").write_bytes(data[:-3])


def another_step(path: Path) -> None:
    (path / "trainer_state.json").write_text(json.dumps({"global_step": 3, "max_steps": 50}))


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        another_step,
        lambda path: (path / "model.safetensors").unlink(),
        lambda path: (path / "trainer_state.json").unlink(),
        lambda path: (path / "trainer_state.json").write_text("{"),
        lambda path: (path / "trainer_state.json").write_text("[" * 100_000),
        lambda path: (path / "checkpoint-is-incomplete.txt").touch(),
    ],
)
def test_half_written_checkpoint_is_passed_over(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    checkpoint(tmp_path, 5)
    damage(checkpoint(tmp_path, 10))
    found = training.resumable(tmp_path)

    assert found is not None
    assert found.step == 5


def test_checkpoint_with_its_optimizer_is_before_a_newer_one_without(tmp_path: Path) -> None:
    checkpoint(tmp_path, 5)
    checkpoint(tmp_path, 10, optimizer=True)

    assert training.resumable(tmp_path).step == 5  # type: ignore[union-attr] # None fails as well


def test_only_checkpoint_without_its_optimizer_says_so(tmp_path: Path) -> None:
    checkpoint(tmp_path, 10, optimizer=True, scheduler=True)
    found = training.resumable(tmp_path)

    assert found is not None
    assert found.lacks == "the optimizer's state, the learning rate's schedule"


def test_nothing_is_gone_on_from_nothing(tmp_path: Path) -> None:
    assert training.resumable(tmp_path) is None
    assert training.resumable(tmp_path / "nowhere") is None


def test_rewinding_takes_back_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    for number in (5, 10):
        checkpoint(tmp_path, number)
    cut(tmp_path / "checkpoint-10")
    rows = [{"loss": 1.0, "global_step/max_steps": f"{step}/50"} for step in range(1, 13)]
    rows.insert(5, {"eval_loss": float("nan"), "global_step/max_steps": "5/50"})
    rows.insert(5, {"train_runtime": 1.0, "global_step/max_steps": "5/50"})
    rows.append({"last_model_checkpoint": "x"})
    (tmp_path / "logging.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"loss": 1')
    found = training.resumable(tmp_path)
    assert found is not None
    training.rewind(tmp_path, found)
    left = [json.loads(line) for line in (tmp_path / "logging.jsonl").read_text().splitlines()]

    assert [row["global_step/max_steps"] for row in left] == ["1/50", "2/50", "3/50", "4/50", "5/50", "5/50"]
    assert "eval_loss" in left[-1]
    assert sorted(path.name for path in tmp_path.glob("checkpoint-*")) == ["checkpoint-5"]
