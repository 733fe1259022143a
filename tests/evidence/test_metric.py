"""metrics.json and items/*.jsonl."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.evidence import metric
from swiftci.evidence.metric import Item, Metric

ONE = Metric(subject="candidate", dataset="ceval", subset=None, metric="accuracy", value=0.5, items=2)


def item(index: int, score: float, prompt: str = "p") -> Item:
    return Item(
        dataset="ceval",
        subset="law",
        index=str(index),
        prompt=f"{prompt}{index}",
        scores={"accuracy": score},
        prediction="A",
        target="B",
        question="中文\u2028?",
    )


ITEMS = [item(0, 1.0), item(1, 0.0)]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    metric.write(tmp_path, "candidate", [ONE, replace(ONE, subset="law", stderr=0.25)], ITEMS)

    assert metric.read(tmp_path) == [ONE, replace(ONE, subset="law", stderr=0.25)]
    assert metric.read_items(tmp_path, "candidate") == ITEMS


@settings(max_examples=25)  # each example is a file on the disk
@given(st.text(), st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_item_survives_its_file(tmp_path_factory: pytest.TempPathFactory, text: str, other: str, score: float) -> None:
    folder = tmp_path_factory.mktemp("run")
    one = replace(item(0, score), prediction=text, question=other, target=text + other)
    metric.write(folder, "candidate", [], [one])

    assert metric.read_items(folder, "candidate") == [one]


def test_each_subject_replaces_only_its_own(tmp_path: Path) -> None:
    base = replace(ONE, subject="base", value=0.1)
    metric.write(tmp_path, "base", [base], ITEMS)
    metric.write(tmp_path, "candidate", [ONE], ITEMS)
    metric.write(tmp_path, "candidate", [replace(ONE, value=0.9)], ITEMS)

    assert metric.read(tmp_path, "base") == [base]
    assert [one.value for one in metric.read(tmp_path, "candidate")] == [0.9]


def test_number_that_json_cannot_hold_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        metric.write(tmp_path, "candidate", [replace(ONE, value=math.nan)], [])

    assert not (tmp_path / metric.FILE).exists()


def test_nothing_measured_is_an_empty_list(tmp_path: Path) -> None:
    assert metric.read(tmp_path) == []
    assert metric.read_items(tmp_path, "candidate") == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"metrics": [{"value": 1}]}', '{"metrics": [3]}', "\xff"])
def test_damaged_metrics_are_said_to_be(tmp_path: Path, text: str) -> None:
    (tmp_path / metric.FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ValueError):
        metric.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "3", "{}", '{"dataset": "x"}'])
def test_damaged_items_are_said_to_be(tmp_path: Path, text: str) -> None:
    metric.write(tmp_path, "candidate", [ONE], ITEMS)
    (tmp_path / "items" / "candidate.jsonl").write_text(text)
    with pytest.raises(ValueError):
        metric.read_items(tmp_path, "candidate")


def test_whole_leaves_subsets_out() -> None:
    assert metric.whole([ONE, replace(ONE, subset="law", value=0.9)]) == {"ceval.accuracy": ONE}
