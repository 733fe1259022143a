"""What swiftci reads from what promptfoo writes."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import harness
from swiftci.evidence.scores import Scores
from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, edit

RECORDED = CORPUS / "promptfoo"
EXPECTED = Path(__file__).parent / "expected" / "promptfoo"


def read(path: Path, **clusters: str) -> Scores:
    return harness.read(path, "candidate", ("tools",), clusters)


@pytest.mark.parametrize("case", sorted(path.name for path in RECORDED.iterdir()))
def test_recorded_results_are_read(case: str, golden: Golden) -> None:
    found = read(RECORDED / case)
    shown = {
        "metrics": [asdict(one) for one in found.metrics],
        "items": len(found.items),
        "first": asdict(found.items[0]) if found.items else None,
        "faults": found.faults,
    }

    golden(EXPECTED / f"{case}.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def test_test_without_assertions_passes_and_is_no_measurement() -> None:
    """It is an item all the same: its answers can be laid side by side."""
    found = read(RECORDED / "repeated")
    alone = [item for item in found.items if not item.scores]

    assert len(alone) == 3
    assert {one.metric: one.items for one in found.metrics}["pass"] == 6


def test_repeats_of_a_test_are_told_apart() -> None:
    found = read(RECORDED / "repeated")
    questions: dict[str, set[str]] = {}
    for item in found.items:
        test, _, attempt = item.index.partition("/")
        questions.setdefault(test, set()).add(attempt)

    assert set(map(frozenset, questions.values())) == {frozenset("012")}
    assert len(questions) == 3


def test_prompts_are_subsets_and_their_answers_to_one_test_belong_together() -> None:
    found = read(RECORDED / "prompts")

    assert {item.subset for item in found.items} == {"Where is the {{tool}}?", "Say in one word where the {{tool}} is."}
    assert len({item.cluster for item in found.items}) == 4
    assert {(one.subset, one.items) for one in found.metrics if one.metric == "pass"} == {
        (None, 8),
        ("Where is the {{tool}}?", 4),
        ("Say in one word where the {{tool}} is.", 4),
    }


def test_prompt_without_a_short_label_has_a_name(tmp_path: Path) -> None:
    shutil.copy(RECORDED / "prompts/tools.json", tmp_path)
    edit(
        tmp_path / "tools.json",
        lambda data: [one.update(label="so it is. " * 10) for one in data["results"]["prompts"]],
    )
    subsets = {item.subset for item in read(tmp_path).items}

    assert [name.rpartition("-")[0] for name in sorted(subsets)] == ["prompt-1", "prompt-2"]


def test_place_of_a_test_in_its_file_does_not_count(tmp_path: Path) -> None:
    """A test that is put before the others must not make them others."""
    shutil.copy(RECORDED / "ok/tools.json", tmp_path)

    def later(data: dict[str, Any]) -> None:
        for row in data["results"]["results"]:
            row["testIdx"] += 1

    edit(tmp_path / "tools.json", later)

    assert {item.key for item in read(tmp_path).items} == {item.key for item in read(RECORDED / "ok").items}


def test_expected_is_what_the_assertions_say() -> None:
    items = read(RECORDED / "ok").items

    assert items[3].target == "shelf"
    assert items[0].target == "equals: shelf\njavascript: output.length / 10"


def test_cluster_is_one_of_the_tests_variables() -> None:
    found = read(RECORDED / "ok", tools="kind")

    assert [item.cluster for item in found.items] == ["other", "for wood", "other", "other"]
    assert read(RECORDED / "ok", tools="size").faults == [
        "tools: test 0 has no 'size', by which evaluate.clusters groups this data set; it has: kind, tool"
    ]


def row(data: dict[str, Any], place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = data["results"]["results"][place]
    return found


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another version": (
        lambda d: d["results"].update(version=2),
        "it is of version 2 of promptfoo's results; version 3 is known",
    ),
    "a lost row": (
        lambda d: d["results"]["results"].pop(),
        "2 of 4 tests passed by its summary, 1 of 3 by its rows",
    ),
    "no row": (lambda d: d["results"]["results"].clear(), "it holds no test"),
    "another verdict": (
        lambda d: row(d, 1).update(success=True),
        "2 of 4 tests passed by its summary, 3 of 4 by its rows",
    ),
    "another score": (
        lambda d: row(d).update(score=0.1),
        "the scores of a prompt are 2.05 by its summary, 1.4000 by its rows",
    ),
    "NaN": (lambda d: row(d).update(score=math.nan), "a score is nan, not a number"),
    "null": (lambda d: row(d).update(score=None), "a score is None, not a number"),
    "a text": (lambda d: row(d).update(score="1"), "a score is '1', not a number"),
    "a named metric that is no number": (
        lambda d: row(d)["namedScores"].update(exact=math.inf),
        "exact is inf, not a number",
    ),
    "a named metric that is true": (
        lambda d: row(d)["namedScores"].update(exact=True),
        "exact is true, not a number",
    ),
    "a metric of promptfoo's own name": (
        lambda d: row(d)["namedScores"].update(score=1),
        "a metric is called 'score', as promptfoo's own is; give it another name",
    ),
    "errors that no row tells": (
        lambda d: d["results"]["stats"].update(errors=2),
        "2 of 4 tests ended with an error",
    ),
    "another form": (
        lambda d: row(d).pop("promptIdx"),
        "the results have another form than is known: KeyError('promptIdx')",
    ),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_results_that_are_no_measurement_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    shutil.copy(RECORDED / "ok/tools.json", tmp_path)
    edit(tmp_path / "tools.json", change)
    found = read(tmp_path)

    assert (found.metrics, found.items, found.faults) == ([], [], [f"tools: {words}"])
