"""metrics.json and items/*.jsonl: the run's own form of what an evaluation measured."""

import json
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from swiftci.store.files import read_rows, write_json, write_rows

FILE = "metrics.json"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number; `subset` is None for the whole data set.

    `direction` and `primary` are EvalScope's; `stderr` is of the items' mean.
    """

    subject: str
    dataset: str
    subset: str | None
    metric: str
    value: float
    items: int
    stderr: float | None = None
    direction: str = "higher_is_better"
    primary: bool = False

    @property
    def key(self) -> str:
        return f"{self.dataset}.{self.metric}"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One evaluated item: `prompt` is the digest of what the model was asked, `scores` by metric.

    Items of one `cluster` of a data set (a passage, a dialogue) are not independent of each other; "" is alone. Where
    an item was asked several times, `index` is `12/0`, `12/1` and so on.
    """

    dataset: str
    subset: str
    index: str
    prompt: str
    scores: dict[str, float]
    prediction: str
    target: str
    question: str
    cluster: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.dataset, self.subset, self.index, self.prompt)


def write(folder: Path, subject: str, metrics: list[Metric], items: list[Item]) -> None:
    """Puts one subject's results into a run directory beside the others'."""
    others = [m for m in read(folder) if m.subject != subject]
    write_rows(folder / "items" / f"{subject}.jsonl", [vars(item) for item in items])
    write_json(folder / FILE, {"schema": 1, "metrics": [asdict(m) for m in (*others, *metrics)]})


def read(folder: Path, subject: str | None = None) -> list[Metric]:
    """A run directory's metrics, or one subject's; raises ValueError where the file is damaged."""
    try:
        data: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
        found = [Metric(**one) for one in data["metrics"]]
    except FileNotFoundError:
        return []
    except (TypeError, KeyError) as error:
        raise ValueError(f"{FILE} is damaged: {error}") from None
    return [m for m in found if subject in (None, m.subject)]


def read_items(folder: Path, subject: str) -> list[Item]:
    """A subject's items; raises ValueError where the file is damaged."""
    path = folder / "items" / f"{subject}.jsonl"
    try:
        return [_sound(Item(**row)) for row in read_rows(path)] if path.exists() else []
    except TypeError as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


_TEXTS = attrgetter("dataset", "subset", "index", "prompt", "target", "cluster")


def _sound(item: Item) -> Item:
    """The same, where what is made of it is of the type that it should be: anybody may have written the file."""
    scores = item.scores
    if any(type(text) is not str for text in _TEXTS(item)) or type(scores) is not dict:
        raise TypeError("an item is of a wrong type")
    if any(type(value) not in (int, float) for value in scores.values()):
        raise TypeError("an item's score is no number")
    return item


def whole(metrics: list[Metric]) -> dict[str, Metric]:
    """The metrics of whole data sets by `dataset.metric`."""
    return {m.key: m for m in metrics if m.subset is None}
