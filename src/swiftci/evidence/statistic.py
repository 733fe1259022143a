"""Metrics of a whole data set that are no mean: functions of sums over its questions.

Facts: EvalScope 1.14.1 (metrics/aggregators, metrics/decision.py, benchmarks/general_fc, k2_verifier, process_bench),
lm-evaluation-harness 0.4 (api/metrics.py). What an item brings besides its scores is in `NAME/PART` of them.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swiftci.evidence.metric import Item

if TYPE_CHECKING:  # the commands that judge nothing must not pay for it
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Row = tuple[float, ...]
BINS = 10
"""Of EvalScope's calibration error, of equal width."""


@dataclass(frozen=True)
class Statistic:
    """`row` is what an item's scores add to the sums; KeyError where it carries too little.

    `value` makes the metric of sums that lie in the last axis, and leaves the other axes.
    """

    row: Callable[[Mapping[str, float]], Row]
    value: "Callable[[Floats], Floats]"

    def adds(self, item: Item) -> bool:
        try:
            self.row(item.scores)
        except KeyError:
            return False
        return True

    def question(self, asked: Sequence[Item]) -> Row:
        """What one question adds, with all the times it was asked."""
        return tuple(map(math.fsum, zip(*(self.row(item.scores) for item in asked), strict=True)))


def statistic(metric: str) -> Statistic | None:
    """By a name as in metrics.json: `wer-weighted_mean`, `f1-noul-decision`, `mcc`."""
    pooled = re.fullmatch(r"(.+)-(weighted_mean|clipped_mean)", metric)
    if pooled:
        return _weighted(pooled[1]) if pooled[2] == "weighted_mean" else _clipped(pooled[1])
    name = re.sub(r"-.*-decision", "", metric)
    return _NAMED[name](name) if name in _NAMED else None


def over(above: "Floats", below: "Floats") -> "Floats":
    """The quotient; 0 where there is nothing to divide by, as these metrics have it."""
    import numpy as np

    found: Floats = np.divide(above, below, out=np.zeros_like(above, float), where=below != 0)
    return found


def _weighted(name: str) -> Statistic:
    """By the words, instructions and so on that an item is a mean of."""
    return Statistic(
        row=lambda scores: (scores[name] * scores[f"{name}/weight"], scores[f"{name}/weight"]),
        value=lambda sums: over(sums[..., 0], sums[..., 1]),
    )


def _clipped(name: str) -> Statistic:
    return Statistic(
        row=lambda scores: (scores[name], 1.0),
        value=lambda sums: over(sums[..., 0], sums[..., 1]).clip(0, 1),
    )


def _bits(name: str) -> Statistic:
    """Of a text's log-likelihood by the bytes, or words, that are its weight."""
    return Statistic(
        row=lambda scores: (scores[f"{name}/log_likelihood"], scores[f"{name}/weight"]),
        value=lambda sums: -over(sums[..., 0], sums[..., 1]) / math.log(2),
    )


def _weighted_perplexity(name: str) -> Statistic:
    bits = _bits(name)
    return Statistic(row=bits.row, value=lambda sums: 2 ** bits.value(sums))


def _perplexity(name: str) -> Statistic:
    return Statistic(
        row=lambda scores: (scores[f"{name}/log_likelihood"], 1.0),
        value=_weighted_perplexity(name).value,
    )


def _confusion(value: "Callable[[Floats, Floats, Floats, Floats], Floats]", *keys: str) -> Callable[[str], Statistic]:
    """Of two answers, yes (1) or no (0): the right one and the given; `value` takes how often they were 11, 01, 10, 00.

    `keys` are where they stand, if not in `NAME/gold` and `NAME/predicted`.
    """

    def of(name: str) -> Statistic:
        gold, predicted = keys or (f"{name}/gold", f"{name}/predicted")

        def row(scores: Mapping[str, float]) -> Row:
            pair = (scores[gold], scores[predicted])
            found = tuple(float(pair == cell) for cell in ((1, 1), (0, 1), (1, 0), (0, 0)))
            if not any(found):
                raise KeyError(gold)  # of more than two classes
            return found

        return Statistic(row=row, value=lambda sums: value(*(sums[..., cell] for cell in range(4))))

    return of


def _f1(hit: "Floats", false: "Floats", missed: "Floats", _: "Floats") -> "Floats":
    return over(2 * hit, 2 * hit + false + missed)


def _precision(hit: "Floats", false: "Floats", _missed: "Floats", _: "Floats") -> "Floats":
    return over(hit, hit + false)


def _recall(hit: "Floats", _false: "Floats", missed: "Floats", _: "Floats") -> "Floats":
    return over(hit, hit + missed)


def _mcc(hit: "Floats", false: "Floats", missed: "Floats", left: "Floats") -> "Floats":
    sides = (hit + false) * (hit + missed) * (left + false) * (left + missed)
    return over(hit * left - false * missed, sides**0.5)


def _schema_accuracy(_: str) -> Statistic:
    """Of the calls of tools, those whose arguments are valid."""
    return Statistic(
        row=lambda scores: (scores["successful_tool_call"], scores["finish_reason_tool_call"]),
        value=lambda sums: over(sums[..., 0], sums[..., 1]),
    )


def _two_means(_: str) -> Statistic:
    """The harmonic mean of how often a right solution is left alone, and a wrong one found."""

    def row(scores: Mapping[str, float]) -> Row:
        if "correct_acc" in scores:
            return (scores["correct_acc"], 1.0, 0.0, 0.0)
        return (0.0, 0.0, scores["error_acc"], 1.0)

    def value(sums: "Floats") -> "Floats":
        first, second = over(sums[..., 0], sums[..., 1]), over(sums[..., 2], sums[..., 3])
        return over(2 * first * second, first + second)

    return Statistic(row=row, value=value)


def _calibration_error(name: str) -> Statistic:
    """How far stated probabilities are from how often they come true."""

    def row(scores: Mapping[str, float]) -> Row:
        probability, outcome = scores[f"{name}/probability"], scores[f"{name}/outcome"]
        own = min(int(probability * BINS), BINS - 1)
        return (*(probability - outcome if bin_ == own else 0.0 for bin_ in range(BINS)), 1.0)

    return Statistic(row=row, value=lambda sums: over(abs(sums[..., :BINS]).sum(axis=-1), sums[..., BINS]))


_TOOL = ("should_call_tool", "finish_reason_tool_call")
_NAMED: dict[str, Callable[[str], Statistic]] = {
    "bits_per_byte": _bits,
    "byte_perplexity": _weighted_perplexity,
    "ece": _calibration_error,
    "f1": _confusion(_f1),
    "mcc": _confusion(_mcc),
    "perplexity": _perplexity,
    "precision": _confusion(_precision),
    "recall": _confusion(_recall),
    "schema_accuracy": _schema_accuracy,
    "simple_f1_score": _two_means,
    "tool_call_f1": _confusion(_f1, *_TOOL),
    "trigger_similarity": _confusion(_f1, *_TOOL),
    "word_perplexity": _weighted_perplexity,
}
