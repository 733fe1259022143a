"""A repository with one rule, in which models with planted differences are judged by swiftci's own commands."""

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from swiftci.evidence import verdict
from tests.fake.repository import Repository, make
from tests.gate import planted
from tests.gate.planted import Truth

MARGIN = 0.02
RULE = {"metric": f"{planted.DATASET}.{planted.METRIC}", "margin": MARGIN}


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One comparison, all of it from verdict.json: accuracies of the baseline and of the candidate, and the verdict."""

    items: int
    truth: str
    before: float
    after: float
    verdict: str


def lab(root: Path) -> Repository:
    """The repository. What EvalScope would leave is there, so that no tool is needed."""
    repository = make(root)
    repository.project["python"] = "none-is-needed"
    repository.config["evaluate"] = {"datasets": [planted.DATASET]}
    repository.config["gate"] = [RULE]
    repository.environ["PATH"] = ""
    repository.write()
    return repository


def seeded(items: int, number: int) -> random.Random:
    return random.Random(f"{items} {number}")


def draw(repository: Repository, items: int, number: int, truths: Mapping[str, Truth]) -> list[Draw]:
    """Judges one candidate of each truth against the same baseline; `number` decides the chance in it."""
    source = seeded(items, number)
    before = next(iter(truths.values())).before(items, source)
    for folder in ("baseline", "candidate", ".swiftci"):
        shutil.rmtree(repository.root / folder, ignore_errors=True)
    _evaluate(repository, "baseline", before)
    _stage(repository, "baseline", "candidate", "--baseline", "baseline")
    return [_judged(repository, name, truth.after(before, source)) for name, truth in truths.items()]


def _judged(repository: Repository, truth: str, right: Sequence[bool]) -> Draw:
    _evaluate(repository, "candidate", right)
    _stage(repository, "gate", "candidate")
    found = verdict.read(repository.root / "candidate")
    assert found is not None
    (reason,) = found.reasons
    assert reason.before is not None and reason.value is not None, reason.text
    assert reason.items == len(right)
    return Draw(items=reason.items, truth=truth, before=reason.before, after=reason.value, verdict=found.verdict)


def _evaluate(repository: Repository, folder: str, right: Sequence[bool]) -> None:
    results = repository.root / "results"
    shutil.rmtree(results, ignore_errors=True)
    planted.write(results, right)
    _stage(repository, "evaluate", folder, "--results", results.name)


def _stage(repository: Repository, name: str, folder: str, *arguments: str) -> None:
    done = repository.stage(name, "--run-dir", folder, *arguments)
    assert done.code in ((0, 3) if name == "gate" else (0,)), done.text
