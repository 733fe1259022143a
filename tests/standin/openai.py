"""An OpenAI-compatible API on the loopback: it answers by rule, asks for a key, and remembers who asked what."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[list[dict[str, Any]]], str]


@dataclass
class Api:
    """A running stand-in; `requests` are the bodies of all chats."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0


@contextmanager
def api(answer: Answer, key: str = "") -> Iterator[Api]:
    """Serves while inside; where there is a `key`, nobody is answered without it."""
    found = Api(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if key and self.headers.get("Authorization") != f"Bearer {key}":
                found.refused += 1
                self.reply(401, {"error": {"message": "Incorrect API key provided"}})
                return
            found.requests.append(body)
            message = {"role": "assistant", "content": answer(body["messages"])}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            chat = {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"]}
            self.reply(200, {**chat, "choices": [choice], "usage": usage})

        def reply(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
