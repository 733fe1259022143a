"""swiftci.tools.program with small real programs."""

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
from hypothesis import given
from hypothesis import strategies as st

from swiftci.spec.error import ToolError
from swiftci.tools import output, program
from tests.fake.repository import alive, wait_for

DRIVE = Path(__file__).with_name("drive.py")


def run(tmp_path: Path, code: str, *arguments: str, **options: Any) -> program.Ended:
    argv = [sys.executable, "-I", "-c", code, *arguments]
    return program.run(argv, log=tmp_path / "log", env={"PATH": os.environ["PATH"]}, cwd=tmp_path, **options)


def log(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text(encoding="utf-8")


# ---------------------------------------------------------------------------------------------- output


def test_output_of_both_streams_goes_to_the_log(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os; os.write(1, b'one\\n'); os.write(2, b'two\\n')")

    assert ended.returncode == 0
    assert log(tmp_path) == "one\ntwo\n"
    assert ended.tail == ("one", "two")


def test_log_is_appended_to(tmp_path: Path) -> None:
    run(tmp_path, "print('first')")
    run(tmp_path, "print('second')")

    assert log(tmp_path) == "first\nsecond\n"


def test_folder_of_the_log_is_made(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print(1)"]
    program.run(argv, log=tmp_path / "new" / "deep" / "log", env={}, cwd=tmp_path)

    assert (tmp_path / "new" / "deep" / "log").read_text() == "1\n"


def test_last_line_without_an_end_is_kept(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys; sys.stdout.write('no end')")

    assert ended.tail == ("no end",)
    assert log(tmp_path) == "no end\n"


def test_tail_is_the_last_lines_without_empty_ones(tmp_path: Path) -> None:
    ended = run(tmp_path, "for n in range(100): print(n); print()")

    assert ended.tail == tuple(str(n) for n in range(100 - output.TAIL_LINES, 100))


def test_of_a_progress_bar_the_last_state_lives(tmp_path: Path) -> None:
    ended = run(tmp_path, r"print('1%\r2%\r3%\r'); print('done')")

    assert ended.tail == ("3%", "done")


def test_echo_gets_every_line(tmp_path: Path) -> None:
    seen: list[str] = []
    run(tmp_path, "print('one'); print(); print('two')", echo=seen.append)

    assert seen == ["one", "", "two"]


def test_program_fails_with_its_own_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "raise SystemExit(7)").returncode == 7


def test_signal_that_killed_the_program_is_a_negative_exit_code(tmp_path: Path) -> None:
    assert run(tmp_path, "import os; os.kill(os.getpid(), 9)").returncode == -9


def test_bytes_that_are_no_text_are_kept_readable(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os; os.write(1, bytes(range(256)) * 40 + b'\\nend\\n')")

    assert ended.returncode == 0
    assert ended.tail[-1] == "end"
    assert "\ufffd" in log(tmp_path)


def test_ten_megabytes_without_a_line_end_need_no_memory(tmp_path: Path) -> None:
    seen: list[int] = []
    code = "import os, sys; [os.write(1, b'x' * 100_000) for _ in range(100)]"
    ended = run(tmp_path, code, echo=lambda line: seen.append(len(line)))

    assert ended.returncode == 0
    assert sum(seen) == 10_000_000
    assert max(seen) < 2 * output.LINE_MAX_BYTES


def test_standard_input_is_empty(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys; print(repr(sys.stdin.read()))")

    assert ended.tail == ("''",)


@pytest.mark.parametrize(
    "code", ["import os; os.close(1); os.close(2)", "import os, sys; os.dup2(os.open('x', 65), 1)"]
)
def test_program_may_close_its_output_and_go_on(tmp_path: Path, code: str) -> None:
    ended = run(tmp_path, code + "; import time, pathlib; time.sleep(0.3); pathlib.Path('left').touch(); os._exit(3)")

    assert ended.returncode == 3
    assert (tmp_path / "left").exists()


def test_program_that_was_silent_for_a_while_is_still_read(tmp_path: Path) -> None:
    """More than a pipe holds, after longer than we wait at once: the program would block for ever."""
    code = "import time; print('one', flush=True); time.sleep(0.8); print('x' * 200_000); print('two')"
    ended = run(tmp_path, code)

    assert ended.returncode == 0
    assert (ended.tail[0], len(ended.tail[1]), ended.tail[2]) == ("one", 200_000, "two")


def test_program_that_closed_its_output_has_a_deadline_too(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(30)"
    ended = run(tmp_path, code, deadline=time.time() + 0.2)

    assert ended.overdue
    assert ended.seconds < 5


# ---------------------------------------------------------------------------------------------- secrets


def test_secret_is_masked_in_log_tail_and_echo(tmp_path: Path) -> None:
    seen: list[str] = []
    ended = run(tmp_path, "print('token is hf_abcd1234.')", secrets=("hf_abcd1234",), echo=seen.append)

    assert log(tmp_path) == "token is ***.\n"
    assert ended.tail == ("token is ***.",)
    assert seen == ["token is ***."]


def test_secret_that_arrives_in_pieces_is_masked(tmp_path: Path) -> None:
    code = "import os, time\nfor c in b'x hf_abcd1234 y\\n': os.write(1, bytes([c])); time.sleep(0.005)"
    run(tmp_path, code, secrets=("hf_abcd1234",))

    assert log(tmp_path) == "x *** y\n"


def test_secret_in_a_progress_bar_is_masked(tmp_path: Path) -> None:
    ended = run(tmp_path, r"print('1% hf_abcd1234\r2% hf_abcd1234')", secrets=("hf_abcd1234",))

    assert ended.tail == ("2% ***",)
    assert "hf_abcd1234" not in log(tmp_path)


@pytest.mark.parametrize("before", range(-12, 3, 2))
def test_secret_across_the_cut_of_an_endless_line_is_masked(tmp_path: Path, before: int) -> None:
    length = output.LINE_MAX_BYTES + before
    first, second = f"b'x' * {length} + b'hf_ab'", "b'cd1234' + b'y' * 99"
    code = f"import os, time\nos.write(1, {first})\ntime.sleep(0.05)\nos.write(1, {second})"
    run(tmp_path, code, secrets=("hf_abcd1234",))

    assert log(tmp_path).replace("\n", "") == "x" * length + "***" + "y" * 99


def test_each_line_of_a_secret_with_lines_is_masked(tmp_path: Path) -> None:
    run(tmp_path, "print('-- KEY --\\nMIIabcdef\\nend')", secrets=("-- KEY --\nMIIabcdef\n",))

    assert log(tmp_path) == "***\n***\nend\n"


def test_secret_with_a_line_end_behind_it_is_masked() -> None:
    assert output.mask("token=hf_abcd1234;", ["hf_abcd1234\n"]) == "token=***;"


def test_longer_secret_is_masked_whole() -> None:
    assert output.mask("hf_abcd_more hf_abcd", ["hf_abcd", "hf_abcd_more"]) == "*** ***"


def test_text_of_three_characters_is_no_secret() -> None:
    assert output.mask("abc of the", ["abc"]) == "abc of the"


@given(
    st.text(),
    st.text(min_size=4, alphabet=st.characters(exclude_categories=("C", "Z"), exclude_characters="*")),
    st.text(),
)
def test_masked_text_never_holds_the_secret(before: str, secret: str, after: str) -> None:
    masked = output.mask(before + secret + after, [secret])

    assert secret not in masked


# ---------------------------------------------------------------------------------------------- arguments

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


# ---------------------------------------------------------------------------------------------- endings


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


# ---------------------------------------------------------------------------------------------- signals

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
