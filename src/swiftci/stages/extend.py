"""Asks more items where the first ones leave a comparison open; the gate shares its error out over both looks."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from swiftci.config.load import Loaded
from swiftci.evidence import baseline, metric
from swiftci.evidence.baseline import ANCHOR, BASELINE
from swiftci.evidence.judge import judge
from swiftci.evidence.subjects import BASE, CANDIDATE
from swiftci.spec.option import option
from swiftci.stages import earlier, evaluate
from swiftci.stages.evidence import gather
from swiftci.stages.needs import base_model
from swiftci.stages.stage import MARK, Context, Place, Stage
from swiftci.store.digest import of_data
from swiftci.tools.hub.fetched import FILE as DOWNLOADS

MORE = "more"
"""The run directory's folder for the second look, laid out as the run directory itself."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """None: the gate's rules and what was measured say it all."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was asked in addition."""

    items: int = option("Items of the candidate after it; 0 where the first look sufficed.", default=0)


def run(inputs: Inputs, context: Context) -> Outputs:
    config = context.loaded.config
    if not config.gate.extend_to or config.evaluate is None or not context.record.succeeded("evaluate"):
        return Outputs()
    open_ones = [one for one in judge(config.gate, gather(context)).reasons if one.verdict == "inconclusive"]
    if not open_ones:
        context.progress.line("the items suffice; no more are asked")
        return Outputs()
    others = dict.fromkeys(one.against for one in open_ones if one.against != ANCHOR)
    if not others and not _has_more(context.folder, ANCHOR):
        context.progress.line("no more items are asked: the anchor has no more to compare with")
        return Outputs()
    try:
        models = dict(_models(context, tuple(others)))
    except _Cannot as error:
        context.progress.line(f"no more items are asked: {error}")
        return Outputs()
    context.progress.line(f"{len(open_ones)} open: going up to {config.gate.extend_to} items of each subset")
    asked = {subject: _measure(context, subject, str(model)) for subject, model in models.items()}
    earlier.remove(context.folder)
    return Outputs(items=asked[CANDIDATE])


class _Cannot(Exception):
    """Why a subject cannot be asked more."""


def _models(context: Context, others: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Each subject that has to be asked, with its weights; raises _Cannot where one's are not at hand."""
    if BASE in others:
        path = base_model(context)
        if path is None:
            raise _Cannot("the base model is not on this machine")
        yield BASE, path.resolve()
    if BASELINE in others and not _has_more(context.folder, BASELINE):
        section = context.loaded.config.evaluate
        if section is not None and section.endpoint is not None:  # it would answer in the baseline's name
            raise _Cannot("the endpoint serves one model")
        if why := earlier.fetch(context, _weights(context.folder)):
            raise _Cannot(why)
        yield BASELINE, earlier.checkpoint(context.folder).resolve()
    yield CANDIDATE, evaluate.trained(context.folder, context.record).resolve()


def _has_more(folder: Path, subject: str) -> bool:
    """Whether it was asked more than the candidate already."""
    return len(metric.read_items(folder, subject)) > len(metric.read_items(folder, CANDIDATE))


def _measure(context: Context, subject: str, model: str) -> int:
    """Scores a subject over more items, unless that is there already; gives how many."""
    gate, more = context.loaded.config.gate, context.folder / MORE
    execution = context.record.stages["evaluate"].execution
    digest = of_data([execution, model if subject != BASELINE else _weights(context.folder), gate.extend_to])
    mark = more / "eval" / subject / MARK
    if not (
        mark.is_file() and mark.read_text(encoding="utf-8").startswith(digest) and (mark.parent / metric.FILE).is_file()
    ):
        more.mkdir(exist_ok=True)
        if (context.folder / DOWNLOADS).is_file():
            shutil.copyfile(context.folder / DOWNLOADS, more / DOWNLOADS)
        asked = replace(context, folder=more, loaded=_asking(context.loaded, gate.extend_to or 0), digest=digest)
        evaluate.run(evaluate.Inputs(subject=subject, checkpoint=model), asked)
    metrics, items = metric.read(more, subject), metric.read_items(more, subject)
    metric.write(context.folder, subject, metrics, items)
    return len(items)


def _weights(folder: Path) -> str:
    found = baseline.read(folder)
    return found.weights if found else ""


def _asking(loaded: Loaded, limit: int) -> Loaded:
    """The config with another number of items."""
    section = loaded.config.evaluate
    if section is None:
        return loaded
    args = {**section.args, "limit": str(limit)}
    asking = replace(section, args=type(section.args)(args))
    return replace(loaded, config=replace(loaded.config, evaluate=asking))


STAGE = Stage(
    name="extend",
    help="Ask more items where the gate cannot decide yet.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("evaluate", "gate"),
    secrets=evaluate.STAGE.secrets,
    packages=evaluate.PACKAGES,
    needs=lambda _: ("evaluate",),
    reusable=False,
)
