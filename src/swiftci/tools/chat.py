"""Asks models through OpenAI-compatible servers of this machine, several at once."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.server import Server

ANSWER_SECONDS = 1800
"""How long one answer may take: a large model on a CPU says a word a second."""
_ANSWER_MAX = 16 << 20
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Message = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model that a server answers for by `id`."""

    server: Server
    id: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a model said; `cut` where it was not done at the limit."""

    text: str
    cut: bool


@dataclass(kw_only=True)
class _Asked:
    model: Model
    messages: Sequence[Message]
    max_tokens: int
    answer: Answer | None = None
    error: str = ""
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._ask, daemon=True)  # Ctrl-C does not wait for an answer
        self.thread.start()

    def _ask(self) -> None:
        try:
            self.answer = _request(self.model, self.messages, self.max_tokens)
        except urllib.error.HTTPError as error:
            self.error = _reason(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.error = f"{type(error).__name__}: {error}"


def ask(questions: Sequence[tuple[Model, Sequence[Message]]], max_tokens: int) -> list[Answer]:
    """Each model's answer to its conversation, the most likely one (temperature 0).

    Raises ToolError where a server ends, refuses, or does not answer as one should.
    """
    asked = [_Asked(model=model, messages=messages, max_tokens=max_tokens) for model, messages in questions]
    while any(one.thread.is_alive() for one in asked):
        for one in asked:
            while one.model.server.program.read():  # a pipe that nobody empties would stop the server
                continue
            if one.model.server.program.ended:
                raise one.model.server.lost()
        time.sleep(0.05)
    for one in asked:
        if one.answer is None:
            program = one.model.server.program
            message = f"{one.model.server.name} gave no answer for {one.model.id}: {one.error}"
            raise ToolError(message=message, argv=program.argv, tail=program.tail[-5:], log=program.log)
    return [one.answer for one in asked if one.answer]


def models(server: Server, names: Sequence[str]) -> dict[str, Model]:
    """The models of those names. Raises ToolError where a server does not say that it answers for them."""
    try:
        with _DIRECT.open(f"{server.url}/v1/models", timeout=60) as answer:
            listed = [one["id"] for one in json.loads(answer.read(_ANSWER_MAX))["data"]]
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException) as error:
        raise ToolError(message=f"{server.name} does not list its models: {error}", log=server.program.log) from None
    if missing := sorted(set(names) - set(listed)):
        message = f"{server.name} answers for {', '.join(map(str, listed))}, not for {', '.join(missing)}"
        raise ToolError(message=message, log=server.program.log)
    return {name: Model(server=server, id=name) for name in names}


def _request(model: Model, messages: Sequence[Message], max_tokens: int) -> Answer:
    body = {"model": model.id, "messages": list(messages), "max_tokens": max_tokens, "temperature": 0, "seed": 42}
    request = urllib.request.Request(  # noqa: S310 -- a server of our own
        f"{model.server.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with _DIRECT.open(request, timeout=ANSWER_SECONDS) as answer:
        text = answer.read(_ANSWER_MAX + 1)
    if len(text) > _ANSWER_MAX:
        raise ValueError(f"it answered more than {_ANSWER_MAX} bytes")
    try:
        choice: Any = json.loads(text)["choices"][0]
        content = choice["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ValueError(f"it answered {quoted(text.decode('utf-8', 'replace'))}") from None
    return Answer(text=content if isinstance(content, str) else "", cut=choice.get("finish_reason") == "length")


def _reason(error: urllib.error.HTTPError) -> str:
    """The server's own words: `{"message": …}` or `{"error": {"message": …}}`."""
    text = error.read(100_000)
    try:
        found = json.loads(text)
        found = found.get("error", found)
        why = str(found["message"] if isinstance(found, dict) and "message" in found else found)
    except (ValueError, AttributeError, RecursionError):
        why = text.decode("utf-8", "replace")
    return f"status {error.code}, {quoted(why, 300)}"
