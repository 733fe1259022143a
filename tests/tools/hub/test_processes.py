"""Processes that die in the middle, and two at once."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fake.repository import wait_for
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import BOTH, WEIGHTS

DRIVE = Path(__file__).with_name("drive.py")


def start(hub: Hub, cache: Path, name: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, str(DRIVE), name, hub.endpoint, str(cache)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin"})


def part(cache: Path) -> int:
    """Bytes of the weights that are there, unfinished."""
    found = [path for path in cache.rglob("model.safetensors") if ".parts" in str(path.parent)]
    return found[0].stat().st_size if found else 0


def ended(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return out


@BOTH
def test_killed_download_is_gone_on_with_by_the_next_process(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.faults = [Fault("model.safetensors", rate=300_000, server="cdn")]
    first = start(hub, tmp_path / "cache", name)
    wait_for(lambda: part(tmp_path / "cache") > 100_000)
    first.kill()
    first.communicate()
    there = part(tmp_path / "cache")
    said = ended(start(hub, tmp_path / "cache", name))

    assert [one.headers.get("range") for one in hub.asked_cdn] == [None, f"bytes={there}-"]
    folder = Path(said.splitlines()[-1].partition(" to ")[2])
    assert said.splitlines()[-1].startswith(f"{len(WEIGHTS) - there} bytes")
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert part(tmp_path / "cache") == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_download_ends_at_once_and_keeps_what_is_there(
    hub: Hub, tmp_path: Path, number: signal.Signals
) -> None:
    hub.faults = [Fault("model.safetensors", rate=30_000, server="cdn")]
    process = start(hub, tmp_path / "cache", "huggingface")
    wait_for(lambda: part(tmp_path / "cache") > 10_000)
    began = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)

    assert time.monotonic() - began < 10
    assert process.returncode != 0
    assert part(tmp_path / "cache") > 10_000


def test_silent_server_does_not_keep_a_stopped_process(hub: Hub, tmp_path: Path) -> None:
    hub.faults = [Fault("model.safetensors", wait=30, server="cdn")]
    process = start(hub, tmp_path / "cache", "huggingface")
    wait_for(lambda: bool(hub.asked_cdn))
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert time.monotonic() - began < 10


@BOTH
def test_two_processes_fetch_once(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.faults = [Fault("model.safetensors", rate=400_000, server="cdn")]
    first = start(hub, tmp_path / "cache", name)
    wait_for(lambda: part(tmp_path / "cache") > 0)
    second = start(hub, tmp_path / "cache", name)
    outs = [ended(first), ended(second)]

    assert len(hub.asked_cdn) == 1
    assert outs[1].splitlines()[0] == "another job fetches model team/tiny.1; waiting for it"
    assert outs[1].splitlines()[-1].startswith("0 bytes to ")
    assert outs[0].splitlines()[-1].partition(" to ")[2] == outs[1].splitlines()[-1].partition(" to ")[2]


def test_process_that_waits_takes_over_from_one_that_dies(hub: Hub, tmp_path: Path) -> None:
    hub.faults = [Fault("model.safetensors", rate=300_000, server="cdn")]
    first = start(hub, tmp_path / "cache", "modelscope")
    wait_for(lambda: part(tmp_path / "cache") > 100_000)
    second = start(hub, tmp_path / "cache", "modelscope")
    assert second.stdout is not None
    assert "waiting" in second.stdout.readline()
    first.kill()
    first.communicate()

    assert not ended(second).startswith("0 bytes")
    assert hub.asked_cdn[-1].headers["range"].startswith("bytes=")
