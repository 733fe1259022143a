"""What swiftci reads from what EvalScope leaves: every recording, and every trap of the notes."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import scores
from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, copy, edit, edit_rows, recorded

EXPECTED = Path(__file__).parent / "expected" / "scores"
REPORT = "reports/candidate/general_qa.json"
REVIEWS = "reviews/candidate/general_qa_items.jsonl"


def dataset(case: str) -> str:
    words = (CORPUS / "evalscope" / case / "argv.txt").read_text(encoding="utf-8").splitlines()
    return words[words.index("--datasets") + 1]


@pytest.mark.parametrize("case", recorded("evalscope"))
def test_recorded_evaluation_is_read(case: str, golden: Golden) -> None:
    found = scores.read(CORPUS / "evalscope" / case / "out", "candidate", (dataset(case),))
    shown = {
        "metrics": [asdict(one) for one in found.metrics],
        "items": len(found.items),
        "first": asdict(found.items[0]) if found.items else None,
        "faults": found.faults,
    }

    golden(EXPECTED / f"{case}.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def test_exit_code_0_is_trusted_for_a_measurement_only() -> None:
    ended = [c for c in recorded("evalscope") if (CORPUS / "evalscope" / c / "returncode").read_text() == "0\n"]
    good = {c for c in ended if not read(CORPUS / "evalscope" / c / "out", dataset(c)).faults}

    assert good == {"ok-adapter", "ok-mcq", "ok-qa", "ok-qa-half"}
    assert set(ended) - good == {"all-errors", "bleu-without-nltk", "half-errors"}


def read(out: Path, name: str = "general_qa") -> scores.Scores:
    return scores.read(out, "candidate", (name,))


def fault(out: Path) -> str:
    """The one fault of a work directory, which then holds no measurement."""
    found = read(out)
    assert found.metrics == []
    assert found.items == []
    return found.faults[0]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no metric": (lambda r: r.update(metrics=[]), "general_qa: the report holds no metric"),
    "no primary metric": (
        lambda r: r.update(primary_metric_identity=None, primary_metric_unavailable_reason="no match"),
        "general_qa: no primary metric: no match",
    ),
    "incomplete": (
        lambda r: r["execution_summary"].update(incomplete=True, errored=3),
        "general_qa: 3 of 12 items failed; a score over the others would mislead",
    ),
    "an error": (
        lambda r: r["execution_summary"].update(errored=1),
        "general_qa: 1 of 12 items failed; a score over the others would mislead",
    ),
    "more asked than scored": (
        lambda r: r["execution_summary"].update(requested=20),
        "general_qa: 20 items were asked, 12 were scored",
    ),
    "judge degraded": (
        lambda r: r.update(judge_summary={"status": "degraded", "failures": {"parse_error": 3}}),
        "general_qa: the judge failed: {'parse_error': 3}",
    ),
    "judge failed now and then": (
        lambda r: r.update(judge_summary={"status": "success", "failures": {"transport_error": 1}}),
        "general_qa: the judge failed: {'transport_error': 1}",
    ),
    "score is NaN": (
        lambda r: r["metrics"][0].update(score=math.nan),
        "general_qa: rouge-1-recall is nan, not a number",
    ),
    "score is infinite": (
        lambda r: r["metrics"][0].update(score=math.inf),
        "general_qa: rouge-1-recall is inf, not a number",
    ),
    "score is null": (
        lambda r: r["metrics"][0].update(score=None),
        "general_qa: rouge-1-recall is None, not a number",
    ),
    "score is not its items' mean": (
        lambda r: r["metrics"][0].update(score=0.9),
        "general_qa: rouge-1-recall is 0.9, but its items' mean is 1.0000",
    ),
    "other schema": (
        lambda r: r.update(schema_version=3),
        "general_qa: the report has another format than EvalScope 1.14 writes",
    ),
    "older schema": (
        lambda r: r.pop("schema_version"),
        "general_qa: the report has another format than EvalScope 1.14 writes",
    ),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_report_that_is_no_measurement_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit(out / REPORT, change)

    assert fault(out) == words


FORMS: dict[str, Callable[[dict[str, Any]], None]] = {
    "metrics gone": lambda r: r.pop("metrics"),
    "metrics null": lambda r: r.update(metrics=None),
    "metrics no list": lambda r: r.update(metrics=3),
    "identity gone": lambda r: r["metrics"][0].pop("identity"),
    "count gone": lambda r: r["metrics"][0].pop("num"),
    "count no number": lambda r: r["metrics"][0].update(num="many"),
    "summary gone": lambda r: r.pop("execution_summary"),
    "summary no map": lambda r: r.update(execution_summary=[1]),
    "judge no map": lambda r: r.update(judge_summary="success"),
    "category no map": lambda r: r["metrics"][0].update(categories=["x"]),
}


@pytest.mark.parametrize("change", FORMS.values(), ids=FORMS)
def test_report_of_another_form_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit(out / REPORT, change)

    assert fault(out).startswith("general_qa: ")


def test_judge_that_worked_is_trusted(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit(out / REPORT, lambda r: r.update(judge_summary={"status": "success", "failures": {}}))

    assert read(out).faults == []


def test_missing_report_is_refused(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REPORT).unlink()

    assert fault(out) == "general_qa: EvalScope wrote no report"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_damaged_report_is_refused(tmp_path: Path, data: bytes) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REPORT).write_bytes(data)

    assert fault(out).startswith("general_qa: the report ")


def test_mocks_report_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Without --model EvalScope measures a mock and files it under text_generation."""
    out = copy("evalscope/ok-qa", tmp_path)
    (out / "reports" / "candidate").rename(out / "reports" / "text_generation")

    assert fault(out) == "general_qa: EvalScope wrote no report"


def test_truncated_reviews_are_refused(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    path = out / REVIEWS
    path.write_bytes(path.read_bytes()[:-200])

    assert fault(out).startswith("general_qa: general_qa_items.jsonl is damaged: ")


def test_missing_reviews_are_refused(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REVIEWS).unlink()

    assert fault(out) == "general_qa: 12 items were asked, 0 were scored"


def test_lost_row_is_noticed(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit_rows(out / REVIEWS, lambda rows: rows.pop())

    assert fault(out) == "general_qa: 12 items were asked, 11 were scored"


def test_of_two_rows_of_one_item_the_later_counts(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)

    def twice(rows: list[Any]) -> None:
        old = json.loads(json.dumps(rows[0]))
        old["sample_score"]["score"]["value"]["Rouge-1-R"] = 0.0
        rows.insert(0, old)

    edit_rows(out / REVIEWS, twice)
    found = read(out)

    assert found.faults == []
    assert [item.scores["rouge-1-recall"] for item in found.items] == [1.0] * 12


def test_repeats_of_a_question_are_items_of_their_own(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)

    def repeat(rows: list[Any]) -> None:
        again = json.loads(json.dumps(rows))
        for row in again:
            row["sample_score"]["generation_index"] = 1
        rows.extend(again)

    edit_rows(out / REVIEWS, repeat)
    edit(out / REPORT, lambda r: r["execution_summary"].update(requested=24))

    assert len(read(out).items) == 24


def test_leftover_of_a_killed_run_is_no_review(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / f"{REVIEWS}.rerun-a361c8").write_text("garbage")

    assert read(out).faults == []


def test_metric_that_failed_names_itself_and_why() -> None:
    words = fault(CORPUS / "evalscope" / "bleu-without-nltk" / "out")

    assert words.startswith(
        "general_qa: BLEU could not be computed and was scored 0: LookupError: Resource 'punkt_tab'"
    )
    assert len(words) < 300


@pytest.mark.parametrize(
    "row", ["{}", "[]", '{"index": 0, "messages": [], "sample_score": {}}', '{"index": 0, "messages": 3}', "3"]
)
def test_review_of_another_form_is_refused(tmp_path: Path, row: str) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REVIEWS).write_text(row + "\n")

    assert "general_qa_items.jsonl is damaged" in fault(out)


def test_item_without_a_number_leaves_the_metric_without_an_error_estimate(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit_rows(out / REVIEWS, lambda rows: rows[0]["sample_score"]["score"]["value"].update({"Rouge-1-R": math.inf}))
    found = read(out)
    recall = next(one for one in found.metrics if one.metric == "rouge-1-recall")

    assert recall.stderr is None
    assert "rouge-1-recall" not in found.items[0].scores


def test_every_metric_of_a_good_report_has_an_error_estimate() -> None:
    """Its name in the report is then that of its items' scores."""
    found = read(CORPUS / "evalscope" / "ok-qa-half" / "out")

    assert len(found.metrics) == 18
    assert all(one.stderr is not None for one in found.metrics)


def test_metric_that_is_no_mean_has_no_error_estimate(tmp_path: Path) -> None:
    """The spread of its items says nothing of pass@k or of a win rate."""
    out = copy("evalscope/ok-qa-half", tmp_path)

    def change(report: dict[str, Any]) -> None:
        for identity in (report["primary_metric_identity"], *(one["identity"] for one in report["metrics"])):
            identity["aggregation"] = "pass_at_k"

    edit(out / REPORT, change)
    found = read(out)

    assert found.faults == []
    assert len(found.metrics) == 18
    assert {one.stderr for one in found.metrics} == {None}
    assert all(one.metric.endswith("-pass_at_k") for one in found.metrics)


def test_direction_is_evalscopes_own(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)

    def change(report: dict[str, Any]) -> None:
        report["metrics"][0]["semantics"]["direction"] = "lower_is_better"
        report["metrics"][1]["semantics"] = None

    edit(out / REPORT, change)
    directions = {one.metric: one.direction for one in read(out).metrics}

    assert directions["rouge-1-recall"] == "lower_is_better"
    assert directions["rouge-1-precision"] == "higher_is_better"


def test_data_set_whose_name_begins_like_another_is_kept_apart(tmp_path: Path) -> None:
    """Reviews are DATASET_SUBSET.jsonl: mmlu_pro_math.jsonl is none of mmlu's."""
    out = copy("evalscope/ok-qa", tmp_path)
    for kind, suffix in (("reports", ".json"), ("reviews", "_items.jsonl")):
        path = out / kind / "candidate" / f"general_qa{suffix}"
        (path.parent / f"general_qa_pro{suffix}").write_bytes(path.read_bytes())
    found = scores.read(out, "candidate", ("general_qa", "general_qa_pro"))

    assert found.faults == []
    assert [(item.dataset, item.subset) for item in found.items] == [("general_qa", "items")] * 12 + [
        ("general_qa_pro", "items")
    ] * 12


def test_one_bad_data_set_does_not_hide_another(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    found = scores.read(out, "candidate", ("general_mcq", "general_qa"))

    assert found.faults == ["general_mcq: EvalScope wrote no report"]
    assert {one.dataset for one in found.metrics} == {"general_qa"}


def test_prompt_decides_whether_items_match() -> None:
    """Two evaluations of the same questions have the same keys, whatever was answered."""
    one = read(CORPUS / "evalscope" / "ok-qa" / "out").items
    other = read(CORPUS / "evalscope" / "ok-qa-half" / "out").items

    assert [item.key for item in one] == [item.key for item in other]
    assert [item.prediction for item in one] != [item.prediction for item in other]
    assert len({item.prompt for item in one}) == 12


@pytest.mark.parametrize(
    ("key", "word"),
    [("acc", "accuracy"), ("Rouge-L-F", "rouge-l-f1"), ("Rouge-1-R", "rouge-1-recall"), ("Pass@1", "pass@1")],
)
def test_review_key_has_one_word(key: str, word: str) -> None:
    assert scores.canonical(key) == word


@pytest.mark.parametrize(
    ("identity", "word"),
    [
        ({"name": "accuracy", "aggregation": "mean", "dimensions": {}}, "accuracy"),
        (
            {"name": "rouge", "aggregation": "mean", "dimensions": {"statistic": "recall", "variant": "l"}},
            "rouge-l-recall",
        ),
        ({"name": "accuracy", "aggregation": "pass_at_k", "dimensions": {"k": 5}}, "accuracy-5-pass_at_k"),
        ({"name": "win_rate", "aggregation": "identity"}, "win_rate"),
    ],
)
def test_metric_identity_has_one_word(identity: dict[str, Any], word: str) -> None:
    assert scores.metric_name(identity) == word
