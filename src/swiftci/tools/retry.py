"""Decides whether a failed tool is tried again, and how long to wait before."""

from swiftci.spec.error import ToolError

FIRST_SECONDS = 30
LONGEST_SECONDS = 600


def after(error: ToolError, tries: int, limit: int) -> float | None:
    """Seconds to wait before the next of `limit` tries, after `tries` of them failed; None where none shall follow.

    What the failure itself says counts first; of the rest only the network is tried again: a user's mistake, data, too
    little memory or disk, and a GPU in use are the same a minute later. `preempted` alone is no reason, since a time
    limit of ours is that too; a stop from outside says that it is transient.
    """
    again = error.kind == "network" if error.transient is None else error.transient
    if not again or tries >= limit:
        return None
    return min(FIRST_SECONDS << (tries - 1), LONGEST_SECONDS)
