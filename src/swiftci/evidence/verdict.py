"""The verdict: what the gate's rules say of a result; what was not measured never passes."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from swiftci.spec.exit import Exit
from swiftci.store.files import write_json

FILE = "verdict.json"
FILES = (FILE, "eval_results.json", "report.md", "report.html")
"""What says how a run went."""

Word = Literal["pass", "fail", "inconclusive", "invalid", "skipped"]

EXITS: dict[str, Exit] = {
    "pass": Exit.DONE,
    "skipped": Exit.DONE,
    "fail": Exit.REFUSED,
    "inconclusive": Exit.REFUSED,
    "invalid": Exit.TOOL,
}


@dataclass(frozen=True, kw_only=True)
class Override:
    """Somebody with write access took the responsibility for one commit; `at` is GitHub's time."""

    by: str
    reason: str
    commit: str
    at: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One rule's outcome, in one English sentence, and the facts that it is made of.

    `value` is the candidate's. Of a comparison `before` is the other's, and `floor` and `ceiling` are the bounds of the
    difference, each 95 % sure, in the metric's own unit; where it is `lower`, less is better. `needed` is how many
    items would decide, `p` that of there being no loss, `note` says which sentence of evidence/sentence.py it is.
    """

    verdict: Word
    text: str
    metric: str = ""
    subset: str | None = None
    value: float | None = None
    items: int = 0
    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None
    improves: bool = False
    lower: bool = False
    against: str = ""
    before: float | None = None
    difference: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    p: float | None = None
    needed: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The whole outcome; `exit` is what the run ends with. In mode `warn` that is 0 for all that was measured."""

    verdict: Word
    reasons: tuple[Reason, ...]
    exit: int
    mode: str = "enforce"
    override: Override | None = None

    @classmethod
    def of(cls, reasons: Sequence[Reason]) -> "Verdict":
        """The worst of the reasons' verdicts; pass where there is none."""
        order: tuple[Word, ...] = ("invalid", "fail", "inconclusive", "skipped")
        words = {reason.verdict for reason in reasons}
        word: Word = next((w for w in order if w in words), "pass")
        return cls(verdict=word, reasons=tuple(reasons), exit=EXITS[word])


def write(folder: Path, verdict: Verdict) -> None:
    write_json(folder / FILE, asdict(verdict))


def read(folder: Path) -> Verdict | None:
    """A run directory's verdict; raises ValueError where the file is damaged."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        reasons = tuple(Reason(**one) for one in data["reasons"])
        taken = data.get("override")
        return Verdict(
            verdict=data["verdict"],
            reasons=reasons,
            exit=data["exit"],
            mode=data.get("mode", "enforce"),
            override=Override(**taken) if taken else None,
        )
    except FileNotFoundError:
        return None
    except (TypeError, KeyError) as error:
        raise ValueError(f"{FILE} is damaged: {error}") from None
