"""The report of runs that failed, were not measured, or left damaged files."""

import json
import math
import re
from pathlib import Path

import pytest

from swiftci.evidence import metric, report
from swiftci.evidence.metric import Metric
from swiftci.evidence.verdict import Reason
from swiftci.evidence.words import WORDS
from tests.evidence.corpus import edit_rows
from tests.evidence.page import Page, harmless
from tests.evidence.rundir import Run, recorded
from tests.fake.repository import Repository

EXPECTED = Path(__file__).parent / "expected" / "report"
KEY = "general_qa.rouge-l-recall"


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    return recorded(tmp_path / "run", repository)


def test_without_a_base_there_is_no_difference(run: Run) -> None:
    del run.record.stages["evaluate-base"]
    markdown, html, _ = run.write()

    assert Page(html).row(KEY) == [KEY, "100.0 % 75.8 … 100.0 %", "12"]
    assert re.search(r"\| general\\_qa.rouge-l-recall \| 100.0 % \(75.8 … 100.0 %\) \| – \| – \| 12 \|", markdown)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_nothing_measured_is_said(run: Run, language: str) -> None:
    for name in ("evaluate", "evaluate-base"):
        run.stage(name, "failed", "EvalScope failed: was killed (SIGKILL)")
    run.judged(Reason(verdict="invalid", text="evaluate: EvalScope failed: was killed (SIGKILL)"))
    markdown, html, results = run.write(language)

    for text in (markdown, harmless(html).text):
        assert WORDS[language]["no_scores"] in text
        assert "was killed" in text
        assert WORDS[language]["failed"] in text
    assert results["verdict"] == "invalid"


def test_results_of_a_failed_evaluation_hold_no_metric_of_an_earlier_one(run: Run) -> None:
    run.stage("evaluate", "failed", "EvalScope failed")
    results = run.write()[2]

    assert results["metrics"] == {}
    assert results["differences"] == {}


def test_empty_run_has_a_report(tmp_path: Path, repository: Repository) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    run = Run(folder, repository)
    run.record.stages.clear()
    markdown, html, results = run.write()

    assert "No step was logged." in harmless(html).text
    assert "running" in markdown
    assert results == {
        "name": "tiny",
        "fingerprint": "f" * 64,
        "commit": run.record.commit,
        "metrics": {},
        "verdict": "running",
        "baseline": None,
        "differences": {},
    }


def test_config_without_an_evaluation_has_a_report(run: Run) -> None:
    run.record.resolved["config"]["evaluate"] = None
    del run.record.stages["evaluate"], run.record.stages["evaluate-base"]

    assert WORDS["en"]["no_scores"] in run.write()[0]


@pytest.mark.parametrize("case", ["nan-gradient", "nan-loss", "sigkill", "disk-full"])
def test_bad_training_has_a_report(run: Run, case: str) -> None:
    run.trained(case)

    assert "10 / 10" in run.write()[0] or "31 / 2,000" in run.write()[0]


@pytest.mark.parametrize("language", sorted(WORDS))
def test_steps_without_a_number_are_named(run: Run, language: str) -> None:
    """ms-swift logs a loss that is NaN as 0.0."""
    run.trained("nan-loss")
    markdown, html, _ = run.write(language)

    for text in (markdown, harmless(html).text):
        assert WORDS[language]["bad_steps"].format("2–10") in text
        assert f"{WORDS[language]['final_loss']}{WORDS[language]['colon']}nan" in text


def test_damaged_verdict_is_invalid(run: Run) -> None:
    (run.folder / "verdict.json").write_text("{")

    assert run.write()[2]["verdict"] == "invalid"


@pytest.mark.parametrize("name", ["metrics.json", "items/candidate.jsonl", "trend.json"])
def test_damaged_file_does_not_stop_the_report(run: Run, name: str) -> None:
    (run.folder / name).write_text("{")
    markdown, _, results = run.write()

    assert markdown.startswith("## ")
    assert results["verdict"] == "pass"


def test_rows_that_were_dropped_are_mentioned(run: Run) -> None:
    run.record.stages["train"].outputs["dropped"] = True
    markdown, html, _ = run.write()

    assert WORDS["en"]["dropped"] in markdown
    assert WORDS["en"]["dropped"] in Page(html).text


def test_metric_without_items_has_no_interval(run: Run) -> None:
    one = Metric(
        subject="candidate", dataset="general_qa", subset=None, metric="win_rate", value=12.5, items=0, primary=True
    )
    metric.write(run.folder, "candidate", [one], [])

    assert Page(run.write()[1]).row("general_qa.win_rate") == ["general_qa.win_rate", "–", "12.5", "0"]


def test_value_that_is_no_number_stays_one_in_the_results(run: Run) -> None:
    edit_rows(run.folder / "train" / "logging.jsonl", lambda rows: rows[4].update(loss=math.inf))

    assert "not a number at step 5" in run.write()[0]


def test_report_without_scipy_has_its_differences(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("numpy", "scipy", "scipy.special"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    found = report.gather(run.folder, run.record, "en").scores[0].difference

    assert found is not None
    assert (found.method, found.mean, found.gained) == ("normal", 0.75, 9)
    assert round(found.low, 3) == 0.494
    assert Page(run.write()[1]).row(KEY)[3:5] == ["+75.0 ▲ points", "+49.4 … +100.0"]


def test_results_are_json_without_surprises(run: Run) -> None:
    text = json.dumps(run.write()[2], allow_nan=False)

    assert json.loads(text)
