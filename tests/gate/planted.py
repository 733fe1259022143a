"""EvalScope's work directory with a planted truth, after a recording of EvalScope 1.14.1 (tests/corpus)."""

import functools
import json
import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "corpus/evalscope/ok-mcq/out"
DATASET, METRIC, SUBSET = "general_mcq", "accuracy", "tools"
MODEL = "candidate"
LETTERS = "ABCD"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How two models differ: the share of questions that the first answers right, and of those answered differently.

    `change` is the true difference of their accuracies, `discordant` the share of questions on which they differ.
    """

    change: float
    right: float = 0.70
    discordant: float = 0.12

    def before(self, items: int, source: random.Random) -> list[bool]:
        """Which questions the first model answers right."""
        return [source.random() < self.right for _ in range(items)]

    def after(self, before: Sequence[bool], source: random.Random) -> list[bool]:
        """Which ones the second does."""
        gained, lost = (self.discordant + self.change) / 2, (self.discordant - self.change) / 2
        flips = {True: lost / self.right, False: gained / (1 - self.right)}
        return [right != (source.random() < flips[right]) for right in before]


def write(folder: Path, right: Sequence[bool]) -> None:
    """The report and the reviews of a model that answers these questions right, and the others wrong."""
    lines = [_line(number, answer) for number, answer in enumerate(right)]
    reviews, report = folder / "reviews" / MODEL, folder / "reports" / MODEL / f"{DATASET}.json"
    for parent in (reviews, report.parent):
        parent.mkdir(parents=True)
    (reviews / f"{DATASET}_{SUBSET}.jsonl").write_text("".join(lines), encoding="utf-8")
    report.write_text(json.dumps(_report(right), ensure_ascii=False, indent=2), encoding="utf-8")


@functools.cache
def _recorded() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The recorded report, and the first recorded review."""
    report = json.loads((RECORDED / "reports" / MODEL / f"{DATASET}.json").read_text(encoding="utf-8"))
    reviews = (RECORDED / "reviews" / MODEL / f"{DATASET}_{SUBSET}.jsonl").read_text(encoding="utf-8")
    return report, json.loads(reviews.splitlines()[0])


@functools.cache
def _line(number: int, right: bool) -> str:
    """A review: the recorded one of another question, with another answer."""
    row: dict[str, Any] = deepcopy(dict(_recorded()[1]))
    target = LETTERS[number % 4]
    letter = target if right else LETTERS[(number + 1) % 4]
    asked, answered = row["messages"]
    asked |= {"id": f"{2 * number:08x}", "content": asked["content"].replace("Which of", f"{number}. Which of")}
    answered |= {"id": f"{2 * number + 1:08x}", "content": f"答案：{letter}"}
    sample = row["sample_score"]
    sample["score"] |= {
        "value": {METRIC: float(right)},
        "extracted_prediction": letter,
        "prediction": answered["content"],
    }
    sample |= {"sample_id": number, "group_id": number, "sample_metadata": {"id": f"{SUBSET}-{number}"}}
    return json.dumps(row | {"index": number, "target": [target]}, ensure_ascii=False) + "\n"


def _report(right: Sequence[bool]) -> dict[str, Any]:
    report: dict[str, Any] = deepcopy(dict(_recorded()[0]))
    items, score = len(right), round(sum(right) / len(right), 4)
    (metric,) = report["metrics"]
    (category,) = metric["categories"]
    (subset,) = (one for one in category["subsets"] if one["name"] == SUBSET)
    subset |= {"num": items, "score": score}
    category["subsets"] = [subset]
    for one in (metric, category):
        one |= {"num": items, "score": score, "macro_score": score}
    asked = {"requested": items, "succeeded": items, "errored": 0}
    report["execution_summary"] |= {**asked, "subsets": {SUBSET: asked}}
    report["perf_metrics"]["summary"]["n_samples"] = items
    report["perf_metrics"]["coverage"] = {"requests_with_metrics": items, "total_requests": items}
    return report | {"num": items}
