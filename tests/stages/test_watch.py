"""A training that had better stop, told from what it logs, prints and uses."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from swiftci.config.model import Limits
from swiftci.stages import watch as module
from swiftci.stages.watch import Watch
from swiftci.tools.program import Stop
from tests.stages.stand import Heard

NAN = float("nan")


class Stand:
    """A watch with a clock, a disk and cards of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> None:
        self.folder, self.heard = folder, Heard()
        self.now, self.free, self.percent = 1000.0, 1e12, 50.0
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=self.free))
        self.watch = Watch(
            folder, folder / "train.log", Limits(**limits), self.heard, busy=lambda: self.percent, more=lambda: None
        )

    def log(self, **row: Any) -> Stop | None:
        self.step = getattr(self, "step", 0) + 1
        with (self.folder / "logging.jsonl").open("a") as file:
            file.write(json.dumps({"global_step/max_steps": f"{self.step}/99", **row}) + "\n")
        return self.watch()

    def after(self, minutes: float) -> Stop | None:
        self.now += 60 * minutes
        return self.watch()


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stand]:
    return lambda **limits: Stand(tmp_path, monkeypatch, **limits)


def test_good_training_is_left_alone(stand: Callable[..., Stand]) -> None:
    one = stand()
    for number in range(50):
        assert one.log(loss=5.0 / (number + 1), grad_norm=1.0) is None
        assert one.after(20) is None


@pytest.mark.parametrize(
    "row", [{"loss": NAN}, {"loss": float("inf")}, {"loss": 0.0, "grad_norm": NAN}, {"loss": 31.0, "grad_norm": 1.0}]
)
def test_divergence_for_three_steps_stops_it(stand: Callable[..., Stand], row: dict[str, float]) -> None:
    one = stand()
    for _ in range(6):
        assert one.log(loss=6.0, grad_norm=1.0) is None
    assert one.log(**row) is None
    assert one.log(**row) is None
    stop = one.log(**row)

    assert stop is not None
    assert (stop.kind, stop.number) == ("data", signal.SIGKILL)
    assert "for 3 logged steps up to 9" in stop.reason
    assert "learning_rate" in stop.hint


def test_single_bad_step_is_what_mixed_precision_skips(stand: Callable[..., Stand]) -> None:
    one = stand()
    for _ in range(20):
        assert one.log(loss=6.0, grad_norm=NAN) is None
        assert one.log(loss=6.0, grad_norm=NAN) is None
        assert one.log(loss=6.0, grad_norm=1.0) is None


@pytest.mark.parametrize(("policy", "lines"), [("warn", 1), ("off", 0)])
def test_divergence_may_be_let_pass(stand: Callable[..., Stand], policy: str, lines: int) -> None:
    one = stand(diverged=policy)

    assert [one.log(loss=NAN) for _ in range(9)] == [None] * 9
    assert len(one.heard.lines) == lines


def test_loss_of_a_reinforcement_goes_where_it_likes(stand: Callable[..., Stand]) -> None:
    one = stand()

    assert [one.log(loss=loss, grad_norm=1.0, reward=0.5) for loss in (0.2,) * 6 + (9.0,) * 6] == [None] * 12


def test_silence_asks_for_stacks(stand: Callable[..., Stand]) -> None:
    one = stand(stall_minutes=30)
    one.log(loss=1.0)
    assert one.after(29) is None
    (one.folder / "train.log").write_text("still here")
    assert one.after(29) is None
    assert one.after(29) is None
    stop = one.after(2)

    assert stop is not None
    assert (stop.kind, stop.number) == ("hardware", signal.SIGABRT)
    assert "nothing was logged or printed for 30 minutes" in stop.reason


def test_cards_that_compute_nothing_stop_it(stand: Callable[..., Stand]) -> None:
    one = stand(idle_minutes=30)
    one.percent = 0.0
    for _ in range(29):
        assert one.log(loss=1.0) is None
        assert one.after(1) is None
    one.log(loss=1.0)
    one.after(1)
    one.log(loss=1.0)
    stop = one.after(1)

    assert stop is not None
    assert "the GPUs computed nothing for 30 minutes" in stop.reason


@pytest.mark.parametrize("percent", [None, 1.0])
def test_cards_that_say_nothing_are_no_reason(stand: Callable[..., Stand], percent: float | None) -> None:
    one = stand(idle_minutes=5, stall_minutes=0)
    one.percent = percent  # type: ignore[assignment]

    assert [one.after(2) for _ in range(9)] == [None] * 9


@pytest.mark.parametrize(("size", "number"), [(100, signal.SIGTERM), (900_000_000, signal.SIGKILL)])
def test_nearly_full_disk_stops_it_and_saves_where_there_is_room(
    stand: Callable[..., Stand], size: int, number: signal.Signals
) -> None:
    one = stand(free_disk_gb=1.0)
    checkpoint = one.folder / "checkpoint-5"
    checkpoint.mkdir()
    (checkpoint / "trainer_state.json").write_text("{}")
    with (checkpoint / "model.safetensors").open("wb") as file:
        file.truncate(size)
    one.free = 0.8e9
    stop = one.after(1)

    assert stop is not None
    assert (stop.kind, stop.number) == ("disk", number)
    assert stop.reason.startswith("only 0.80 GB of the disk are free")


@pytest.mark.parametrize("limits", [{"stall_minutes": 0, "idle_minutes": 0, "free_disk_gb": 0, "diverged": "off"}])
def test_everything_can_be_switched_off(stand: Callable[..., Stand], limits: dict[str, Any]) -> None:
    one = stand(**limits)
    one.free, one.percent = 0.0, 0.0

    assert [one.after(100) for _ in range(9)] == [None] * 9
    assert [one.log(loss=NAN) for _ in range(9)] == [None] * 9


def test_steps_of_an_earlier_try_are_not_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logging.jsonl").write_text('{"loss": NaN, "global_step/max_steps": "1/9"}\n' * 5)
    one = Stand(tmp_path, monkeypatch)

    assert one.watch() is None
    assert one.heard.steps == []
