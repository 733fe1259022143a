"""Exit codes, the contract with shells and runners."""

from enum import IntEnum


class Exit(IntEnum):
    """What a `swiftci` process ends with."""

    DONE = 0
    BUG = 1
    CONFIG = 2
    REFUSED = 3
    TOOL = 4
    NETWORK = 5
    CAPACITY = 6
    INTERRUPTED = 130


MEANING = {
    Exit.DONE: "done",
    Exit.BUG: "a bug in swiftci: traceback, please report",
    Exit.CONFIG: "a mistake in a config or on the command line, or a workflow that drifted",
    Exit.REFUSED: "the gate refused, or could not decide",
    Exit.TOOL: "a tool failed, or its result is invalid",
    Exit.NETWORK: "the network failed",
    Exit.CAPACITY: "no capacity: the run directory is busy, a budget is spent",
    Exit.INTERRUPTED: "interrupted",
}
