"""The words for EvalScope's metrics."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence.metric_name import canonical, metric_name

KEYS = {
    "acc": "accuracy",
    "em": "exact_match",
    "F1": "f1",
    "f1_score": "f1",
    "Rouge-L-F": "rouge-l-f1",
    "Rouge-1-R": "rouge-1-recall",
    "bleu-2": "bleu-2",
    "Bleu_4": "bleu-4",
    "CIDEr": "cider",
    "Pass@1": "pass_1",
    "Act.EM": "act_em",
    "prompt_level_strict": "prompt_level_strict",
    "scope/ACC@0.5": "scope_acc_0_5",
    "1.2": "legacy_metric-1.2",
    "准确率": "legacy_metric-准确率",
}


@pytest.mark.parametrize(("key", "word"), KEYS.items())
def test_review_key_has_one_word(key: str, word: str) -> None:
    assert canonical(key) == word


@given(st.text() | st.sampled_from(sorted(KEYS)))
def test_word_of_a_word_is_itself(key: str) -> None:
    assert canonical(canonical(key)) == canonical(key)


@pytest.mark.parametrize(
    ("identity", "word"),
    [
        ({"name": "accuracy", "aggregation": "mean", "dimensions": {}}, "accuracy"),
        (
            {"name": "rouge", "aggregation": "mean", "dimensions": {"statistic": "recall", "variant": "l"}},
            "rouge-l-recall",
        ),
        ({"name": "bleu", "aggregation": "mean", "dimensions": {"ngram": 4}}, "bleu-4"),
        ({"name": "accuracy", "aggregation": "pass_at_k", "dimensions": {"k": 5}}, "accuracy-5-pass_at_k"),
        ({"name": "win_rate", "aggregation": "identity"}, "win_rate"),
        (
            {"name": "legacy_metric", "aggregation": "mean", "dimensions": {"original_name": "准确率"}},
            "legacy_metric-准确率",
        ),
    ],
)
def test_metric_identity_has_one_word(identity: dict[str, Any], word: str) -> None:
    assert metric_name(identity) == word


@given(st.text(), st.sampled_from(["mean", "identity", "pass_at_k", "weighted_mean", None]))
def test_word_of_an_identity_is_the_same_each_time(name: str, aggregation: str | None) -> None:
    once = metric_name({"name": name, "aggregation": aggregation})

    assert metric_name({"name": once}) == once
