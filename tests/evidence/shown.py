"""Views for what is made from them."""

from dataclasses import replace
from typing import Any

from swiftci.evidence.baseline import Found
from swiftci.evidence.curves import curves
from swiftci.evidence.flips import Flips
from swiftci.evidence.measured import Measured
from swiftci.evidence.paired import Paired
from swiftci.evidence.points import Point
from swiftci.evidence.score import Score, Slices
from swiftci.evidence.sentence import sentence
from swiftci.evidence.training import Training
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.evidence.view import View
from swiftci.store.record import Record

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RUN = "https://github.com/team/models/actions/runs/7001"


def paired(mean: float, low: float, high: float, items: int = 1000) -> Paired:
    return Paired(
        items=items,
        units=items,
        before=0.7,
        after=0.7 + mean,
        mean=mean,
        stderr=0.01,
        spread=0.3,
        low=low,
        high=high,
        floor=low,
        ceiling=high,
        p_worse=0.5,
        p_better=0.5,
        mcnemar=None,
        gained=10,
        lost=12,
        method="score",
    )


def score(dataset: str = "ceval", metric: str = "accuracy", mean: float = 0.02, **more: Any) -> Score:
    """A share that rose from 70 % by `mean`, give or take a point."""
    given: dict[str, Any] = {
        "key": f"{dataset}.{metric}",
        "dataset": dataset,
        "metric": metric,
        "baseline": Measured(mean=0.7, items=1000, stderr=0.01, ratio=True),
        "candidate": Measured(mean=0.7 + mean, items=1000, stderr=0.01, ratio=True),
        "difference": paired(mean, mean - 0.01, mean + 0.01),
        "against": "baseline",
        "primary": True,
        "better": True if mean > 0.01 else False if mean < -0.01 else None,
        "ratio": True,
    }
    return Score(**{**given, **more})


def slices(count: int, dataset: str = "cmmlu", names: str = "subset-{}") -> Slices:
    whole = score(dataset)
    parts = [replace(score(dataset, mean=(-0.05 if n == 3 else 0.0)), subset=names.format(n)) for n in range(count)]
    return Slices(whole=whole, parts=tuple(sorted(parts, key=lambda one: one.better is not False)))


def reason(word: str = "pass", metric: str = "ceval.accuracy", **more: Any) -> Reason:
    given: dict[str, Any] = {"verdict": word, "text": f"{metric} is what it is", "metric": metric}
    return Reason(**{**given, **more})


def points(count: int, start: float = 2.0, bad: int | None = None) -> list[Point]:
    """A falling loss, no number from the step `bad` on."""
    return [
        Point(step=n, loss=float("nan") if bad is not None and n >= bad else start / n**0.5)
        for n in range(1, count + 1)
    ]


def view(
    language: str = "en",
    *,
    found: Verdict | None = None,
    loss: tuple[list[Point], list[Point]] | None = None,
    **more: Any,
) -> View:
    """A run that passed, with everything; `loss` is of this run and of the baseline."""
    found = found or Verdict.of([reason()])
    own, before = loss or (points(20), points(20, 3.0))
    scores = more.pop("scores", [score()])
    given: dict[str, Any] = {
        "record": Record(
            name="tiny", fingerprint="f" * 64, resolved={}, started=1000.0, commit=COMMIT, swiftci="0.1.0", url=RUN
        ),
        "language": language,
        "verdict": found.verdict,
        "found": found,
        "reasons": [sentence(one, language) for one in found.reasons],
        "baseline": Found(source="store", run="f" * 16 + "-6000", name="tiny", why="", commit="b" * 40),
        "anchor": None,
        "differs": (),
        "against": "baseline",
        "changes": [],
        "scores": scores,
        "main": scores,
        "slices": [],
        "flips": Flips(losses=12, gains=10, items=1000),
        "beside": (),
        "beside_items": 0,
        "training": Training(points=tuple(own), steps=len(own), max_steps=len(own), last=None, best=None),
        "curves": curves(own, before),
        "trends": [],
        "stages": {},
        "needed": [],
        "arguments": {},
        "links": {},
        "dropped": False,
        "started": "2026-05-01 10:00 UTC",
        "url": RUN,
    }
    return View(**{**given, **more})
