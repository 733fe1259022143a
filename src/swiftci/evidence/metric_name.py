"""One word for each metric of EvalScope, the same from its report and from its reviews."""

import re
from typing import Any

_ROUGE = re.compile(r"(?:mean_)?Rouge-([12L])-([RPF])")
_BLEU = re.compile(r"(?:mean_)?[Bb]leu[-_](\d+)")
_DONE = re.compile(r"rouge-[12l]-(?:recall|precision|f1)|bleu-\d+|legacy_metric-.*", re.DOTALL)
_STATISTIC = {"R": "recall", "P": "precision", "F": "f1"}
_SYNONYMS = {"acc": "accuracy", "f1_score": "f1", "em": "exact_match", "bertscore": "bert_score"}
"""EvalScope's own (1.14.1, metrics/semantics/aliases.py): reviews have the one, reports the other."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def metric_name(identity: dict[str, Any]) -> str:
    """The word for an identity in a report: `accuracy`, `rouge-1-recall`, `accuracy-2-pass_at_k`."""
    dimensions = sorted((identity.get("dimensions") or {}).items(), key=lambda one: one[0] == "statistic")
    parts = [str(identity["name"]), *(str(value) for _, value in dimensions)]
    if identity.get("aggregation") not in (None, "mean", "identity"):
        parts.append(str(identity["aggregation"]))
    return "-".join(parts).lower()


def canonical(key: str) -> str:
    """The word of `metric_name` for a key of a review's scores, such as `acc` or `Rouge-1-R`."""
    if _DONE.fullmatch(key):
        return key
    if match := _ROUGE.fullmatch(key):
        return f"rouge-{match[1].lower()}-{_STATISTIC[match[2]]}"
    if match := _BLEU.fullmatch(key):
        return f"bleu-{match[1]}"
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    word = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return _SYNONYMS.get(word, word) if _NAME.fullmatch(word) else f"legacy_metric-{key}".lower()
