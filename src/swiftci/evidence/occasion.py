"""Of what a run is an occasion to tell people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.budget import Budget
from swiftci.config.notify import OCCASIONS
from swiftci.evidence import trend
from swiftci.evidence.score import Score
from swiftci.evidence.verdict import Verdict
from swiftci.store.ledger import WARN_SHARE
from swiftci.store.record import Record

BAD = frozenset({"fail", "invalid"})


@dataclass(frozen=True, kw_only=True)
class Near:
    """A cap of the budget of which four fifths are gone by this run; `scope` is its month, branch or person."""

    key: str
    scope: str
    amount: float
    cap: float
    currency: str


def occasions(
    found: Verdict | None, scores: Sequence[Score], near: Sequence[Near], *, before: str = "", strict: bool = False
) -> tuple[str, ...]:
    """Those that hold of a run, in the order of the config's; none where nothing ran.

    `found` is None where there is no verdict, which is a failure; `scores` are the report's main ones. `before` is the
    verdict that the last run of the same ref came to, and `strict` whether an inconclusive one is a failure too.
    """
    if found and found.verdict == "skipped":
        return ()
    bad = BAD | {"inconclusive"} if strict else BAD
    shown = {score.better for score in scores}
    holds = {
        "failure": found is None or found.verdict in bad or found.exit != 0,
        "regression": False in shown or bool(found and any(r.verdict == "fail" and r.against for r in found.reasons)),
        "improvement": True in shown,
        "recovery": bool(found and found.verdict == "pass") and before in bad,
        "budget": bool(near),
        "always": True,
    }
    return tuple(one for one in OCCASIONS if holds[one])


def verdict_before(folder: Path, ref: str | None, *, strict: bool = False) -> str:
    """The verdict of the last run of a ref that came to one: what left it open told nobody, and is passed over."""
    telling = BAD | {"pass"} | ({"inconclusive"} if strict else set())
    try:
        data = json.loads((folder / trend.FILE).read_text(encoding="utf-8"))
        rows = data.get("own") or data["runs"]  # the second are the target branch's
        words = [str(row["verdict"]) for row in rows if row["ref"] == ref]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return next((word for word in reversed(words) if word in telling), "")


def near(record: Record, budget: Budget | None) -> tuple[Near, ...]:
    """The caps that this run came near to."""
    if budget is None:
        return ()
    found = []
    if budget.run is not None and (record.cost or 0.0) >= WARN_SHARE * budget.run:
        found.append(Near(key="run", scope="", amount=record.cost or 0.0, cap=budget.run, currency=budget.currency))
    return tuple(found)
