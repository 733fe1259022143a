"""A swiftci that is told to stop, or killed, while a program runs; and nothing is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from swiftci.tools import program
from tests.fake.repository import alive, wait_for
from tests.tools.ran import log, run

DRIVE = Path(__file__).with_name("drive.py")

WAITS = """
import os, signal, subprocess, sys, time
deaf = "deaf" in sys.argv
if deaf: [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)]
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])
open('pids.part', 'w').write(f'{os.getpid()} {child.pid}')
os.rename('pids.part', 'pids')
try:
    time.sleep(30)
except KeyboardInterrupt:
    print('heard SIGINT', flush=True)
"""


class Driven:
    """A process that runs a program which waits, with a child."""

    def __init__(self, folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVE), str(folder / "log"), sys.executable, "-c", WAITS, *words],
            cwd=folder,
            env=dict(os.environ) | dict(environ or {}),
            stdout=subprocess.PIPE,
            text=True,
        )
        wait_for((folder / "pids").exists)
        self.pids = [int(word) for word in (folder / "pids").read_text().split()]

    def result(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=20)
        return dict(json.loads(out))

    def gone(self) -> bool:
        return not any(alive(pid) for pid in self.pids)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_is_passed_on_and_nothing_is_left(tmp_path: Path, number: signal.Signals) -> None:
    driven = Driven(tmp_path)
    driven.process.send_signal(number)

    assert driven.result() == {"interrupted": number.name}
    wait_for(driven.gone, 5)


def test_program_gets_the_very_signal(tmp_path: Path) -> None:
    driven = Driven(tmp_path)
    driven.process.send_signal(signal.SIGINT)
    driven.result()

    assert "heard SIGINT" in log(tmp_path)


def test_program_that_ignores_the_signal_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    driven = Driven(tmp_path, "deaf", environ={"DRIVE_GRACE": "0.3"})
    started = time.monotonic()
    driven.process.send_signal(signal.SIGTERM)

    assert driven.result() == {"interrupted": "SIGTERM"}
    assert 0.25 < time.monotonic() - started < 10
    wait_for(driven.gone, 5)


def test_other_signal_of_a_runner_that_cancels_kills_nothing(tmp_path: Path) -> None:
    """GitHub's sends SIGINT, and SIGTERM 7.5 s later: what is being saved since the first goes on."""
    driven = Driven(tmp_path, "deaf", environ={"DRIVE_GRACE": "1.5"})
    driven.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    driven.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)

    assert not driven.gone()
    assert driven.result() == {"interrupted": "SIGINT"}


def test_second_signal_kills_at_once(tmp_path: Path) -> None:
    driven = Driven(tmp_path, "deaf")
    driven.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert not driven.gone()
    driven.process.send_signal(signal.SIGTERM)

    assert driven.result() == {"interrupted": "SIGTERM"}
    wait_for(driven.gone, 5)


def test_deaf_program_past_its_deadline_is_killed_after_the_grace_time(tmp_path: Path) -> None:
    driven = Driven(tmp_path, "deaf", environ={"DRIVE_GRACE": "0.2", "DRIVE_DEADLINE": "1"})

    result = driven.result()
    assert result["overdue"] is True
    assert result["returncode"] == -signal.SIGKILL
    wait_for(driven.gone, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_program_dies_with_us(tmp_path: Path) -> None:
    driven = Driven(tmp_path)
    driven.process.kill()
    driven.process.communicate()

    wait_for(lambda: not alive(driven.pids[0]), 5)
    wait_for(lambda: not alive(driven.pids[1]), 10)


ESCAPED = """
import subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
worker = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
print(worker.pid, flush=True)
"""


def test_worker_in_a_session_of_its_own_ends_with_its_program(tmp_path: Path) -> None:
    ended = run(tmp_path, ESCAPED)

    assert not alive(int(ended.tail[0]))


def test_worker_in_a_session_of_its_own_ends_at_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "GRACE_SECONDS", 0.5)
    ended = run(tmp_path, ESCAPED + "time.sleep(120)", deadline=time.time() + 1)

    assert ended.overdue
    assert not alive(int(ended.tail[0]))


def test_process_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        run(tmp_path, "print(1)")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_program_hears_sigint_though_a_shell_made_us_deaf_to_it(tmp_path: Path) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ended = run(tmp_path, code)
    finally:
        signal.signal(signal.SIGINT, before)

    assert ended.tail == ("True",)
