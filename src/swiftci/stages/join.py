"""Takes part in a training that another machine leads."""

import time
from dataclasses import dataclass

from swiftci.config.project import Head
from swiftci.spec.error import ToolError
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages.launch import launch
from swiftci.stages.stage import Context, Place, Stage
from swiftci.stages.train import PACKAGES
from swiftci.tools import failure, server

JOIN_MINUTES = 60
"""How long the leading machine may take until it trains; a machine that waits longer waits for nobody."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Which machine this is."""

    rank: str = option("This machine's number among `train.nodes`; the leading one is 0.")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What was done."""

    seconds: float = option("How long this machine took part.")


def run(inputs: Inputs, context: Context) -> Outputs:
    head, nodes = context.project.head, context.loaded.config.train.nodes
    if head is None or not inputs.rank.isdigit() or not 1 <= int(inputs.rank) < nodes:
        message = f"rank {inputs.rank!r} is none of the machines that join: train.nodes is {nodes}"
        raise ConfigError([Problem(code="usage", message=message, hint="the leading machine runs the stage train")])
    _await(head, context)
    launched = launch(context, context.folder / "train", None, int(inputs.rank))
    if launched.ended.returncode != 0:
        what, ended = f"ms-swift failed on machine {inputs.rank}", launched.ended
        raise failure.error(what, ended.returncode, ended.tail, launched.argv, launched.log)
    return Outputs(seconds=round(launched.ended.seconds, 1))


def _await(head: Head, context: Context) -> None:
    """Waits until the leading machine listens; its torchrun does once it starts to train."""
    until = time.time() + 60 * JOIN_MINUTES
    context.progress.line(f"waiting for {head.address}:{head.port}")
    reason = server.listening(head.address, head.port, min(until, context.deadline or until))
    if reason:
        raise ToolError(
            message=f"{head.address}:{head.port} did not listen in time: {reason}",
            kind="network",
            hint="look at the leading machine's job, and whether the port is open between the machines",
        )


STAGE = Stage(
    name="join",
    help="Take part, as one of several machines, in a training that another machine leads.",
    inputs=Inputs,
    outputs=Outputs,
    run=run,
    place=Place.GPU,
    reads=("train",),
    secrets=("tracker",),
    packages=PACKAGES,
    reusable=False,
)
