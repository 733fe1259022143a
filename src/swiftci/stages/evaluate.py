"""Scores a model with EvalScope and refuses a report that is no measurement."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.evidence import metric, scores
from swiftci.spec.error import ToolError
from swiftci.spec.option import option
from swiftci.stages.stage import Context, Place, Progress, Stage
from swiftci.store.record import Record
from swiftci.tools import evalscope, failure, interpreter, program
from swiftci.tools.local_path import local

PACKAGES = ("evalscope", "torch", "transformers", "peft")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What to score."""

    subject: str = option(
        "What to score: the trained `candidate`, or the `base` model it came from.",
        default="candidate",
        choices=("candidate", "base"),
    )
    checkpoint: str | None = option("Checkpoint or model to score; the train stage's when absent.", default=None)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was measured."""

    metrics: Path = option("metrics.json: one entry per data set, subset and metric.")
    items: int = option("Number of scored items.")


def _needs(inputs: Inputs) -> tuple[str, ...]:
    return ("train",) if inputs.subject == "candidate" and inputs.checkpoint is None else ()


class _Count:
    """Counts answered items while EvalScope writes them."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder, self.progress = folder, progress
        self.shown = 0

    def __call__(self) -> None:
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
    if config.evaluate is None:
        return Outputs(metrics=context.folder / metric.FILE, items=0)
    work = context.folder / "eval" / inputs.subject
    log = context.folder / "logs" / f"evaluate-{inputs.subject}.log"
    found = interpreter.find(context.project.python, context.root, context.environ, "evalscope")
    shutil.rmtree(work, ignore_errors=True)  # EvalScope would append to an earlier try's answers
    log.unlink(missing_ok=True)
    argv = evalscope.argv(found.path, config.evaluate, _subject(inputs, context), work, context.root)
    ended = program.run(
        argv,
        log=log,
        env=evalscope.environment(context.project, config.train.gpus, context.environ),
        cwd=context.root,
        secrets=context.secrets,
        echo=context.progress.echo,
        tick=_Count(work / "predictions" / inputs.subject, context.progress),
        deadline=context.deadline,
    )
    shown = tuple(program.mask(word, context.secrets) for word in argv)
    if ended.overdue:
        message = "the time limit came near, so the evaluation was stopped"
        raise ToolError(message=message, kind="preempted", hint="raise limits.job_minutes", argv=shown, log=log)
    if ended.returncode != 0:
        why = failure.explain(ended.returncode, ended.tail)
        raise ToolError(
            message=f"EvalScope failed: {why.message}",
            kind=why.kind,
            hint=why.hint,
            argv=shown,
            returncode=ended.returncode,
            tail=ended.tail,
            log=log,
        )
    measured = scores.read(work, inputs.subject, config.evaluate.datasets)
    if measured.faults:
        message = "EvalScope ended well, but " + "; ".join(measured.faults)
        raise ToolError(message=message, argv=shown, returncode=0, tail=ended.tail, log=log)
    metric.write(context.folder, inputs.subject, measured.metrics, measured.items)
    return Outputs(metrics=context.folder / metric.FILE, items=len(measured.items))


def _subject(inputs: Inputs, context: Context) -> evalscope.Subject:
    base = texts(context.loaded.config.train.args, "model")[0]
    path = local(base, context.root, data=False)
    model = str(path.resolve()) if path else base
    if inputs.checkpoint:
        given = local(inputs.checkpoint, context.root, data=False)
        return evalscope.subject(inputs.subject, given.resolve() if given else inputs.checkpoint, model)
    if inputs.subject == "base":
        return evalscope.subject("base", Path(model) if path else model, model)
    return evalscope.subject("candidate", trained(context.folder, context.record), model)


def trained(folder: Path, record: Record) -> Path:
    """The checkpoint that the train stage of this run directory made."""
    return folder / str(record.stages["train"].outputs["checkpoint"])


STAGE = Stage(
    name="evaluate",
    help="Score a model with EvalScope.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train.args.model", "train.gpus", "evaluate"),
    secrets=("hub",),
    packages=PACKAGES,
    needs=_needs,
)
