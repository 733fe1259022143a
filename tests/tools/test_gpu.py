"""GPUs are taken card by card, so that two jobs on one machine never meet; nvidia-smi is a script here."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.tools import gpu

CARD = "{index}, GPU-{index:04d}, {used}, 24564, NVIDIA GeForce RTX 4090"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose nvidia-smi shows what cards.csv holds: four free cards."""
    script = tmp_path / "bin/nvidia-smi"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\ncat {tmp_path}/cards.csv\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(gpu, "_LOOK_SECONDS", 0.05)
    show(tmp_path, [0, 0, 0, 0])
    return {"PATH": os.environ["PATH"]}


def show(folder: Path, used: list[int]) -> None:
    lines = [CARD.format(index=index, used=memory) for index, memory in enumerate(used)]
    (folder / "cards.csv").write_text("\n".join(lines) + "\n")


def taken(count: int, environ: dict[str, str], folder: Path, deadline: float | None = None) -> tuple[str, ...]:
    with gpu.taken(count, environ, folder / "locks", lambda text: None, deadline) as found:
        return found


def test_two_holders_get_different_cards(tmp_path: Path, machine: dict[str, str]) -> None:
    with gpu.taken(2, machine, tmp_path / "locks", print) as first:
        assert first == ("0", "1")
        assert taken(2, machine, tmp_path) == ("2", "3")
    assert taken(2, machine, tmp_path) == ("0", "1")


def test_card_that_somebody_else_uses_is_left_alone(tmp_path: Path, machine: dict[str, str]) -> None:
    show(tmp_path, [20_000, 300, 0, 0])

    assert taken(2, machine, tmp_path) == ("1", "2")


def test_cards_outside_of_cuda_visible_devices_are_not_taken(tmp_path: Path, machine: dict[str, str]) -> None:
    assert taken(1, {**machine, "CUDA_VISIBLE_DEVICES": "3"}, tmp_path) == ("3",)
    assert taken(1, {**machine, "CUDA_VISIBLE_DEVICES": "GPU-0002"}, tmp_path) == ("2",)


def test_more_cards_than_there_are_is_a_mistake_and_no_wait(tmp_path: Path, machine: dict[str, str]) -> None:
    with pytest.raises(ToolError, match=r"8 GPUs are asked for, and this machine shows 4 \(NVIDIA GeForce RTX 4090\)"):
        taken(8, machine, tmp_path)
    with pytest.raises(ToolError, match="shows 1 within CUDA_VISIBLE_DEVICES=2"):
        taken(2, {**machine, "CUDA_VISIBLE_DEVICES": "2"}, tmp_path)


def test_waiting_for_cards_ends_at_the_deadline(tmp_path: Path, machine: dict[str, str]) -> None:
    with (
        gpu.taken(4, machine, tmp_path / "locks", print),
        pytest.raises(ToolError, match="did not become free") as error,
    ):
        taken(1, machine, tmp_path, time.time() + 0.2)
    assert error.value.exit is Exit.CAPACITY


def test_card_of_a_holder_that_was_killed_is_free_again(tmp_path: Path, machine: dict[str, str]) -> None:
    code = (
        "import sys, time; from pathlib import Path; from swiftci.tools import gpu\n"
        f"with gpu.taken(4, dict(__import__('os').environ), Path({str(tmp_path / 'locks')!r}), print):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.wait()

    assert taken(4, machine, tmp_path, time.time() + 5) == ("0", "1", "2", "3")


@pytest.mark.parametrize("visible", ["2", ""])
def test_less_than_asked_for_is_told_without_nvidia_smi_too(tmp_path: Path, visible: str) -> None:
    with pytest.raises(ToolError, match="4 GPUs are asked for"):
        taken(4, {"PATH": str(tmp_path), "CUDA_VISIBLE_DEVICES": visible}, tmp_path)


def test_locks_are_for_every_user_of_the_machine(tmp_path: Path, machine: dict[str, str]) -> None:
    taken(1, machine, tmp_path)

    assert (tmp_path / "locks").stat().st_mode & 0o7777 == 0o1777
    assert (tmp_path / "locks/GPU-0000.lock").stat().st_mode & 0o777 == 0o666


def test_lock_that_cannot_be_opened_is_told(tmp_path: Path, machine: dict[str, str]) -> None:
    (tmp_path / "locks").write_text("")

    with pytest.raises(ToolError, match="which says who uses the card"):
        taken(1, machine, tmp_path)


def test_no_gpus_asked_for_hides_them_all(tmp_path: Path, machine: dict[str, str]) -> None:
    assert taken(0, machine, tmp_path) == ()
    assert gpu.environment(()) == {"CUDA_VISIBLE_DEVICES": ""}
    assert not (tmp_path / "locks").exists()


def test_cards_are_numbered_as_nvidia_smi_numbers_them() -> None:
    assert gpu.environment(("2", "3")) == {"CUDA_VISIBLE_DEVICES": "2,3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


@pytest.mark.parametrize(("visible", "expected"), [(None, ("0", "1")), ("5,6,7", ("5", "6"))])
def test_machine_without_nvidia_smi_gives_cards_unseen(
    tmp_path: Path, visible: str | None, expected: tuple[str, ...]
) -> None:
    environ = {"PATH": str(tmp_path)} | ({"CUDA_VISIBLE_DEVICES": visible} if visible else {})

    assert taken(2, environ, tmp_path) == expected
