"""Reads what EvalScope left (1.14.1, report schema 2) and refuses what is no measurement."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten
from typing import Any

from swiftci.evidence.interval import estimate
from swiftci.evidence.metric import Item, Metric
from swiftci.store.files import read_rows

_ROUGE = re.compile(r"rouge-(\w+)-([rpf])")
_STATISTIC = {"r": "recall", "p": "precision", "f": "f1"}
_ALIASES = {"acc": "accuracy"}
_ROUNDING = 1e-4
"""EvalScope rounds scores to four decimals."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was measured, and why it is invalid where `faults` is not empty."""

    metrics: list[Metric]
    items: list[Item]
    faults: list[str]


def read(folder: Path, subject: str, datasets: tuple[str, ...]) -> Scores:
    """Reads an EvalScope work directory: one report per data set, and its reviews."""
    metrics: list[Metric] = []
    items: list[Item] = []
    faults: list[str] = []
    for dataset in datasets:
        try:
            found, rows = _dataset(folder, subject, dataset, datasets)
        except _Fault as fault:
            faults.append(f"{dataset}: {fault}")
            continue
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            faults.append(f"{dataset}: the report has another form than EvalScope 1.14 writes: {error!r}")
            continue
        metrics += found
        items += rows
    return Scores(metrics=metrics, items=items, faults=faults)


class _Fault(Exception):
    """Why a data set's report is no measurement."""


def _dataset(folder: Path, subject: str, dataset: str, datasets: tuple[str, ...]) -> tuple[list[Metric], list[Item]]:
    report = _report(folder / "reports" / subject / f"{dataset}.json")
    items = _items(folder / "reviews" / subject, dataset, datasets)
    summary = report.get("execution_summary") or {}
    requested = summary.get("requested")
    if not isinstance(requested, int):
        raise _Fault("the report does not say how many items were asked")
    if summary.get("incomplete") is not False or summary.get("errored"):
        raise _Fault(
            f"{summary.get('errored', '?')} of {requested} items failed; a score over the others would mislead"
        )
    if not items or requested != len(items):
        raise _Fault(f"{requested} items were asked, {len(items)} were scored")
    judge = report.get("judge_summary")
    if judge and (judge.get("status") != "success" or judge.get("failures")):
        raise _Fault(f"the judge failed: {judge.get('failures') or judge.get('status')}")
    primary = report.get("primary_metric_identity")
    if primary is None and judge and len(report["metrics"]) == 1:
        primary = report["metrics"][0]["identity"]  # the judge's; EvalScope 1.14.1 looks for the rule's only
    metrics = [
        replace(m, primary=one["identity"] == primary)
        for one in report["metrics"]
        for m in _metrics(one, subject, dataset, items)
    ]
    if not metrics:
        raise _Fault("the report holds no metric")
    if not primary:
        raise _Fault(f"no primary metric: {report.get('primary_metric_unavailable_reason')}")
    return metrics, items


def _report(path: Path) -> dict[str, Any]:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _Fault("EvalScope wrote no report") from None
    except (OSError, ValueError) as error:
        raise _Fault(f"the report cannot be read: {error}") from None
    if not isinstance(report, dict) or report.get("schema_version") != 2:
        raise _Fault("the report has another format than EvalScope 1.14 writes")
    return report


def _items(folder: Path, dataset: str, datasets: tuple[str, ...]) -> list[Item]:
    """The data set's reviews; a file is DATASET_SUBSET.jsonl, and mmlu_pro is no subset of mmlu."""
    items: dict[tuple[str, str], Item] = {}
    for path in sorted(folder.glob(f"{dataset}_*.jsonl")):
        if max((one for one in datasets if path.stem.startswith(f"{one}_")), key=len) != dataset:
            continue
        subset = path.stem.removeprefix(f"{dataset}_")
        try:
            for row in read_rows(path):
                item = _item(dataset, subset, row)
                items[(subset, item.index)] = item
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _Fault(f"{path.name} is damaged: {error}") from None
    return list(items.values())


def _item(dataset: str, subset: str, row: dict[str, Any]) -> Item:
    sample = row["sample_score"]
    score = sample["score"]
    errors = (score.get("metadata") or {}).get("metric_errors")
    if errors:
        name, why = next(iter(errors.items()))
        shown = shorten(str(why).replace("*", ""), 160, placeholder=" …")
        raise _Fault(f"{name} could not be computed and was scored 0: {shown}")
    asked = [(m["role"], m["content"]) for m in row["messages"] if m["role"] != "assistant"]
    questions = [content for role, content in asked if role == "user"]
    values = {canonical(key): float(value) for key, value in score["value"].items() if _number(value)}
    generation = sample.get("generation_index") or 0
    return Item(
        dataset=dataset,
        subset=subset,
        index=f"{row['index']}" if not generation else f"{row['index']}/{generation}",
        prompt=hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()[:16],
        scores=values,
        prediction=str(score.get("extracted_prediction") or score.get("prediction") or ""),
        target=_text(row.get("target")),
        question=_text(questions[-1] if questions else ""),
    )


def _metrics(one: dict[str, Any], subject: str, dataset: str, items: list[Item]) -> list[Metric]:
    identity = one["identity"]
    name = metric_name(identity)
    direction = (one.get("semantics") or {}).get("direction") or "higher_is_better"
    total = Metric(
        subject=subject,
        dataset=dataset,
        subset=None,
        metric=name,
        value=_finite(one["score"], name),
        items=int(one["num"]),
        direction=direction,
    )
    subsets = [
        replace(total, subset=part["name"], value=_finite(part["score"], name), items=int(part["num"]))
        for category in one.get("categories") or ()
        for part in category.get("subsets") or ()
        if not part.get("is_aggregate")
    ]
    if identity.get("aggregation") != "mean":
        return [total, *subsets]
    total = _with_error(total, items)
    return [total, *(_with_error(m, [i for i in items if i.subset == m.subset]) for m in subsets)]


def _with_error(metric: Metric, items: list[Item]) -> Metric:
    """The metric with its items' standard error, where the items carry it."""
    values = [item.scores[metric.metric] for item in items if metric.metric in item.scores]
    if len(values) != metric.items:
        return metric
    spread = estimate(values)
    if abs(spread.mean - metric.value) > _ROUNDING:
        raise _Fault(f"{metric.metric} is {metric.value}, but its items' mean is {spread.mean:.4f}")
    return replace(metric, stderr=spread.stderr)


def metric_name(identity: dict[str, Any]) -> str:
    """One word for a metric's identity: `accuracy`, `rouge-1-recall`, `accuracy-pass_at_k`."""
    dimensions = sorted((identity.get("dimensions") or {}).items(), key=lambda one: one[0] == "statistic")
    parts = [str(identity["name"]), *(str(value) for _, value in dimensions)]
    if identity.get("aggregation") not in (None, "mean", "identity"):
        parts.append(str(identity["aggregation"]))
    return "-".join(parts).lower()


def canonical(key: str) -> str:
    """The word of `metric_name` for a key of a review's scores, such as `acc` or `Rouge-1-R`."""
    word = key.lower()
    match = _ROUGE.fullmatch(word)
    if match:
        return f"rouge-{match[1]}-{_STATISTIC[match[2]]}"
    return _ALIASES.get(word, word)


def _finite(value: Any, name: str) -> float:
    if not _number(value):
        raise _Fault(f"{name} is {value}, not a number")
    return float(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
