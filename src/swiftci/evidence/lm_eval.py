"""Reads results of lm-evaluation-harness (0.4.13): results_DATE.json, and samples_TASK_DATE.jsonl beside it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import Any

from swiftci.evidence.fault import DAMAGED, Fault, count, number, text
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.reviews import digest, label
from swiftci.evidence.spread import standard_error
from swiftci.store.files import read_rows

WHOLE = "default"
"""The subset of a task that is none of a group's."""
_USUAL = {
    **dict.fromkeys(("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"), "mean"),
    **dict.fromkeys(("word_perplexity", "byte_perplexity"), "weighted_perplexity"),
    **{word: word for word in ("perplexity", "bits_per_byte", "f1")},
    "mcc": "matthews_corrcoef",
}
"""How metrics are aggregated where a task does not say (lm_eval/api/metrics.py)."""
_PARTS = {
    **dict.fromkeys(("weighted_perplexity", "bits_per_byte"), ("log_likelihood", "weight")),
    **dict.fromkeys(("f1", "matthews_corrcoef"), ("gold", "predicted")),
    "perplexity": ("log_likelihood",),
}
"""What an item brings to aggregations of all items at once."""
_INVALID = "[invalid]"
"""What a filter leaves of an answer that it could not read."""
_DIRECTIONS = {True: "higher_is_better", False: "lower_is_better"}


@dataclass(frozen=True)
class Results:
    """One results file; its data sets are its tasks, and its groups, whose subsets are their tasks."""

    path: Path
    data: dict[str, Any]

    @staticmethod
    def knows(data: Mapping[str, Any]) -> bool:
        return isinstance(data.get("results"), dict) and {"configs", "higher_is_better", "n-samples"} <= data.keys()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.data["results"], *self.data.get("groups", {}))))

    def read(self, name: str, subject: str, key: str) -> tuple[list[Metric], list[Item]]:
        """A task's or group's metrics and items. Raises Fault where they are none."""
        tasks = self._tasks(name)
        if tasks == [name]:
            return self._task(name, name, WHOLE, subject, key)
        metrics: list[Metric] = []
        items: list[Item] = []
        for task in tasks:
            some, rows = self._task(task, name, task, subject, key)
            metrics += [replace(one, subset=task) for one in some]
            items += rows
        whole = [_grouped(one, metrics, items) for _, one in self._metrics(name, name, subject, len(items))]
        if not whole:
            raise Fault(f"this group has no score of its own; its tasks have: {', '.join(tasks)}")
        return [*whole, *metrics], items

    def _tasks(self, name: str) -> list[str]:
        """A group's tasks, those of its groups among them; a task's is itself."""
        groups = self.data.get("group_subtasks", {})
        found: dict[str, None] = {}
        left = [name]
        seen = set()
        while left:
            one = left.pop(0)
            if one in seen:
                continue
            seen.add(one)
            if groups.get(one):
                left = [*groups[one], *left]
            elif one in self.data["configs"]:
                found[one] = None
        return list(found)

    def _task(self, task: str, dataset: str, subset: str, subject: str, key: str) -> tuple[list[Metric], list[Item]]:
        asked = count(self.data["n-samples"][task]["effective"], "the number of items asked")
        metrics = list(self._metrics(task, dataset, subject, asked))
        if any(word == "bypass" for word, _ in metrics):
            raise Fault("it was run with --predict_only, which measures nothing")
        if not metrics:
            raise Fault("the results hold no metric")
        told = self.data["configs"][task].get("metric_list") or ()
        ways = _USUAL | {one["metric"]: one["aggregation"] for one in told if one.get("aggregation")}
        items = self._items(task, dataset, subset, key, asked, ways)
        return [_checked(one, items, exact=ways.get(word) == "mean") for word, one in metrics], items

    def _metrics(self, name: str, dataset: str, subject: str, items: int) -> Iterator[tuple[str, Metric]]:
        """The metrics of a task or group as they stand, `acc,none` and `acc_stderr,none`; each with its bare name."""
        results = self.data["results"].get(name) or self.data["groups"][name]
        primary = True
        for key, value in results.items():
            word, comma, filtered = key.partition(",")
            if not comma or word.endswith("_stderr"):
                continue
            better = self.data["higher_is_better"].get(name, {}).get(word)
            shown = _word(word, filtered)
            error = results.get(f"{word}_stderr,{filtered}")
            found = Metric(
                subject=subject,
                dataset=dataset,
                subset=None,
                metric=shown,
                value=number(value, shown),
                items=items,
                stderr=None if error in (None, "N/A") else number(error, f"{shown}'s standard error"),
                direction=_DIRECTIONS.get(better, "none"),
                primary=primary,
            )
            primary = False
            yield word, found

    def _items(self, task: str, dataset: str, subset: str, key: str, asked: int, ways: Mapping[str, str]) -> list[Item]:
        """A task's items; what several filters made of one answer is one item."""
        path = self.path.with_name(f"samples_{task}_{self.path.stem.rpartition('_')[2]}.jsonl")
        if not path.exists():
            raise Fault(f"{path.name} is missing; lm_eval writes it with --log_samples")
        try:
            rows = read_rows(path)
            hashes = "".join(row["doc_hash"] + row["prompt_hash"] + row["target_hash"] for row in rows)
            items = _merged(rows, dataset, subset, key, path.name, ways)
        except DAMAGED as error:
            raise Fault(f"{path.name} is damaged: {error}") from None
        if hashlib.sha256(hashes.encode()).hexdigest() != self.data.get("task_hashes", {}).get(task):
            raise Fault(f"{path.name} is not what these results were made of: rows are missing, or are of another run")
        if len(items) != asked:
            raise Fault(f"{asked} items were asked, {len(items)} are in {path.name}")
        return items


def _grouped(metric: Metric, parts: list[Metric], items: list[Item]) -> Metric:
    """A group's metric, which is a mean over its items or over its tasks; Fault where it is neither."""
    some = [one for one in parts if one.metric == metric.metric]
    if not some:
        raise Fault(f"{metric.metric} is in none of its tasks")
    size = sum(one.items for one in some)
    means = (sum(one.value * one.items for one in some) / size, fmean(one.value for one in some))
    if not any(_same(mean, metric.value) for mean in means):
        raise Fault(f"{metric.metric} is {metric.value}, but its tasks make {means[0]:.4f}")
    whole = replace(metric, items=size)
    return _checked(whole, items, exact=False) if _same(means[0], metric.value) else whole


def _merged(
    rows: list[dict[str, Any]], dataset: str, subset: str, key: str, name: str, ways: Mapping[str, str]
) -> list[Item]:
    found: dict[int, Item] = {}
    seen = set()
    for row in rows:
        place = count(row["doc_id"], "a doc_id")
        if (place, row["filter"]) in seen:
            raise Fault(f"{name} has item {place} twice")
        seen.add((place, row["filter"]))
        item = found.setdefault(place, _item(row, dataset, subset, key))
        item.scores.update(_scores(row, ways))
    filters = {row["filter"] for row in rows}
    if len(seen) != len(found) * len(filters):
        raise Fault(f"{name} lacks items of one of the filters {', '.join(sorted(filters))}")
    return list(found.values())


def _item(row: dict[str, Any], dataset: str, subset: str, key: str) -> Item:
    answers = row["filtered_resps"]
    options = _options(row)
    answer = answers[0] if answers else ""
    if options and len(answers) == len(options) > 1:
        likely = max(range(len(options)), key=lambda place: float(answers[place][0]))
        answer = options[likely]
    elif answer == _INVALID:
        answer = row["resps"][0][0]  # the first time it was asked
    target = str(row["target"])
    if options and target.isdecimal() and int(target) < len(options):
        target = options[int(target)]
    return Item(
        dataset=dataset,
        subset=subset,
        index=str(row["doc_id"]),
        prompt=digest([row["doc_hash"], row["prompt_hash"]]),
        scores={},
        prediction=text(answer),
        target=text(target),
        question=text(_question(row)),
        cluster=label(row["doc"], key, f"item {row['doc_id']}") if key else "",
    )


def _scores(row: dict[str, Any], ways: Mapping[str, str]) -> dict[str, float]:
    """An item's own values; for a metric of all items at once, `METRIC/PART` is what it brings to that."""
    found: dict[str, float] = {}
    for word in row["metrics"]:
        shown, name = _word(word, row["filter"]), f"{word} of item {row['doc_id']}"
        parts = _PARTS.get(ways.get(word, ""), ())
        values = row[word] if isinstance(row[word], list) else [row[word]]
        if len(values) == len(parts):
            found |= {f"{shown}/{part}": number(one, name, flags=True) for part, one in zip(parts, values, strict=True)}
        elif not isinstance(row[word], (list, dict)):
            found[shown] = number(row[word], name, flags=True)
    return found


def _arguments(row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(row["arguments"].values())


def _options(row: dict[str, Any]) -> list[str]:
    """The answers whose likelihood was asked for."""
    some = [one.get("arg_1") for one in _arguments(row)]
    return [one.strip() for one in some if isinstance(one, str)] if len(some) > 1 else []


def _question(row: dict[str, Any]) -> str:
    """What was asked: of a chat its last message of the user's."""
    asked = _arguments(row)[0]["arg_0"]
    asked = asked[0] if isinstance(asked, list) and asked else asked
    try:
        said = [one["content"] for one in json.loads(asked) if one["role"] == "user"]
        return str(said[-1])
    except DAMAGED:
        return str(asked)


def _checked(metric: Metric, items: list[Item], *, exact: bool) -> Metric:
    """The metric with its items' standard error, where it is their mean; Fault where it has to be and is not.

    Values that are no part of a mean go to `METRIC/value`: to compare their means is to compare something else.
    """
    carried = [item for item in items if metric.metric in item.scores]
    values = [item.scores[metric.metric] for item in carried]
    if values and _same(fmean(values), metric.value):
        labels = [item.cluster or f"{item.subset}\0{item.index}" for item in carried]
        return replace(metric, items=len(values), stderr=standard_error(values, labels))
    if exact:
        mean = f"its items' mean is {fmean(values):.4f}" if values else "its items have none"
        raise Fault(f"{metric.metric} is {metric.value}, but {mean}")
    for item in carried:
        item.scores[f"{metric.metric}/value"] = item.scores.pop(metric.metric)
    return metric


def _word(metric: str, filtered: str) -> str:
    """`acc`, or `exact_match-strict-match` where a filter has a name."""
    return metric if filtered == "none" else f"{metric}-{filtered}"


def _same(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
