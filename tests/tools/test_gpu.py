"""GPUs are taken card by card, so that two jobs on one machine never meet; nvidia-smi is a script here."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.tools import gpu, nvml
from tests.tools.nvml import Machine, build

CARD = "{index}, GPU-{index:04d}, {used}, 24564, 0, 550.54.15, NVIDIA GeForce RTX 4090"
SMI = """#!/bin/sh
case "$1" in --query-gpu=*) cat {folder}/cards.csv ;; *) cat {folder}/users.csv ;; esac
exit $(cat {folder}/code)
"""


ask_nvml = nvml.look


@pytest.fixture(autouse=True)
def _without_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the machine of the tests may have cards itself."""
    monkeypatch.setattr(nvml, "look", lambda environ: None)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment whose nvidia-smi shows what cards.csv holds: four free cards."""
    script = tmp_path / "bin/nvidia-smi"
    script.parent.mkdir()
    script.write_text(SMI.format(folder=tmp_path))
    script.chmod(0o755)
    (tmp_path / "users.csv").touch()
    (tmp_path / "code").write_text("0")
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(gpu, "_LOOK_SECONDS", 0.05)
    show(tmp_path, [0, 0, 0, 0])
    return {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def cards(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose NVML shows what a test says."""
    monkeypatch.setattr(nvml, "look", ask_nvml)
    monkeypatch.setattr(gpu, "_LOOK_SECONDS", 0.05)
    return Machine(folder=tmp_path, library=library)


def show(folder: Path, used: list[int]) -> None:
    lines = [CARD.format(index=index, used=memory) for index, memory in enumerate(used)]
    (folder / "cards.csv").write_text("\n".join(lines) + "\n")


def taken(
    count: int, environ: dict[str, str], folder: Path, deadline: float | None = None, minutes: int | None = None
) -> tuple[str, ...]:
    with gpu.taken(count, environ, folder / "locks", lambda text: None, deadline, minutes=minutes) as found:
        return found


def refused(count: int, environ: dict[str, str], folder: Path, minutes: int | None = 0) -> ToolError:
    with pytest.raises(ToolError) as caught:
        taken(count, environ, folder, minutes=minutes)
    return caught.value


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


def test_slices_of_a_card_are_taken_as_they_are_named_and_each_once(tmp_path: Path, machine: dict[str, str]) -> None:
    show(tmp_path, [20_000])
    slices = {**machine, "CUDA_VISIBLE_DEVICES": "MIG-a1, MIG-GPU-b2/1/0"}

    with gpu.taken(1, slices, tmp_path / "locks", print) as first:
        assert first == ("MIG-a1",)
        assert taken(1, slices, tmp_path) == ("MIG-GPU-b2/1/0",)


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
        "import sys, time; from pathlib import Path; from swiftci.tools import gpu, nvml\n"
        "nvml.look = lambda environ: None\n"
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


@pytest.mark.parametrize("code", [0, 15], ids=["it shows the lost one", "it fails, and does not"])
def test_lost_card_that_nvidia_smi_shows_is_never_taken(tmp_path: Path, machine: dict[str, str], code: int) -> None:
    lost = "0, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], 550.54.15, [GPU is lost]\n"
    unable = "Unable to determine the device handle for GPU0000:1B:00.0: Unknown Error\n"
    (tmp_path / "cards.csv").write_text((unable if code else lost) + CARD.format(index=1, used=0))
    (tmp_path / "code").write_text(str(code))

    assert taken(1, machine, tmp_path) == ("GPU-0001",)
    error = refused(2, machine, tmp_path)
    assert error.kind == "hardware"
    assert ("Unable to determine the device handle" if code else "GPU 0 cannot be used") in error.message


@pytest.mark.parametrize(("code", "kind"), [(9, "hardware"), (18, "hardware"), (255, None)])
def test_nvidia_smi_without_a_driver(tmp_path: Path, machine: dict[str, str], code: int, kind: str | None) -> None:
    (tmp_path / "cards.csv").write_text("NVIDIA-SMI has failed\n")
    (tmp_path / "code").write_text(str(code))

    if kind is None:
        assert taken(1, machine, tmp_path) == ("0",)
    else:
        error = refused(1, machine, tmp_path)
        assert (error.kind, error.exit) == (kind, Exit.TOOL)
        assert f"nvidia-smi failed (exit code {code}): NVIDIA-SMI has failed" in error.message


def test_card_that_has_no_memory_of_its_own_is_one_too(tmp_path: Path, machine: dict[str, str]) -> None:
    (tmp_path / "cards.csv").write_text("0, GPU-0000, [N/A], [N/A], 0, 580.95, NVIDIA GB10\n")

    assert taken(1, machine, tmp_path) == ("0",)


def test_refusal_says_who_uses_the_cards_by_nvidia_smi(tmp_path: Path, machine: dict[str, str]) -> None:
    show(tmp_path, [20_000, 0, 0, 0])
    (tmp_path / "users.csv").write_text("GPU-0000, 1073741824, 19800\n")

    assert "GPU 0: 19.5 of 24 GB used by pid 1073741824" in refused(4, machine, tmp_path).message


def test_refusal_at_once_says_who_holds_each_card(tmp_path: Path, cards: Machine) -> None:
    cards.show(
        "card 81920 31948 97 NVIDIA A100", "card 81920 4 0 NVIDIA A100", "card 81920 4 0 NVIDIA A100",
        "process 0 1073741824 31000", "process 0 1073741825 -1",
    )  # fmt: skip

    with gpu.taken(1, cards.environ, tmp_path / "locks", print, holder="tiny in /runs/tiny, pid 7"):
        error = refused(3, cards.environ, tmp_path)
        assert taken(1, cards.environ, tmp_path, minutes=0) == ("2",)

    assert (error.kind, error.exit) == ("capacity", Exit.CAPACITY)
    assert error.message == (
        "3 of this machine's 3 GPUs did not become free in time; "
        "GPU 0: 31.2 of 80 GB used by pid 1073741824, pid 1073741825; GPU 1: taken by tiny in /runs/tiny, pid 7"
    )
    assert "limits.gpu_wait_minutes" in error.hint


def test_holder_cannot_write_more_than_a_line_to_others_terminals(tmp_path: Path, cards: Machine) -> None:
    cards.cards(0)

    with gpu.taken(1, cards.environ, tmp_path / "locks", print, holder="x\n\x1b[2J" + "y" * 500):
        message = refused(1, cards.environ, tmp_path).message

    assert "taken by x\\x0a\\x1b[2Jyyy" in message
    assert len(message) < 300


def test_waiting_tells_who_is_waited_for_and_takes_what_becomes_free(tmp_path: Path, cards: Machine) -> None:
    lines: list[str] = []
    cards.cards(20_000)

    def told(line: str) -> None:
        lines.append(line)
        cards.cards(0)

    with gpu.taken(1, cards.environ, tmp_path / "locks", told) as found:
        assert found == ("0",)
    assert lines == ["waiting for 1 of 1 GPUs; GPU 0: 19.5 of 80 GB used"]


def test_waiting_ends_when_the_card_is_lost(tmp_path: Path, cards: Machine) -> None:
    cards.cards(20_000)

    def told(_: str) -> None:
        cards.show("card 81920 0 0 NVIDIA A100", "fails nvmlDeviceGetHandleByIndex_v2 15")

    with (
        pytest.raises(ToolError, match="GPU 0 cannot be used: GPU is lost") as error,
        gpu.taken(1, cards.environ, tmp_path / "locks", told),
    ):
        pass
    assert error.value.kind == "hardware"


def test_lost_card_is_told_and_left_out(tmp_path: Path, cards: Machine) -> None:
    lines: list[str] = []
    cards.show(*["card 81920 0 0 NVIDIA A100"] * 3, "fails nvmlDeviceGetMemoryInfo_v2 15 0")

    with gpu.taken(2, cards.environ, tmp_path / "locks", lines.append) as found:
        assert found == ("GPU-0001", "GPU-0002")
    assert lines == ["GPU 0 cannot be used: GPU is lost (NVML code 15); it is left out"]


def test_two_jobs_that_want_all_cards_get_them_one_after_the_other(tmp_path: Path, machine: dict[str, str]) -> None:
    code = (
        "import os, time; from pathlib import Path; from swiftci.tools import gpu, nvml\n"
        "gpu._LOOK_SECONDS = 0.01; nvml.look = lambda environ: None\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for _ in range(10):\n"
        "    with gpu.taken(4, dict(os.environ), folder / 'locks', lambda line: None, minutes=1):\n"
        "        os.close(os.open(folder / 'alone', os.O_CREAT | os.O_EXCL)); os.unlink(folder / 'alone')\n"
    )

    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]

    assert [one.wait(30) for one in both] == [0, 0]
