"""What a run ran on."""

from pathlib import Path

import pytest

from swiftci.tools import hardware


def smi(folder: Path, text: str) -> None:
    (folder / "nvidia-smi").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "nvidia-smi").chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_machine_without_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert hardware.describe().keys() == {"machine"}


def test_cards_are_named(path: Path) -> None:
    smi(path, 'echo "NVIDIA A100-SXM4-80GB, 81920 MiB"; echo "NVIDIA A100-SXM4-80GB, 81920 MiB"; echo')

    assert hardware.describe()["gpus"] == "NVIDIA A100-SXM4-80GB, 81920 MiB; NVIDIA A100-SXM4-80GB, 81920 MiB"


@pytest.mark.parametrize("text", ["exit 9", "kill -9 $$"])
def test_broken_driver_does_not_stop_a_run(path: Path, text: str) -> None:
    smi(path, text)

    assert hardware.describe()["gpus"] == "nvidia-smi failed"
