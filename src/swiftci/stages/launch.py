"""Starts ms-swift for a stage: GPUs taken, the servers that it asks started before and stopped with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from swiftci.config import train as section
from swiftci.config.arguments import Arguments, Value
from swiftci.stages.meter import Meter, metered
from swiftci.stages.stage import Context
from swiftci.tools import gpu, interpreter, output, process, program, server, swift, tracker
from swiftci.tools.hub.fetched import fetched

START_MINUTES = 30
"""How long a helper server may take to load its model."""


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A program that has ended; `argv` is masked."""

    argv: tuple[str, ...]
    ended: program.Ended
    log: Path


SAVING_SECONDS = 480.0
"""How long a training that is stopped may take to save; less than the margin to its job's end."""


def launch(
    context: Context,
    folder: Path,
    watch: Callable[[tuple[str, ...], Meter], Callable[[], program.Stop | None]] | None,
    rank: int = 0,
    resume: Path | None = None,
) -> Launched:
    """Trains into `folder` as machine `rank`, from a checkpoint on where there is one; its output is added to a log.

    Raises ToolError where servers, GPUs or a tracker's key are missing.
    """
    train = context.loaded.config.train
    log = context.folder / "logs" / "train.log"
    python = interpreter.find(context.project.python, context.root, context.environ, "ms_swift").path
    environ = swift.environment(context.project, train, {**context.environ, **context.prepared})
    tracked = tracker.trackers(train) if rank == 0 else []
    tracker.check(tracked, train, environ)
    helpers = train.servers if rank == 0 else ()
    count, paid = (train.cards_here, train.cards) if rank == 0 else (train.gpus, 0)
    with gpus(context, count, environ, paid) as (taken, meter), ExitStack() as stack:
        own, rest = taken[: train.gpus], taken[train.gpus :]
        running = _helpers(context, python, environ, rest, stack) if helpers else []
        environ |= tracker.begin(tracked, context.folder, context.record.fingerprint, context.record.name, environ)
        train = replace(train, args=Arguments(_addresses(running) | dict(train.args)))
        arguments = swift.arguments(train, context.root, folder, fetched(context.folder), resume)
        argv = swift.argv(python, train, arguments, context.project.head, rank)
        ended = program.run(
            argv,
            log=log,
            env=environ | gpu.environment(own) | {"PYTHONFAULTHANDLER": "1"},
            cwd=context.root,
            secrets=context.secrets,
            echo=context.progress.echo,
            tick=watch(own, meter) if watch else None,
            deadline=context.deadline,
            beside=[one.program for _, one in running],
            workers="torch.distributed.run" in argv,
            grace_seconds=SAVING_SECONDS,
        )
        tracker.end(tracked, context.folder, log, succeeded=ended.returncode == 0 and not ended.overdue)
        for _, one in running:
            if ended.lost is one.program:
                raise one.lost()
    return Launched(argv=tuple(output.mask(word, context.secrets) for word in argv), ended=ended, log=log)


Running = list[tuple[str, server.Server]]
"""Helper servers with their roles."""


def _helpers(
    context: Context, python: str, environ: Mapping[str, str], cards: tuple[str, ...], stack: ExitStack
) -> Running:
    """Starts the training's servers one after another, each on GPUs of its own."""
    train = context.loaded.config.train
    found: Running = []
    for number, one in enumerate(train.servers):
        name = one.role if len(train.servers) == 1 else f"{one.role}-{number}"
        share, cards = cards[: one.gpus], cards[one.gpus :]
        args = swift.absolute(_model(one, train), context.root, fetched(context.folder))
        argv = swift.server_argv(python, section.SERVERS[one.role], args, server.HOST, server.free_port())
        others = [other.program for _, other in found]
        started = serve(context, name, argv, dict(environ) | gpu.environment(share), START_MINUTES, others)
        found.append((one.role, stack.enter_context(started)))
    return found


@contextmanager
def gpus(
    context: Context, count: int, environ: Mapping[str, str], paid: int | None = None
) -> Iterator[tuple[tuple[str, ...], Meter]]:
    """Holds `count` of the machine's GPUs while inside; waits for them as `limits.gpu_wait_minutes` says.

    What is paid for are as many, or `paid`: those of all machines, for the one that leads them.
    """
    folder = Path(context.project.cache or "/tmp") / "swiftci-gpus"  # noqa: S108 -- locks, by the cards' own ids
    minutes, holder = context.loaded.config.limits.gpu_wait_minutes, f"{context.record.name} in {context.folder}"
    with (
        gpu.taken(
            count, environ, folder, context.progress.line, context.deadline, minutes=minutes, holder=holder
        ) as taken,
        metered(context, count if paid is None else paid) as meter,
    ):
        yield taken, meter


def serve(
    context: Context,
    name: str,
    argv: list[str],
    env: Mapping[str, str],
    minutes: float,
    beside: Sequence[process.Program] = (),
) -> AbstractContextManager[server.Server]:
    """A server of ms-swift's, to be entered; its log is logs/NAME.log."""
    return server.serving(
        name,
        argv,
        log=context.folder / "logs" / f"{name}.log",
        env=env,
        cwd=context.root,
        secrets=context.secrets,
        minutes=minutes,
        deadline=context.deadline,
        told=context.progress.line,
        beside=beside,
    )


def _model(one: section.Server, train: section.Train) -> dict[str, Value]:
    """A server's arguments; a rollout generates with the model in training."""
    if one.role != "rollout":
        return dict(one.args)
    return {key: train.args[key] for key in ("model", *swift.SHARED) if key in train.args} | dict(one.args)


def _addresses(running: Running) -> dict[str, Value]:
    """The training's arguments that say where its servers are."""
    rollouts = [one for role, one in running if role == "rollout"]
    teachers = [one for role, one in running if role == "teacher"]
    found: dict[str, Value] = {}
    if rollouts:
        found["vllm_server_host"] = [server.HOST for _ in rollouts]
        found["vllm_server_port"] = [str(one.port) for one in rollouts]
        found["vllm_server_group_port"] = [str(server.free_port()) for _ in rollouts]  # else two trainings meet there
    if teachers:
        found["teacher_model_server"] = teachers[0].url
    return found
