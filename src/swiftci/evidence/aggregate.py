"""How a metric comes from its items, where it is no plain mean of theirs.

What is worked out for each question from the times it was asked (pass@k and the like) is a mean over questions, and is
compared as one. What is worked out over all of them at once (a weighted mean, F1) is a function of sums over questions:
evidence/statistic.py has those, evidence/bootstrap.py compares them. Facts: EvalScope 1.14.1, metrics/aggregators.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from swiftci.evidence.metric import Item
from swiftci.evidence.statistic import Statistic, statistic

_REPEATED = re.compile(r"(.+)-(\d+)-(pass_at_k|pass_hat_k|vote_at_k|bayes_at_n)")


@dataclass(frozen=True)
class PerQuestion:
    """A mean over questions: `of` takes all items of one, in any order; None where it was asked too seldom."""

    of: Callable[[Sequence[Item]], float | None]


def how(metric: str, items: Sequence[Item]) -> PerQuestion | Statistic | None:
    """How the items of one data set make up a metric, named as in metrics.json; None where they do not."""
    carried = {name for item in items for name in item.scores}
    if metric in carried:
        return PerQuestion(lambda asked: _sum(asked, metric) / len(asked))
    repeated = _REPEATED.fullmatch(metric)
    if repeated and repeated[1] in carried:
        name, count, of = repeated[1], int(repeated[2]), _REPEATS[repeated[3]]
        return PerQuestion(lambda asked: of(_in_order(asked), name, count) if len(asked) >= count else None)
    found = statistic(metric)
    return found if found and items and all(found.adds(item) for item in items) else None


def _in_order(asked: Sequence[Item]) -> list[Item]:
    """As they were asked: reviews are written as the answers come."""
    return sorted(asked, key=lambda item: int(item.index.partition("/")[2] or 0))


def _sum(asked: Sequence[Item], name: str) -> float:
    return math.fsum(item.scores[name] for item in asked)


def _pass_at_k(asked: Sequence[Item], name: str, k: int) -> float:
    """The chance that one of k of the answers is right (Chen 2021, arXiv 2107.03374)."""
    wrong = len(asked) - int(_sum(asked, name))
    return 1 - math.comb(wrong, k) / math.comb(len(asked), k)


def _pass_hat_k(asked: Sequence[Item], name: str, k: int) -> float:
    """The chance that all of k of the answers are right (Yao 2024, arXiv 2406.12045)."""
    return math.comb(int(_sum(asked, name)), k) / math.comb(len(asked), k)


def _vote_at_k(asked: Sequence[Item], name: str, k: int) -> float:
    """Whether the answer that most of the first k gave is right; of those that are even, the first."""
    votes = Counter(item.prediction for item in asked[:k] if item.prediction.strip())
    winner = votes.most_common(1)[0][0] if votes else None
    return float(any(item.prediction == winner and item.scores[name] == 1 for item in asked[:k]))


def _bayes_at_n(asked: Sequence[Item], name: str, n: int) -> float:
    """What to expect of a question's chance to be answered well, before which all were even (arXiv 2510.04265)."""
    return (_sum(asked, name) + 1) / (n + 2)


_REPEATS: dict[str, Callable[[Sequence[Item], str, int], float]] = {
    "pass_at_k": _pass_at_k,
    "pass_hat_k": _pass_hat_k,
    "vote_at_k": _vote_at_k,
    "bayes_at_n": _bayes_at_n,
}
