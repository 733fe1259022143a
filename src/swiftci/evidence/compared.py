"""Every metric of two evaluations beside each other, compared question by question where that is possible."""

from collections.abc import Sequence
from dataclasses import dataclass

from swiftci.evidence.difference import difference
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.paired import Paired


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric in both; `found` is the comparison, `why` the reason that there is none.

    `better` says whether the second is shown to be better or worse (95 % interval, in the metric's own direction).
    """

    dataset: str
    metric: str
    subset: str | None
    before: float | None
    after: float | None
    primary: bool
    found: Paired | None = None
    why: str = ""
    better: bool | None = None

    @property
    def key(self) -> str:
        name = f"{self.dataset}.{self.metric}"
        return f"{name} [{self.subset}]" if self.subset else name


def compare(
    before: tuple[Sequence[Metric], Sequence[Item]],
    after: tuple[Sequence[Metric], Sequence[Item]],
    *,
    subsets: bool = False,
) -> list[Row]:
    """The rows, primary metrics first; of whole data sets, or of their subsets too."""
    first, second = ({(m.key, m.subset): m for m in metrics} for metrics, _ in (before, after))
    keys = [key for key in dict.fromkeys([*second, *first]) if subsets or key[1] is None]
    rows = [_row(first.get(key), second.get(key), before[1], after[1]) for key in keys]
    return sorted(rows, key=lambda row: not row.primary)


def _row(first: Metric | None, second: Metric | None, before: Sequence[Item], after: Sequence[Item]) -> Row:
    one = second or first
    if one is None:
        raise ValueError("a row is of one metric at least")
    row = {
        "dataset": one.dataset,
        "metric": one.metric,
        "subset": one.subset,
        "before": first.value if first else None,
        "after": second.value if second else None,
        "primary": one.primary,
    }
    if first is None or second is None:
        return Row(**row, why="it was measured in one of them only")  # type: ignore[arg-type] # as they are above
    found = difference(before, after, one.dataset, one.metric, one.subset)
    if isinstance(found, str):
        return Row(**row, why=found)  # type: ignore[arg-type] # likewise
    sign = {"higher_is_better": 1, "lower_is_better": -1}.get(one.direction, 0)
    low, high = sorted((sign * found.low, sign * found.high))
    better = True if low > 0 else False if high < 0 else None
    return Row(**row, found=found, better=better)  # type: ignore[arg-type] # likewise
