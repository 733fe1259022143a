"""Which items belong together, as `evaluate.clusters` says."""

from typing import Any

import pytest

from swiftci.evidence import reviews, scores
from swiftci.evidence.fault import Fault
from tests.evidence.corpus import CORPUS


def read(**clusters: str) -> scores.Scores:
    return scores.read(CORPUS / "evalscope/ok-passages/out", "candidate", ("drop",), clusters)


def test_items_of_a_cluster_bear_its_label() -> None:
    found = read(drop="passage")

    assert found.faults == []
    labels = [item.cluster for item in found.items]
    assert labels[:3] == ["Passage 0 tells how many tools lie in each of three boxes."] * 3
    assert len(set(labels)) == 2
    assert {item.cluster for item in read().items} == {""}


LABELS: dict[str, tuple[Any, str]] = {
    "a text": ("p1", "p1"),
    "a number": (7, "7"),
    "Chinese": ("第一篇", "第一篇"),
    "a long text": ("x" * 81, reviews.digest("x" * 81)),
}


@pytest.mark.parametrize(("value", "expected"), LABELS.values(), ids=LABELS)
def test_cluster_has_a_label(value: Any, expected: str) -> None:
    assert reviews.label({"passage": value}, "passage", "item 3") == expected


REFUSED = "evaluate.clusters needs one text or whole number there"


@pytest.mark.parametrize("value", [["a", "b"], {"id": 1}, None, "", " ", True, 1.5])
def test_cluster_that_is_no_single_word_is_refused(value: Any) -> None:
    with pytest.raises(Fault) as raised:
        reviews.label({"passage": value}, "passage", "item 3")

    assert str(raised.value) == f"item 3 has {value!r} as 'passage'; {REFUSED}"


def test_item_without_the_clusters_key_is_refused() -> None:
    found = read(drop="paragraph")

    assert found.items == []
    assert found.faults == [
        "drop: item 0 has no 'paragraph', by which evaluate.clusters groups this data set; "
        "it has: answer, passage, validated_answers"
    ]
