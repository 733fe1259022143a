"""What a run directory holds of each model that was measured: the trained one, and those it is compared with."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from swiftci.evidence import baseline, metric
from swiftci.evidence.baseline import ANCHOR, BASELINE, Found
from swiftci.evidence.metric import Item, Metric
from swiftci.store.record import Record

CANDIDATE, BASE = "candidate", "base"
_CALLS = {CANDIDATE: "evaluate", BASE: "evaluate-base"}
_AGAIN = "evaluate-baseline"
"""The call that measures the baseline anew."""


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """Metrics and items by subject; `against` is the one that the candidate is compared with, "" where there is none.

    `differs` names what was otherwise when the baseline was measured, where nobody measured it anew.
    """

    metrics: Mapping[str, list[Metric]] = field(default_factory=dict)
    items: Mapping[str, Mapping[tuple[str, str], list[Item]]] = field(default_factory=dict)
    against: str = ""
    baseline: Found | None = None
    anchor: Found | None = None
    differs: tuple[str, ...] = ()

    def of(self, subject: str, dataset: str, subset: str | None = None) -> list[Item]:
        """A subject's items of a data set, or of one subset."""
        found = self.items.get(subject, {})
        if subset is not None:
            return found.get((dataset, subset), [])
        return [item for (name, _), items in found.items() if name == dataset for item in items]


def read(folder: Path, record: Record) -> Subjects:
    """What of it counts: nothing that an older evaluation left, and nothing from a damaged file."""
    found, anchor = _found(folder, BASELINE), _found(folder, ANCHOR)
    subjects = [subject for subject, call in _CALLS.items() if record.succeeded(call)]
    subjects += [BASELINE] if found else []
    metrics = {subject: measured for subject in subjects if (measured := _metrics(folder, subject))}
    items = {subject: _items(folder, subject) for subject in metrics}
    differs = found.differs if found and not measured_anew(record) else ()
    usable = {BASELINE: BASELINE in metrics and not differs, BASE: BASE in metrics}
    against = next((subject for subject in (BASELINE, BASE) if usable[subject]), "") if CANDIDATE in metrics else ""
    return Subjects(metrics=metrics, items=items, against=against, baseline=found, anchor=anchor, differs=differs)


def _found(folder: Path, subject: str) -> Found | None:
    try:
        return baseline.read(folder, subject)
    except (OSError, ValueError):
        return None  # the gate has said so already


def _metrics(folder: Path, subject: str) -> list[Metric]:
    try:
        return metric.read(folder, subject)
    except (OSError, ValueError):
        return []


def _items(folder: Path, subject: str) -> dict[tuple[str, str], list[Item]]:
    try:
        return by_subset(metric.read_items(folder, subject))
    except (OSError, ValueError):
        return {}


def by_subset(items: Iterable[Item]) -> dict[tuple[str, str], list[Item]]:
    """The items by data set and subset."""
    found: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        found[item.dataset, item.subset].append(item)
    return dict(found)


def measured_anew(record: Record) -> bool:
    """Whether the baseline was measured anew, as the candidate was."""
    again = record.stages.get(_AGAIN)
    return again is not None and record.succeeded(_AGAIN) and bool(again.outputs.get("items"))
