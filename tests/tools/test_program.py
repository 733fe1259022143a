"""How a program is started, and how it ends."""

import json
import signal
import time
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools import program
from tests.fake.repository import alive, wait_for
from tests.tools.ran import log, run

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "quotes \" and ' and \\",
    "two\nlines",
    "*",
    "-rf",
    "",
    "中文 🙂",
    "${{ secrets.X }}",
    "x" * 100_000,
]


def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    code = "import json, sys; json.dump(sys.argv[1:], open('seen', 'w'))"
    run(tmp_path, code, *HOSTILE)

    assert json.loads((tmp_path / "seen").read_text()) == HOSTILE
    assert not (tmp_path / "pwned").exists()


def test_argument_larger_than_the_kernel_takes_is_a_tool_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be started: Argument list too long"):
        run(tmp_path, "pass", "x" * 3_000_000)


def test_missing_program_is_a_tool_error_without_secrets(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="/nowhere/python cannot be started: No such file") as raised:
        program.run(
            ["/nowhere/python", "--token", "hf_abcd1234"],
            log=tmp_path / "log",
            env={},
            cwd=tmp_path,
            secrets=("hf_abcd1234",),
        )

    assert raised.value.argv == ("/nowhere/python", "--token", "***")


def test_grandchild_that_holds_the_output_does_not_keep_us(tmp_path: Path) -> None:
    child = "import time; time.sleep(30)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); print('done')"
    ended = run(tmp_path, code)

    assert ended.tail == ("done",)
    assert ended.seconds < 5


def test_grandchild_that_goes_on_writing_does_not_keep_us(tmp_path: Path) -> None:
    child = "import time\nwhile True: print('still here', flush=True); time.sleep(0.01)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); print('done')"
    ended = run(tmp_path, code)

    assert ended.returncode == 0
    assert ended.seconds < 5


def test_all_of_a_programs_output_is_read_though_a_grandchild_holds_it(tmp_path: Path) -> None:
    child = "import time; time.sleep(30)"
    code = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, '-c', {child!r}])
for n in range(3000): os.write(1, b'%099d\\n' % n)
"""
    run(tmp_path, code)

    assert [int(line) for line in log(tmp_path).splitlines()] == list(range(3000))


def test_what_the_program_left_behind_is_killed(tmp_path: Path) -> None:
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'], stdout=subprocess.DEVNULL, stderr=2)
print(child.pid)
"""
    pid = int(run(tmp_path, code).tail[0])

    wait_for(lambda: not alive(pid), 5)


def test_program_dies_when_echo_fails(tmp_path: Path) -> None:
    pids: list[int] = []

    def broken(line: str) -> None:
        pids.append(int(line))
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(30)", echo=broken)

    assert not alive(pids[0])


def test_program_past_its_deadline_is_ended(tmp_path: Path) -> None:
    ended = run(tmp_path, "import time; time.sleep(30)", deadline=time.time() + 0.2)

    assert ended.overdue
    assert ended.returncode == -signal.SIGTERM
    assert ended.seconds < 5


def test_program_before_its_deadline_is_left_alone(tmp_path: Path) -> None:
    ended = run(tmp_path, "pass", deadline=time.time() + 60)

    assert not ended.overdue


def test_tick_is_called_at_the_start_and_at_the_end(tmp_path: Path) -> None:
    ticks: list[bool] = []
    run(tmp_path, "print('x', flush=True); open('made', 'w')", tick=lambda: ticks.append((tmp_path / "made").exists()))

    assert len(ticks) >= 2
    assert ticks[-1]


def test_signal_handlers_are_as_before_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    run(tmp_path, "pass")

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
