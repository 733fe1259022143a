"""Tells people how the run went, each channel of what it wants to know; a message that fails costs the run nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from swiftci.config.notify import Channel
from swiftci.evidence import message, occasion
from swiftci.evidence.message import Message
from swiftci.evidence.occasion import Near
from swiftci.evidence.view import gather
from swiftci.spec.exit import Exit
from swiftci.spec.option import option
from swiftci.stages.stage import Context, Place, Stage
from swiftci.store.record import Record
from swiftci.tools import messenger
from swiftci.tools.runner import on_runner


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What happened before, where another machine did it."""

    needs: str | None = option("Results of the jobs before, as `toJSON(needs)` gives them.", default=None)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Who was told."""

    sent: str = option("Services that took a message, separated by commas.", default="")
    failed: str = option("Services that did not.", default="")
    warning: str = option("Why, for the log; also where a secret is absent.", default="")


@dataclass
class _Tally:
    sent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def run(inputs: Inputs, context: Context) -> Outputs:
    channels = context.project.notify
    if not channels or _cancelled(inputs.needs, context.record):
        return Outputs()
    told: dict[str, tuple[tuple[str, ...], Message]] = {}
    tally = _Tally()
    for channel in channels:
        language = channel.language or context.project.language
        if language not in told:
            told[language] = _message(context, language)
        occasions, found = told[language]
        if set(occasions) & set(channel.on):
            _send(channel, found, context, tally)
    if tally.missing:
        tally.warnings.append(_absent(tally.missing, context))
    return Outputs(
        sent=",".join(tally.sent), failed=",".join(tally.failed), warning="\n".join(filter(None, tally.warnings))
    )


def _message(context: Context, language: str) -> tuple[tuple[str, ...], Message]:
    """The occasions that hold of the run, and what is to be told of it."""
    record, strict = context.record, context.loaded.config.gate.on_inconclusive == "fail"
    view = gather(context.folder, record, language)
    near: Sequence[Near] = occasion.near(record, context.project.budget)
    before = occasion.verdict_before(context.folder, record.ref, strict=strict)
    found = occasion.occasions(view.found, view.main, near, before=before, strict=strict)
    return found, message.message(view, found, near)


def _send(channel: Channel, found: Message, context: Context, tally: _Tally) -> None:
    if missing := [name for name in (channel.token, channel.sign) if name and not context.environ.get(name)]:
        tally.missing += missing
        return
    try:
        messenger.send(channel, context.environ, message.letter(found, messenger.FORMS[channel.to]))
    except messenger.NotSent as error:
        tally.failed.append(channel.to)
        tally.warnings.append(f"message to {channel.to} was not sent: {error}")
        context.progress.line(tally.warnings[-1])
    else:
        tally.sent.append(channel.to)
        context.progress.line(f"message to {channel.to} was sent")


def _absent(names: Sequence[str], context: Context) -> str:
    """Says which secrets are not there: usual on a laptop and for a fork, elsewhere a mistake."""
    found = list(dict.fromkeys(names))
    text = f"not all were told: {', '.join(found)} {'is' if len(found) == 1 else 'are'} not set here"
    context.progress.line(text)
    return f"{text}; a pull request from a fork gets no secrets" if on_runner(context.environ) else ""


def _cancelled(needs: str | None, record: Record) -> bool:
    """Whether somebody stopped the run, and so knows."""
    if needs is None:
        return any(one.state == "interrupted" and one.exit == Exit.INTERRUPTED for one in record.stages.values())
    try:
        return any(one["result"] == "cancelled" for one in json.loads(needs).values())
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return False  # the gate has said what is wrong with it


STAGE = Stage(
    name="notify",
    help="Tell people how the run went.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.CPU,
    secrets=("notify",),
    always=True,
    reusable=False,
)
