"""How a metric went over the last runs of a config, and this one at the end."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.evidence.interval import Estimate
from swiftci.evidence.measured import Measured
from swiftci.evidence.score import Score

FILE = "trend.json"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One run; `own` is the one that is reported."""

    run: str
    commit: str
    verdict: str
    value: Estimate
    own: bool = False


@dataclass(frozen=True, kw_only=True)
class Trend:
    """A metric's runs, oldest first."""

    score: Score
    stops: tuple[Stop, ...]


def trends(folder: Path, scores: Sequence[Score], run: str, commit: str | None, verdict: str) -> list[Trend]:
    """The trend of each score that earlier runs have too."""
    earlier = _runs(folder / FILE)
    found = []
    for score in scores:
        stops = [stop for one in earlier if (stop := _stop(one, score))]
        if stops and score.candidate:
            own = Stop(run=run, commit=commit or "", verdict=verdict, value=score.candidate, own=True)
            found.append(Trend(score=score, stops=(*stops, own)))
    return found


def _runs(path: Path) -> list[dict[str, Any]]:
    """The earlier runs; none where the file is not there, or not ours."""
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return [one for one in runs if isinstance(one, dict) and isinstance(one.get("metrics"), dict)]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return []


def _stop(run: dict[str, Any], score: Score) -> Stop | None:
    found = run["metrics"].get(score.key)
    measured = found if isinstance(found, dict) else {"value": found}
    value, error, items = _number(measured.get("value")), _number(measured.get("stderr")), measured.get("items")
    if value is None or (score.ratio and not 0 <= value <= 1):
        return None
    return Stop(
        run=str(run.get("run") or ""),
        commit=str(run.get("commit") or ""),
        verdict=str(run.get("verdict") or ""),
        value=Measured(
            mean=value,
            items=items if type(items) is int else 0,
            stderr=error,
            ratio=score.ratio,
        ),
    )


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and abs(value) <= sys.float_info.max else None
