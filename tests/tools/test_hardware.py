"""What a run ran on."""

from pathlib import Path

import pytest

from swiftci.tools import hardware, nvml

CARD = "{index}, GPU-{index}, 0, 81920, 0, 550.54.15, NVIDIA A100-SXM4-80GB"


def smi(folder: Path, text: str) -> None:
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "nvidia-smi").chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(nvml, "look", lambda environ: None)
    return tmp_path


def test_machine_without_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(nvml, "look", lambda environ: None)

    assert hardware.describe().keys() == {"machine"}


def test_cards_are_named(path: Path) -> None:
    smi(path, "".join(f'echo "{CARD.format(index=index)}"; ' for index in range(2)) + "echo")

    described = hardware.describe()

    assert described["gpus"] == "NVIDIA A100-SXM4-80GB, 81920 MiB; NVIDIA A100-SXM4-80GB, 81920 MiB"
    assert described["driver"] == "550.54.15"


@pytest.mark.parametrize(("text", "code"), [("exit 9", 9), ("kill -9 $$", -9)])
def test_broken_driver_does_not_stop_a_run(path: Path, text: str, code: int) -> None:
    smi(path, text)

    assert hardware.describe()["gpus"] == f"nvidia-smi failed (exit code {code})"
