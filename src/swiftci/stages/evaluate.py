"""Scores a model with EvalScope and refuses a report that is no measurement."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.config.arguments import texts
from swiftci.config.evaluate import Evaluate
from swiftci.config.model import Config
from swiftci.evidence import harness, metric, scores
from swiftci.spec.error import Partial, ToolError
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem, quoted
from swiftci.stages import answers, earlier
from swiftci.stages.launch import gpus, serve
from swiftci.stages.meter import Meter
from swiftci.stages.needs import base_model
from swiftci.stages.stage import Context, Place, Progress, Stage
from swiftci.store.record import Record
from swiftci.tools import evalscope, failure, gpu, interpreter, output, process, program, server, swift
from swiftci.tools.hub.fetched import commits, fetched
from swiftci.tools.local_path import exists, local

PACKAGES = ("evalscope", "torch", "transformers", "peft")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to score."""

    subject: str = option(
        "What to score: the trained `candidate`, the `base` model it came from, or the `baseline` where that was "
        "measured otherwise than the candidate.",
        default="candidate",
        choices=("candidate", "base", "baseline"),
    )
    checkpoint: str | None = option(
        "Checkpoint or model to score, or the id of the model that was fetched; the train stage's when absent.",
        default=None,
    )
    results: str | None = option(
        "Results of lm-evaluation-harness or promptfoo, a file or folder, or EvalScope's own, read instead of asking.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was measured."""

    metrics: Path = option("metrics.json: one entry per data set, subset and metric.")
    items: int = option("Number of scored items.")


def _needs(inputs: Inputs) -> tuple[str, ...]:
    return ("train",) if inputs.subject == "candidate" and not (inputs.checkpoint or inputs.results) else ()


class _Count:
    """Counts answered items while EvalScope writes them."""

    def __init__(
        self, folder: Path, progress: Progress, meter: Callable[[], program.Stop | None] | None = None
    ) -> None:
        self.folder, self.progress, self.meter = folder, progress, meter
        self.shown = 0

    def __call__(self) -> program.Stop | None:
        self._count()
        return self.meter() if self.meter else None

    def _count(self) -> None:
        done = 0
        try:
            for path in self.folder.glob("*.jsonl"):
                with path.open("rb") as file:
                    done += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        except OSError:
            return  # EvalScope moves its files while it works
        if done != self.shown:
            self.shown = done
            self.progress.step(done, 0, f"{done} item{'s' * (done != 1)} answered")


def run(inputs: Inputs, context: Context) -> Outputs:
    config = context.loaded.config
    if config.evaluate and inputs.results:
        return _kept(inputs, context, _read(inputs.results, inputs.subject, context, config.evaluate))
    if config.evaluate is None or (
        inputs.subject == "baseline" and not inputs.checkpoint and not earlier.bring(context)
    ):
        return Outputs(metrics=context.folder / metric.FILE, items=0)
    work = context.folder / "eval" / inputs.subject
    environ = evalscope.environment(context.project, {**context.environ, **context.prepared})
    count = 0 if config.evaluate.endpoint else config.train.gpus
    with gpus(context, count, environ) as (taken, meter):
        environ |= gpu.environment(taken)
        port = answers.port(work)
        with _reached(inputs, context, config.evaluate, environ, port) as (scored, beside):
            ended, shown, log = _scored(inputs, context, scored, environ, [one.program for one in beside], meter)
            if ended.lost:
                raise beside[0].lost()
    _succeeded(ended, shown, log, context)
    measured = scores.read(work, inputs.subject, config.evaluate.datasets, config.evaluate.clusters)
    if measured.faults:
        message = "EvalScope ended well, but " + "; ".join(measured.faults)
        raise ToolError(message=message, argv=shown, returncode=0, tail=ended.tail, log=log)
    return _kept(inputs, context, measured)


def _read(text: str, subject: str, context: Context, section: Evaluate) -> scores.Scores:
    """What another harness measured. Raises ConfigError where nothing is there, ToolError for no measurement."""
    path = local(text, context.root, data=False)
    if path is None or not exists(path):
        hint = "a results file of lm-evaluation-harness or promptfoo, or a folder that holds it"
        raise ConfigError([Problem(code="path-missing", message=f"there are no results at {quoted(text)}", hint=hint)])
    measured = harness.read(path, subject, section.datasets, section.clusters)
    if measured.faults:
        raise ToolError(message=f"{quoted(text)} is no measurement: " + "; ".join(measured.faults), kind="data")
    shutil.rmtree(context.folder / "eval" / subject, ignore_errors=True)  # what EvalScope left of an earlier try
    return measured


def _kept(inputs: Inputs, context: Context, measured: scores.Scores) -> Outputs:
    metric.write(context.folder / "eval" / inputs.subject, inputs.subject, measured.metrics, measured.items)
    _taken(inputs, context.folder)
    return Outputs(metrics=context.folder / metric.FILE, items=len(measured.items))


def _scored(
    inputs: Inputs,
    context: Context,
    scored: evalscope.Subject,
    environ: Mapping[str, str],
    beside: list[process.Program],
    meter: Meter,
) -> tuple[program.Ended, tuple[str, ...], Path]:
    """Runs EvalScope, from the answers on that an earlier try left where they are of the very same."""
    work = context.folder / "eval" / inputs.subject
    log = context.folder / "logs" / f"evaluate-{inputs.subject}.log"
    section = context.loaded.config.evaluate
    assert section is not None  # noqa: S101 -- its caller looked
    left = answers.resume(work, context.digest, scored.url)
    while True:
        if left:
            context.progress.line(f"going on after {left} answered item{'s' * (left != 1)}")
        else:
            answers.begin(work, context.digest, scored.url)
            log.unlink(missing_ok=True)
        argv = _argv(context, section, scored, work, cached=bool(left))
        ended = program.run(
            argv,
            log=log,
            env=environ,
            cwd=context.root,
            secrets=context.secrets,
            echo=context.progress.echo,
            tick=_Count(work / "predictions" / inputs.subject, context.progress, meter),
            deadline=context.deadline,
            beside=beside,
        )
        if left and ended.returncode > 0 and any(words in line for line in ended.tail for words in answers.REFUSED):
            context.progress.line("EvalScope does not take the earlier answers; beginning anew")
            left = 0
            continue
        return ended, tuple(output.mask(word, context.secrets) for word in argv), log


def _taken(_: Inputs, folder: Path) -> None:
    """Makes a run directory's metrics and items from those of each subject, this one's and the others'."""
    for work in sorted((folder / "eval").iterdir()):
        if (work / metric.FILE).is_file():
            metric.write(folder, work.name, metric.read(work, work.name), metric.read_items(work, work.name))


def _argv(context: Context, section: Evaluate, scored: evalscope.Subject, work: Path, *, cached: bool) -> list[str]:
    found = interpreter.find(context.project.python, context.root, context.environ, "evalscope")
    hub = fetched(context.folder)
    data = {name: hub[f"evaluate:{name}"] for name in section.datasets if f"evaluate:{name}" in hub}
    return evalscope.argv(found.path, section, scored, work, context.root, data, cached=cached)


def _succeeded(ended: program.Ended, shown: tuple[str, ...], log: Path, context: Context) -> None:
    """Raises Partial where the evaluation was stopped ahead of a limit, ToolError where it failed."""
    if ended.overdue:
        message = f"{context.why} came near, so the evaluation was stopped; what was answered is kept"
        raise Partial(message=message, kind="preempted", hint=context.advice, argv=shown, log=log)
    if ended.stopped:
        stop = ended.stopped
        message = f"{stop.reason}, so the evaluation was stopped; what was answered is kept"
        raise Partial(message=message, kind=stop.kind, hint=stop.hint, argv=shown, log=log)
    if ended.returncode != 0:
        raise failure.error("EvalScope failed", ended.returncode, ended.tail, shown, log)


@contextmanager
def _reached(
    inputs: Inputs, context: Context, section: Evaluate, environ: Mapping[str, str], port: int | None
) -> Iterator[tuple[evalscope.Subject, list[server.Server]]]:
    """What EvalScope asks, and the server that answers where one of ours does."""
    keyed = bool(environ.get(evalscope.KEY))
    if section.endpoint:
        url, model = section.endpoint.url, section.endpoint.model
        yield evalscope.Subject(id=inputs.subject, model=model, url=url, keyed=keyed), []
        return
    found = _subject(inputs, context)
    if section.serve is None:
        yield found, []
        return
    python = interpreter.find(context.project.python, context.root, context.environ, "ms_swift").path
    train = context.loaded.config.train
    args = swift.served(train, section.serve.args, found.model, found.adapter, inputs.subject)
    args["infer_backend"] = section.serve.backend
    argv = swift.server_argv(python, "deploy", args, server.HOST, server.free_port(port))
    keys = {evalscope.KEY, evalscope.JUDGE_KEY, *context.project.secrets.endpoint, *context.project.secrets.judge}
    own = {name: value for name, value in environ.items() if name not in keys}  # a model's code may run there
    own = swift.environment(context.project, train, own)
    with serve(context, f"serve-{inputs.subject}", argv, own, section.serve.start_minutes) as running:
        yield evalscope.Subject(id=inputs.subject, model=inputs.subject, url=f"{running.url}/v1"), [running]


def _subject(inputs: Inputs, context: Context) -> evalscope.Subject:
    path = base_model(context)
    model = str(path or texts(context.loaded.config.train.args, "model")[0])
    if inputs.checkpoint:
        given = fetched(context.folder).get(inputs.checkpoint) or local(inputs.checkpoint, context.root, data=False)
        return evalscope.subject(inputs.subject, given.resolve() if given else inputs.checkpoint, model)
    if inputs.subject == "baseline":
        return evalscope.subject("baseline", earlier.checkpoint(context.folder), model)
    if inputs.subject == "base":
        return evalscope.subject("base", path or model, model)
    return evalscope.subject("candidate", trained(context.folder, context.record), model)


def trained(folder: Path, record: Record) -> Path:
    """The checkpoint that the train stage of this run directory made."""
    return folder / str(record.stages["train"].outputs["checkpoint"])


def _served(config: Config) -> tuple[str, ...]:
    """A server of ours is started with some of the training's arguments."""
    served = config.evaluate is not None and config.evaluate.serve is not None
    return tuple(f"train.args.{name}" for name in swift.SHARED) if served else ()


def _results(inputs: Inputs, _: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"eval/{inputs.subject}", f"logs/evaluate-{inputs.subject}.log")


def _found(inputs: Inputs, folder: Path) -> Mapping[str, str]:
    """Which run is the baseline decides what its scores are, and of a hub's model its commit."""
    found = {"baseline": earlier.wanted(folder)} if inputs.subject == "baseline" else {}
    commit = commits(folder, ("train.args.model",)).get(inputs.checkpoint or "")
    return found | ({"checkpoint": commit} if commit else {})


STAGE = Stage(
    name="evaluate",
    help="Score a model with EvalScope.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train.args.model", "train.gpus", "evaluate"),
    secrets=("endpoint", "judge"),
    packages=PACKAGES,
    needs=_needs,
    also=_served,
    results=_results,
    taken=_taken,
    found=_found,
)
