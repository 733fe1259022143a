"""Writes a small EvalScope work directory with scores of one's choice."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

IDENTITY = {"name": "accuracy", "aggregation": "mean", "dimensions": {}}


def write(out: Path, dataset: str, scores: Mapping[str, Sequence[float]], categories: int = 1) -> Path:
    """By subset, the accuracy of each item; subsets lie in so many categories. Gives the folder of the reviews."""
    reviews = out / "reviews" / "candidate"
    reviews.mkdir(parents=True)
    (out / "reports" / "candidate").mkdir(parents=True)
    subsets: list[dict[str, Any]] = []
    for name, values in scores.items():
        rows = "".join(json.dumps(_review(place, value)) + "\n" for place, value in enumerate(values))
        (reviews / f"{dataset}_{name}.jsonl").write_text(rows)
        subsets.append({"name": name, "num": len(values), "score": round(sum(values) / len(values), 4)})
    parts = [subsets[place::categories] for place in range(categories)]
    summed = [{"subsets": one, **_micro(one)} for one in parts]
    report = {
        "schema_version": 2,
        "metrics": [{"identity": IDENTITY, "categories": summed, **_micro(summed)}],
        "primary_metric_identity": IDENTITY,
        "execution_summary": {
            "requested": sum(one["num"] for one in subsets),
            "errored": 0,
            "incomplete": False,
            "subsets": {one["name"]: {"requested": one["num"]} for one in subsets},
        },
    }
    (out / "reports" / "candidate" / f"{dataset}.json").write_text(json.dumps(report))
    return reviews


def _micro(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """As EvalScope sums up, from what is rounded already."""
    count = sum(one["num"] for one in parts)
    return {"num": count, "score": round(sum(one["score"] * one["num"] for one in parts) / count, 4)}


def _review(index: int, value: float) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"question {index}"}]
    score = {"value": {"acc": value}, "extracted_prediction": "A"}
    return {"index": index, "target": ["A"], "messages": messages, "sample_score": {"score": score}}
