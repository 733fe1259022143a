"""A model's server: awaited while it lives, found on the port it really took, stopped whatever happens."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools import program, server

SCRIPT = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404); self.end_headers()
print("loading", flush=True)
time.sleep({load})
{before}
httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"INFO:     Uvicorn running on http://127.0.0.1:{{httpd.server_port}} (Press CTRL+C to quit)", flush=True)
{after}
httpd.serve_forever()
"""


@contextmanager
def started(
    tmp_path: Path, load: float = 0.0, before: str = "", after: str = "", minutes: float = 1.0
) -> Iterator[server.Server]:
    script = tmp_path / "server.py"
    script.write_text(SCRIPT.format(load=load, before=before, after=after))
    with server.serving(
        "teacher",
        [sys.executable, str(script)],
        log=tmp_path / "logs/teacher.log",
        env=dict(os.environ),
        cwd=tmp_path,
        secrets=(),
        minutes=minutes,
        deadline=None,
        told=lambda text: None,
    ) as running:
        yield running


def test_server_is_found_on_the_port_that_it_took_and_stopped_in_the_end(tmp_path: Path) -> None:
    with started(tmp_path) as running:
        assert running.url == f"http://127.0.0.1:{running.port}"
        assert not server.listening("127.0.0.1", running.port, time.time())
    assert running.program.ended
    assert server.listening("127.0.0.1", running.port, time.time())


def test_server_that_ends_while_it_loads_is_told_at_once(tmp_path: Path) -> None:
    began = time.monotonic()

    with (
        pytest.raises(ToolError, match="teacher ended before it answered: ValueError: no such model") as error,
        started(tmp_path, before="raise ValueError('no such model')", minutes=10),
    ):
        pass
    assert time.monotonic() - began < 60  # of the ten minutes that it may take
    assert error.value.log == tmp_path / "logs/teacher.log"


def test_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="did not answer in time"), started(tmp_path, load=60, minutes=0.01):
        pass


def test_program_is_stopped_when_its_server_ends(tmp_path: Path) -> None:
    with started(tmp_path, after="import threading, os; threading.Timer(1, os._exit, [3]).start()") as running:
        began = time.monotonic()
        ended = program.run(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            log=tmp_path / "main.log", env=dict(os.environ), cwd=tmp_path, beside=[running.program],
        )  # fmt: skip

        assert ended.lost is running.program
        assert time.monotonic() - began < 50  # of the program's 60
        assert "ended while it was needed" in str(running.lost())


def test_output_of_a_talkative_server_never_blocks_it(tmp_path: Path) -> None:
    talk = (
        "import threading\n"
        "def talk():\n    for n in range(20000): print('x' * 100)\n    print('said all', flush=True)\n"
        "threading.Thread(target=talk, daemon=True).start()"
    )
    wait = (
        "import pathlib, time\n"
        "for _ in range(600):\n    time.sleep(0.1)\n"
        "    if 'said all' in pathlib.Path('logs/teacher.log').read_text(): break"
    )
    with started(tmp_path, after=talk) as running:
        program.run(
            [sys.executable, "-c", wait],
            log=tmp_path / "main.log", env=dict(os.environ), cwd=tmp_path, beside=[running.program],
        )  # fmt: skip
    assert "said all" in (tmp_path / "logs/teacher.log").read_text()


def test_proxy_of_the_environment_is_not_asked_for_a_server_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with started(tmp_path, minutes=0.2) as running:
        assert running.port
