"""A baseline that was measured anew in a run directory is that of that comparison, and of no later one."""

import json
from pathlib import Path

import pytest

from tests.engine.comparing import MARGIN
from tests.fake.repository import Repository, make


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One that ran once, and then anew with more tokens: so that its baseline was measured anew, as 0.25."""
    found = make(tmp_path / "repository")
    found.config["gate"] = {"rules": [MARGIN]}
    found.write()
    assert found.run().code == 0
    return found


def ran(repository: Repository, section: str, key: str, value: object, *arguments: str, **environ: str) -> float:
    """Runs another config; gives what the candidate was compared with."""
    repository.config[section]["args"][key] = value
    repository.write()
    repository.forget()
    repository.run(*arguments, **environ)
    reasons = json.loads((repository.folder / "verdict.json").read_text())["reasons"]
    return float(reasons[0]["before"])


def test_the_next_run_is_compared_with_its_own_baseline(repository: Repository) -> None:
    first = ran(repository, "evaluate", "generation_config", {"max_tokens": 7})
    second = ran(repository, "train", "max_steps", 12)

    assert (first, second) == (0.25, 1.0)  # the run before: its weights, its measurement
    assert repository.called == ["train", "evaluate"]


def test_more_items_of_an_earlier_comparison_are_not_taken(repository: Repository) -> None:
    name = repository.record["run"]
    repository.config["gate"]["extend_to"] = 24
    first = ran(repository, "evaluate", "limit", 12, "--baseline", name)
    options = {"FAKE_BASELINE": "ok-qa"}
    second = ran(repository, "evaluate", "generation_config", {"max_tokens": 7}, "--baseline", name, **options)

    assert (first, second) == (0.25, 1.0)
    assert repository.called == ["evaluate", "evaluate-baseline", "evaluate-baseline", "evaluate"]
