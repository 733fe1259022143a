"""Reads what EvalScope left (1.14.1, report schema 2) and refuses what is no measurement."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from statistics import fmean
from typing import Any

from swiftci.evidence import reviews
from swiftci.evidence.fault import DAMAGED, Fault, count, number
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.metric_name import metric_name
from swiftci.evidence.spread import standard_error

_ROUNDED = 0.51e-4
"""EvalScope rounds scores to four decimals: those of subsets, then categories from these, then the whole from those."""
_WHOLE_ROUNDED = 3 * _ROUNDED
_OF_CORPUS = ("msvd", "msr_vtt")
"""Data sets whose score is of all answers at once, though it is called a mean; what items carry is no part of it."""
_OF_QUESTIONS = {
    "pass_at_k": lambda n, c, k: 1 - comb(n - c, k) / comb(n, k),
    "pass_hat_k": lambda n, c, k: comb(c, k) / comb(n, k),
}
"""Aggregations that are a mean over questions, each of which was asked n times and answered well c times."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was measured, and why it is invalid where `faults` is not empty."""

    metrics: list[Metric]
    items: list[Item]
    faults: list[str]


def read(folder: Path, subject: str, datasets: tuple[str, ...], clusters: Mapping[str, str] | None = None) -> Scores:
    """Reads an EvalScope work directory: one report per data set, and its reviews.

    `clusters` names by data set what in its items' metadata says which of them belong together.
    """
    metrics: list[Metric] = []
    items: list[Item] = []
    faults: list[str] = []
    for dataset in datasets:
        try:
            found, rows = _dataset(folder, subject, dataset, (clusters or {}).get(dataset, ""))
        except Fault as fault:
            faults.append(f"{dataset}: {fault}")
            continue
        except DAMAGED as error:
            faults.append(f"{dataset}: the report has another form than EvalScope 1.14 writes: {error!r}")
            continue
        metrics += found
        items += rows
    return Scores(metrics=metrics, items=items, faults=faults)


def _dataset(folder: Path, subject: str, dataset: str, key: str) -> tuple[list[Metric], list[Item]]:
    report = _report(folder / "reports" / subject / f"{dataset}.json")
    asked = _asked(report)
    judge = report.get("judge_summary")
    if judge and (judge.get("status") != "success" or judge.get("failures")):
        raise Fault(f"the judge failed: {judge.get('failures') or judge.get('status')}")
    items = reviews.read(folder / "reviews" / subject, dataset, asked, key)
    if dataset in _OF_CORPUS:
        items = [replace(item, scores={}) for item in items]
    primary = report.get("primary_metric_identity")
    if primary is None and len(report["metrics"]) == 1:
        primary = report["metrics"][0]["identity"]  # a judge's; EvalScope 1.14.1 looks for the rule's only
    metrics = [
        replace(m, primary=one["identity"] == primary)
        for one in report["metrics"]
        for m in _metrics(one, subject, dataset, items)
    ]
    if not metrics:
        raise Fault("the report holds no metric")
    return metrics, items


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault("EvalScope wrote no report") from None
    except DAMAGED as error:
        raise Fault(f"the report cannot be read: {error}") from None
    if not isinstance(report, dict) or report.get("schema_version") != 2:
        raise Fault("the report has another format than EvalScope 1.14 writes")
    return report


def _asked(report: dict[str, Any]) -> dict[str, int]:
    """How many answers were asked for of each subset; raises Fault where not all of them came."""
    summary = report.get("execution_summary") or {}
    if not isinstance(summary.get("requested"), int):
        raise Fault("the report does not say how many items were asked")
    requested = count(summary["requested"], "the number of items asked")
    if summary.get("incomplete") is not False or summary.get("errored"):
        raise Fault(f"{summary.get('errored', '?')} of {requested} items failed; a score over the others would mislead")
    asked = {name: count(one["requested"], "the number of items asked") for name, one in summary["subsets"].items()}
    if not requested or sum(asked.values()) != requested:
        raise Fault(f"{requested} items were asked, and its subsets make {sum(asked.values())}")
    return asked


def _metrics(one: dict[str, Any], subject: str, dataset: str, items: list[Item]) -> list[Metric]:
    """A metric of the report, of the whole data set and of each subset, held against the reviews."""
    identity = one["identity"]
    name = metric_name(identity)
    total = Metric(
        subject=subject,
        dataset=dataset,
        subset=None,
        metric=name,
        value=number(one["score"], name),
        items=count(one["num"], f"the number of items of {name}"),
        direction=(one.get("semantics") or {}).get("direction") or "higher_is_better",
    )
    subsets = [
        replace(total, subset=part["name"], value=number(part["score"], name), items=count(part["num"], name))
        for category in one.get("categories") or ()
        for part in category.get("subsets") or ()
        if not part.get("is_aggregate")
    ]
    if subsets:
        _summed(total, subsets)
    _answered(identity, name, items)
    found = [_with_error(total, identity, items)]
    return found + [_with_error(m, identity, [item for item in items if item.subset == m.subset]) for m in subsets]


def _summed(total: Metric, subsets: list[Metric]) -> None:
    """Raises Fault where the subsets do not make up the whole."""
    items = sum(one.items for one in subsets)
    if items != total.items:
        raise Fault(f"{total.metric} is of {total.items} items, and its subsets are of {items}")
    mean = sum(one.value * one.items for one in subsets) / items if items else 0.0
    if abs(mean - total.value) > _WHOLE_ROUNDED:
        raise Fault(f"{total.metric} is {total.value}, but its subsets make {mean:.4f}")


def _answered(identity: dict[str, Any], name: str, items: list[Item]) -> None:
    """Gives each answer its question's own value, where the metric is a mean over those."""
    formula = _OF_QUESTIONS.get(identity.get("aggregation") or "")
    dimensions = dict(identity.get("dimensions") or {})
    k = dimensions.pop("k", None)
    if formula is None or type(k) is not int:
        return
    single = metric_name({"name": identity["name"], "dimensions": dimensions})
    questions: dict[str, list[Item]] = {}
    for item in items:
        if single in item.scores:
            questions.setdefault(_question(item), []).append(item)
    for answers in questions.values():
        good = int(sum(item.scores[single] for item in answers))
        if 0 < k <= len(answers) and 0 <= good <= len(answers):
            for item in answers:
                item.scores[name] = formula(len(answers), good, k)


def _with_error(metric: Metric, identity: dict[str, Any], items: Iterable[Item]) -> Metric:
    """The metric with its standard error, where it is its items' mean; raises Fault where it should be and is not."""
    carried = [item for item in items if metric.metric in item.scores]
    questions = [_question(item) for item in carried]
    of_questions = identity.get("aggregation") in _OF_QUESTIONS
    counted = len(set(questions)) if of_questions else len(carried)
    if not carried or metric.items < counted:
        return metric  # of groups that the benchmark itself makes
    exact = of_questions or identity.get("aggregation") == "mean"
    mean = fmean(item.scores[metric.metric] for item in carried)
    if metric.items > counted:
        if exact:
            raise Fault(f"{metric.metric} is of {metric.items} items, and {counted} were scored")
    elif abs(mean - metric.value) <= (_ROUNDED if metric.subset else _WHOLE_ROUNDED):
        clusters = [item.cluster or question for item, question in zip(carried, questions, strict=True)]
        return replace(metric, stderr=standard_error([item.scores[metric.metric] for item in carried], clusters))
    elif exact:
        raise Fault(f"{metric.metric} is {metric.value}, but its items' mean is {mean:.4f}")
    else:
        for item in carried:  # to compare their means would be to compare something else
            item.scores[f"{metric.metric}/value"] = item.scores.pop(metric.metric)
    return metric


def _question(item: Item) -> str:
    """What the answers to one question have in common."""
    return f"{item.subset}\0{item.index.partition('/')[0]}"
