"""The difference of a metric between two evaluations of the same questions, in whatever way it comes from its items."""

import math
from collections.abc import Iterable

from swiftci.evidence.aggregate import how
from swiftci.evidence.bootstrap import paired_statistic
from swiftci.evidence.match import asked, both, questions, shared
from swiftci.evidence.metric import Item
from swiftci.evidence.paired import Paired, paired
from swiftci.evidence.statistic import Statistic

NO_VALUES = "its items carry no value of their own"


def difference(
    before: Iterable[Item],
    after: Iterable[Item],
    dataset: str,
    metric: str,
    subset: str | None = None,
    *,
    alpha: float = 0.05,
) -> Paired | str:
    """What the items of a data set, or of one subset, tell; a text says why they cannot be compared.

    Raises ImportError where scipy (the `stats` extra) is not installed.
    """
    first, second = (
        [item for item in items if item.dataset == dataset and subset in (None, item.subset)]
        for items in (before, after)
    )
    made = how(metric, second)
    if made is None:
        return NO_VALUES
    if isinstance(made, Statistic):
        return _of_sums(first, second, made, alpha)
    pairs = both(questions(first, made.of), questions(second, made.of))
    if isinstance(pairs, str):
        return pairs
    if not all(map(math.isfinite, (*pairs.before, *pairs.after))):
        return "a value is not a number"
    return paired(pairs, alpha=alpha)


def _of_sums(before: list[Item], after: list[Item], made: Statistic, alpha: float) -> Paired | str:
    """The difference of a metric that is worked out over all questions at once."""
    if not all(made.adds(item) for item in before):
        return "the other evaluation's items carry too little of it"
    first, second = asked(before), asked(after)
    keys = shared(first, second)
    if isinstance(keys, str):
        return keys
    return paired_statistic(
        [made.question(first[key]) for key in keys],
        [made.question(second[key]) for key in keys],
        made.value,
        clusters=[second[key][0].cluster or "\0".join(key) for key in keys],
        alpha=alpha,
    )
