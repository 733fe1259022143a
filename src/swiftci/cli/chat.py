"""swiftci chat"""

import io
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from swiftci.cli.progress import say
from swiftci.spec.error import Interrupted

if TYPE_CHECKING:  # `--help` must not pay for it
    from swiftci.tools.chat import Message, Model


@click.command()
@click.argument("run")
@click.argument("prompt", nargs=-1)
@click.option("--system", metavar="TEXT", help="The system prompt; the training's own when absent.")
@click.option(
    "--max-tokens",
    type=click.IntRange(1, 1_000_000),
    default=512,
    show_default=True,
    help="An answer's length at most.",
)
def command(run: str, prompt: tuple[str, ...], system: str | None, max_tokens: int) -> None:
    """Ask a run's model and the base that it came from, and see both answers side by side.

    RUN is a config's name, or the path of a run directory. Without PROMPT: a conversation in a terminal (Ctrl-D ends
    it), or one prompt a line from standard input, each by itself.
    """
    from swiftci.cli.columns import harmless
    from swiftci.cli.home import run_of
    from swiftci.engine.serve import served
    from swiftci.engine.session import stoppable

    talk = not prompt and sys.stdin.isatty()
    prompts = _typed() if talk else iter([" ".join(prompt)]) if prompt else _piped()
    found = run_of(run)
    first = None if talk else next((one for one in prompts if one.strip()), None)
    if first is None and not talk:
        raise click.UsageError("there is no prompt: name one after RUN, or give one a line on standard input")
    opening = [{"role": "system", "content": system}] if system else []
    with stoppable(), served(found, os.environ, _told) as models:
        histories = {name: list(opening) for name in models}
        for text in prompts if first is None else _after(first, prompts):
            if not talk:
                histories = {name: list(opening) for name in models}
            if not talk and not prompt:
                say(f"> {harmless(text)}")
            _answered(text, models, histories, max_tokens)


def _answered(text: str, models: "dict[str, Model]", histories: "dict[str, list[Message]]", max_tokens: int) -> None:
    from swiftci.cli.columns import side_by_side
    from swiftci.tools.chat import ask

    for history in histories.values():
        history.append({"role": "user", "content": text})
    answers = ask([(model, histories[name]) for name, model in models.items()], max_tokens)
    for history, answer in zip(histories.values(), answers, strict=True):
        history.append({"role": "assistant", "content": answer.text})
    shown = [(answer.text.strip() or "(nothing)") + (" …" if answer.cut else "") for answer in answers]
    say(side_by_side(list(models), shown, shutil.get_terminal_size().columns) + "\n")


def _after(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from (one for one in rest if one.strip())


def _piped() -> Iterator[str]:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for line in sys.stdin:
        yield line.strip()


def _typed() -> Iterator[str]:
    """What is typed, line by line, until Ctrl-D; `readline` gives the line its editing keys."""
    import contextlib
    import importlib

    with contextlib.suppress(ImportError):  # a Python without it can still be typed to
        importlib.import_module("readline")
    while True:
        try:
            text = input("> ")
        except EOFError:
            say("")
            return
        except (KeyboardInterrupt, Interrupted):
            say("")  # what is said next starts a line
            raise
        if text.strip():
            yield text


def _told(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
