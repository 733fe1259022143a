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
from tests.evidence.corpus import CORPUS, copy, edit, recorded

EXPECTED = Path(__file__).parent / "expected" / "scores"
REPORT = "reports/candidate/general_qa.json"


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

    assert good == {name for name in recorded("evalscope") if name.startswith("ok-")}
    assert set(ended) - good == {"all-errors", "bleu-without-nltk", "half-errors", "judge-babbles"}


def read(out: Path, name: str = "general_qa") -> scores.Scores:
    return scores.read(out, "candidate", (name,))


def fault(out: Path) -> str:
    """The one fault of a work directory, which then holds no measurement."""
    found = read(out)
    assert found.metrics == []
    assert found.items == []
    return found.faults[0]


def subset(report: dict[str, Any]) -> dict[str, Any]:
    """The one subset of the first metric."""
    found: dict[str, Any] = report["metrics"][0]["categories"][0]["subsets"][0]
    return found


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no metric": (lambda r: r.update(metrics=[]), "general_qa: the report holds no metric"),
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
        "general_qa: 20 items were asked, and its subsets make 12",
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
    "score is true": (
        lambda r: r["metrics"][0].update(score=True),
        "general_qa: rouge-1-recall is true, not a number",
    ),
    "score is a text": (
        lambda r: r["metrics"][0].update(score="1.0"),
        "general_qa: rouge-1-recall is '1.0', not a number",
    ),
    "score is larger than any number": (
        lambda r: r["metrics"][0].update(score=10**400),
        "general_qa: rouge-1-recall is 1" + 58 * "0" + "…, not a number",
    ),
    "score of a subset is NaN": (
        lambda r: subset(r).update(score=math.nan),
        "general_qa: rouge-1-recall is nan, not a number",
    ),
    "score is not its subsets' mean": (
        lambda r: r["metrics"][0].update(score=0.9),
        "general_qa: rouge-1-recall is 0.9, but its subsets make 1.0000",
    ),
    "score is not its items' mean": (
        lambda r: (r["metrics"][0].update(score=0.9), subset(r).update(score=0.9)),
        "general_qa: rouge-1-recall is 0.9, but its items' mean is 1.0000",
    ),
    "subsets are not the whole": (
        lambda r: subset(r).update(num=11),
        "general_qa: rouge-1-recall is of 12 items, and its subsets are of 11",
    ),
    "more items in the report than in the reviews": (
        lambda r: (r["metrics"][0].update(num=14), subset(r).update(num=14)),
        "general_qa: rouge-1-recall is of 14 items, and 12 were scored",
    ),
    "count is negative": (
        lambda r: r["metrics"][0].update(num=-1),
        "general_qa: the number of items of rouge-1-recall is -1, not a count",
    ),
    "a subset that was never asked": (
        lambda r: r["execution_summary"]["subsets"].update(more={"requested": 3}),
        "general_qa: 12 items were asked, and its subsets make 15",
    ),
    "a subset without reviews": (
        lambda r: r["execution_summary"].update(
            requested=15, subsets={"items": {"requested": 12}, "more": {"requested": 3}}
        ),
        "general_qa: 3 items of more were asked, 0 were scored",
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
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
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
    "subsets gone": lambda r: r["execution_summary"].pop("subsets"),
    "subsets no map": lambda r: r["execution_summary"].update(subsets=["items"]),
    "subset no map": lambda r: r["execution_summary"].update(subsets={"items": 12}),
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


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_damaged_report_is_refused(tmp_path: Path, data: bytes) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REPORT).write_bytes(data)

    assert fault(out).startswith("general_qa: the report ")


def test_mocks_report_is_not_taken_for_ours(tmp_path: Path) -> None:
    """Without --model EvalScope measures a mock and files it under text_generation."""
    out = copy("evalscope/ok-qa", tmp_path)
    (out / "reports" / "candidate").rename(out / "reports" / "text_generation")

    assert fault(out) == "general_qa: EvalScope wrote no report"


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
