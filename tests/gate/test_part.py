"""Part of a result, or a baseline that got lost or was never looked for, is no result."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftci.evidence import verdict
from tests.fake.repository import Repository
from tests.gate.lab import draw, lab
from tests.gate.planted import Truth

Lines = list[str]


@pytest.fixture
def judged(tmp_path: Path) -> Repository:
    """One whose run directory `candidate` was judged against its baseline."""
    repository = lab(tmp_path / "repository")
    draw(repository, 60, 1, {"better": Truth(change=0.12)})
    return repository


def told(repository: Repository, *arguments: str) -> str:
    """The gate's verdict and reason, judged again."""
    repository.stage("gate", "--run-dir", "candidate", *arguments)
    found = verdict.read(repository.root / "candidate")
    assert found is not None
    return f"{found.verdict}: {found.reasons[0].text}"


@pytest.mark.parametrize("subject", ["candidate", "baseline"])
@pytest.mark.parametrize(
    ("change", "items"),
    [(lambda lines: lines[:30], 30), (lambda lines: lines[:-1], 59)],
)
def test_items_that_are_fewer_than_were_measured_are_invalid(
    judged: Repository, subject: str, change: Callable[[Lines], Lines], items: int
) -> None:
    path = judged.root / f"candidate/items/{subject}.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))

    why = f"{items} items of general_mcq.accuracy, of which 60 were measured"
    assert told(judged) == f"invalid: items/{subject}.jsonl is damaged: {why}"


@pytest.mark.parametrize("subject", ["candidate", "baseline"])
def test_items_that_are_there_twice_are_invalid(judged: Repository, subject: str) -> None:
    path = judged.root / f"candidate/items/{subject}.jsonl"
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[3])

    assert told(judged) == f"invalid: items/{subject}.jsonl is damaged: some items are there twice"


def test_a_baseline_that_got_lost_is_not_none_yet(judged: Repository) -> None:
    shutil.rmtree(judged.root / "candidate/baseline")

    assert told(judged).endswith("against the baseline: it was found, and is no longer there")


def test_a_baseline_that_nobody_looked_for_is_not_none_yet(judged: Repository) -> None:
    shutil.rmtree(judged.root / "candidate/baseline")
    path = judged.root / "candidate/run.json"
    record = json.loads(path.read_text())
    del record["stages"]["baseline"]
    path.write_text(json.dumps(record))

    assert "against the baseline: it was not looked for; `swiftci stage baseline` does that" in told(judged)
