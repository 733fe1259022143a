"""What a program prints: into its log, its tail and the echo; masked, whatever the pieces."""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.tools import output, program
from tests.tools.ran import log, run


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
