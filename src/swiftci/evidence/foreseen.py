"""What a gate will be able to tell, said before anything is trained: by how the last comparison went."""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Any, TypeGuard

from swiftci.config.gate import Gate
from swiftci.evidence.verdict import Verdict

_SURE = NormalDist().inv_cdf(0.95)
_POWER = NormalDist().inv_cdf(0.8)
_MOST = 1e9
"""Its square is a number yet."""


def effects(found: Verdict) -> dict[str, float]:
    """The smallest difference that each comparison would have found four times in five, in the metric's own unit."""
    return {
        reason.metric: (_SURE + _POWER) * (reason.difference - reason.floor) / _SURE
        for reason in found.reasons
        if reason.against == "baseline" and not reason.subset and reason.difference is not None and reason.floor
    }


def lines(gate: Gate, history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for each rule that compares; nothing before the first comparison. `history` is the oldest first."""
    told = next((line for line in reversed(history) if _effects(line)), None)
    if told is None:
        return
    for rule in gate.compared:
        effect = _effects(told).get(rule.metric)
        if rule.against != "baseline" or rule.subset or rule.every or not _number(effect):
            continue
        text = f"{rule.metric}: as many items as last time tell a difference of {effect:.2g} or more"
        if rule.margin is not None and rule.margin < effect:
            more = min(effect / rule.margin, _MOST) ** 2 if rule.margin else 0.0
            text += f", and the margin is {rule.margin:g}: expect it to stay open"
            text += f" unless there are {more:.1f} times as many" if more else ""
        yield text


def _number(effect: object) -> TypeGuard[float]:
    return isinstance(effect, float) and math.isfinite(effect)


def _effects(line: Mapping[str, Any]) -> dict[str, Any]:
    found = line.get("tells")
    return found if isinstance(found, dict) else {}
