"""Asking models: several at once, and what a server that refuses, talks nonsense or dies becomes."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools import chat
from swiftci.tools.process import Program
from swiftci.tools.server import Server
from tests.standin.openai import api

LASTS = "import time; time.sleep(60)"


@contextmanager
def server(url: str, path: Path, code: str = LASTS) -> Iterator[Server]:
    program = Program([sys.executable, "-c", code], log=path / "log", env={}, cwd=path)
    try:
        yield Server(name="serve-it", program=program, port=urlsplit(url).port or 0)
    finally:
        program.close()


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that says one thing to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        served.server_close()


def asked(*words: str) -> list[chat.Message]:
    return [{"role": "user", "content": word} for word in words]


def test_models_are_asked_at_once_and_answer_in_order(tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=10)

    def answer(messages: list[dict[str, Any]]) -> str:
        both.wait()
        return f"{len(messages)} heard"

    with api(answer) as served, server(served.url, tmp_path) as one:
        models = [chat.Model(server=one, id=name) for name in ("base", "tuned")]
        answers = chat.ask([(models[0], asked("a")), (models[1], asked("a", "b"))], 7)

        assert [(found.text, found.cut) for found in answers] == [("1 heard", False), ("2 heard", False)]
        assert {(one["model"], one["max_tokens"], one["temperature"]) for one in served.requests} == {
            ("base", 7, 0),
            ("tuned", 7, 0),
        }


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, b'{"message": "too long", "object": "error"}', 'status 400, "too long"'),
        (500, b'{"error": {"message": "oops"}}', 'status 500, "oops"'),
        (502, b"<html>\x1b[2J", 'status 502, "<html>\\x1b[2J"'),
        (200, b"no JSON", 'it answered "no JSON"'),
        (200, b'{"choices": []}', "it answered"),
        (200, b"[" * 100_000, "it answered"),
    ],
)
def test_answer_that_is_none_is_told(status: int, body: bytes, message: str, tmp_path: Path) -> None:
    with answering(status, body) as url, server(url, tmp_path) as one, pytest.raises(ToolError) as raised:
        chat.ask([(chat.Model(server=one, id="base"), asked("a"))], 7)

    assert raised.value.message.startswith("serve-it gave no answer for base: ")
    assert message in raised.value.message


def test_answer_without_text_is_empty_and_one_at_the_limit_is_cut(tmp_path: Path) -> None:
    body = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
    with answering(200, json.dumps(body).encode()) as url, server(url, tmp_path) as one:
        answers = chat.ask([(chat.Model(server=one, id="base"), asked("a"))], 7)

    assert (answers[0].text, answers[0].cut) == ("", True)


def test_server_that_dies_is_not_waited_for(tmp_path: Path) -> None:
    silent = threading.Event()
    with api(lambda _: str(silent.wait(30))) as served, server(served.url, tmp_path, "print('out of memory')") as one:
        with pytest.raises(ToolError, match="serve-it ended while it was needed"):
            chat.ask([(chat.Model(server=one, id="base"), asked("a"))], 7)
        silent.set()


def test_server_that_talks_much_does_not_stop_at_a_full_pipe(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = f"print('x' * 1_000_000, flush=True); open({str(done)!r}, 'w'); {LASTS}"

    def answer(_: object) -> str:
        while not done.exists():
            threading.Event().wait(0.02)
        return "here"

    with api(answer) as served, server(served.url, tmp_path, code) as one:
        assert chat.ask([(chat.Model(server=one, id="base"), asked("a"))], 7)[0].text == "here"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"data": [{"id": "base"}]}', "answers for base, not for tuned"),
        (b'{"data": 1}', "does not list its models"),
        (b"nonsense", "does not list its models"),
    ],
)
def test_server_must_list_what_it_is_asked_for(body: bytes, message: str, tmp_path: Path) -> None:
    with answering(200, body) as url, server(url, tmp_path) as one, pytest.raises(ToolError, match=message):
        chat.models(one, ("base", "tuned"))
