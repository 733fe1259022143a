"""Which of EvalScope's scores are means of their items, and how sure those are."""

import math
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from swiftci.evidence import scores
from tests.evidence import evaluation
from tests.evidence.corpus import CORPUS, copy, edit

REPORT = "reports/candidate/general_qa.json"


def read(out: Path, name: str = "general_qa") -> scores.Scores:
    return scores.read(out, "candidate", (name,))


def subset(report: dict[str, Any]) -> dict[str, Any]:
    """The one subset of the first metric."""
    found: dict[str, Any] = report["metrics"][0]["categories"][0]["subsets"][0]
    return found


def test_every_metric_of_a_good_report_has_an_error_estimate() -> None:
    """Its name in the report is then that of its items' scores."""
    found = read(CORPUS / "evalscope" / "ok-qa-half" / "out")

    assert len(found.metrics) == 18
    assert all(one.stderr is not None for one in found.metrics)


def test_metric_that_is_no_mean_of_its_items_is_taken_as_it_is(tmp_path: Path) -> None:
    """Their spread says nothing of a weighted mean, nor of a win rate."""
    out = copy("evalscope/ok-qa-half", tmp_path)

    def change(report: dict[str, Any]) -> None:
        for identity in (report["primary_metric_identity"], *(one["identity"] for one in report["metrics"])):
            identity["aggregation"] = "weighted_mean"

    edit(out / REPORT, change)
    found = read(out)

    assert found.faults == []
    assert len(found.metrics) == 18
    assert {one.stderr for one in found.metrics} == {None}
    assert all(one.metric.endswith("-weighted_mean") for one in found.metrics)
    assert found.items[0].scores.keys() >= {"rouge-1-recall", "rouge-l-f1"}


def test_value_that_a_benchmark_makes_otherwise_is_kept_apart(tmp_path: Path) -> None:
    """An F1 of all answers at once is no mean of each answer's, though both have one name."""
    out = copy("evalscope/ok-qa-half", tmp_path)

    def change(report: dict[str, Any]) -> None:
        report["metrics"][0]["identity"]["aggregation"] = "identity"
        report["metrics"][0]["score"] = subset(report)["score"] = 0.4

    edit(out / REPORT, change)
    found = read(out)

    assert (found.faults, found.metrics[0].value, found.metrics[0].stderr) == ([], 0.4, None)
    assert "rouge-1-recall" not in found.items[0].scores
    assert "rouge-1-recall/value" in found.items[0].scores


def test_mean_of_groups_that_a_benchmark_makes_has_no_error_estimate(tmp_path: Path) -> None:
    """ARC-AGI-2 averages the inputs of a task first: it counts fewer than were asked."""
    out = copy("evalscope/ok-qa-half", tmp_path)
    edit(out / REPORT, lambda r: (r["metrics"][0].update(num=4, score=0.3), subset(r).update(num=4, score=0.3)))
    found = read(out)

    assert found.faults == []
    assert (found.metrics[0].value, found.metrics[0].items, found.metrics[0].stderr) == (0.3, 4, None)


def test_score_of_a_whole_corpus_is_no_mean_of_items(tmp_path: Path) -> None:
    """CIDEr of msvd is called a mean; what its items carry would compare other numbers than its score."""
    out = copy("evalscope/ok-qa", tmp_path)
    for kind, suffix in (("reports", ".json"), ("reviews", "_items.jsonl")):
        (out / kind / "candidate" / f"general_qa{suffix}").rename(out / kind / "candidate" / f"msvd{suffix}")
    edit(
        out / "reports/candidate/msvd.json", lambda r: (r["metrics"][0].update(score=0.4), subset(r).update(score=0.4))
    )
    found = read(out, "msvd")

    assert found.faults == []
    assert (found.metrics[0].value, found.metrics[0].stderr) == (0.4, None)
    assert {len(item.scores) for item in found.items} == {0}


def test_each_attempt_carries_its_questions_own_pass_at_k() -> None:
    """Two questions were asked three times each: one was solved always, the other once."""
    found = scores.read(CORPUS / "evalscope/ok-pass-at-k/out", "candidate", ("humaneval",))
    values = {item.index: item.scores["accuracy-2-pass_at_k"] for item in found.items}
    metric = next(one for one in found.metrics if one.metric == "accuracy-2-pass_at_k")

    assert values == {**{f"0/{n}": 1.0 for n in range(3)}, **{f"1/{n}": pytest.approx(2 / 3) for n in range(3)}}
    assert metric.stderr == pytest.approx(stdev([1.0, 2 / 3]) / math.sqrt(2))


def test_pass_at_k_that_the_answers_do_not_make_is_refused(tmp_path: Path) -> None:
    out = copy("evalscope/ok-pass-at-k", tmp_path)

    def change(report: dict[str, Any]) -> None:
        report["metrics"][2].update(score=0.9)
        report["metrics"][2]["categories"][0]["subsets"][0].update(score=0.9)

    edit(out / "reports/candidate/humaneval.json", change)

    assert read(out, "humaneval").faults == ["humaneval: accuracy-2-pass_at_k is 0.9, but its items' mean is 0.8333"]


def test_answers_to_one_question_count_as_one_in_the_error_estimate() -> None:
    found = scores.read(CORPUS / "evalscope/ok-repeats/out", "candidate", ("general_mcq",))
    whole = found.metrics[0]
    questions = [[item.scores["accuracy"] for item in found.items[n : n + 3]] for n in range(0, 24, 3)]

    assert (whole.items, len(questions)) == (24, 8)
    assert whole.stderr == pytest.approx(stdev([fmean(one) for one in questions]) / math.sqrt(8))


def test_clusters_are_in_the_error_estimate() -> None:
    """The first passage was understood, the second was not."""
    out = CORPUS / "evalscope/ok-passages/out"
    alone = scores.read(out, "candidate", ("drop",)).metrics[0]
    grouped = scores.read(out, "candidate", ("drop",), {"drop": "passage"}).metrics[0]

    assert alone.stderr == pytest.approx(math.sqrt(0.5 * 0.5 / 5))
    assert grouped.stderr == pytest.approx(0.5)


def test_mix_of_data_sets_has_no_primary_metric_and_is_a_measurement() -> None:
    found = scores.read(CORPUS / "evalscope/ok-collection/out", "candidate", ("data_collection",))

    assert found.faults == []
    assert not any(one.primary for one in found.metrics)
    assert {(one.metric, one.subset, one.items) for one in found.metrics if one.subset} == {
        ("accuracy", "general_mcq/places", 4),
        ("accuracy", "general_mcq/tools", 4),
        ("f1", "drop/default", 4),
    }


def test_rounding_of_many_subsets_is_no_disagreement(tmp_path: Path) -> None:
    """Each of 67 subsets is rounded, each category of rounded subsets, and the whole of rounded categories."""
    subsets = {f"s{one}": [float((n * 7 + one) % 3 == 0) for n in range(13 + one)] for one in range(67)}
    evaluation.write(tmp_path, "cmmlu", subsets, categories=4)
    found = read(tmp_path, "cmmlu")

    assert found.faults == []
    assert len(found.metrics) == 68
    assert all(one.stderr is not None for one in found.metrics)
