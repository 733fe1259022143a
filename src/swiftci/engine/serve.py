"""Serves a run's base model and its tuned one, to be asked side by side."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from swiftci.config.arguments import Value
from swiftci.engine.bring import base_model, is_adapter, verified
from swiftci.engine.find import Run, held, secret_values
from swiftci.tools import chat, gpu, interpreter, server, swift
from swiftci.tools.chat import Model

BASE, TUNED = "base", "tuned"
START_MINUTES = 30
"""How long a server may take to load its model."""


@contextmanager
def served(run: Run, environ: Mapping[str, str], told: Callable[[str], None]) -> Iterator[dict[str, Model]]:
    """Both models by their names while inside.

    An adapter and its base share one server; two full models share the run's GPUs. Transformers answers: it loads in
    seconds, and nobody here waits for throughput. Raises ToolError where a server cannot be started.
    """
    train = run.train
    base = base_model(run, train.args)
    verified(run)
    checkpoint = run.checkpoint.resolve()
    environ = run.environ(environ)
    python = interpreter.find(run.project.python, run.root, environ, "ms_swift").path
    environ = swift.environment(run.project, train, environ)
    asked: dict[str, dict[str, Value]] = {}
    if is_adapter(run):
        asked[BASE] = swift.served(train, {"served_model_name": BASE}, base, checkpoint, TUNED)
    else:
        asked[BASE] = swift.served(train, {}, base, None, BASE)
        asked[TUNED] = swift.served(train, {}, str(checkpoint), None, TUNED)
    cards = Path(run.project.cache or "/tmp") / "swiftci-gpus"  # noqa: S108 -- as every stage's
    with held(run), gpu.taken(train.gpus, environ, cards, told) as taken, ExitStack() as stack:
        found: dict[str, Model] = {}
        for name, args in asked.items():
            argv = swift.server_argv(
                python, "deploy", {**args, "infer_backend": "transformers"}, server.HOST, server.free_port()
            )
            running = stack.enter_context(
                server.serving(
                    f"chat-{name}",
                    argv,
                    log=run.log(f"chat-{name}"),
                    env=environ | gpu.environment(taken),
                    cwd=run.root,
                    secrets=secret_values(environ),
                    minutes=START_MINUTES,
                    deadline=None,
                    told=told,
                )
            )
            found |= chat.models(running, (BASE, TUNED) if len(asked) == 1 else (name,))
        yield found
