"""The report of good runs: what it says, and what it compares with."""

from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.evidence import metric, report
from swiftci.evidence.verdict import Override, Reason
from swiftci.evidence.words import WORDS
from tests.conftest import Golden
from tests.evidence.page import Page, harmless
from tests.evidence.rundir import Run, recorded
from tests.fake.repository import Repository

EXPECTED = Path(__file__).parent / "expected" / "report"
KEY = "general_qa.rouge-l-recall"


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    return recorded(tmp_path / "run", repository)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_markdown_of_a_recorded_run(run: Run, language: str, golden: Golden) -> None:
    golden(EXPECTED / f"{language}.md", run.write(language)[0])


@pytest.mark.parametrize("language", sorted(WORDS))
def test_page_holds_what_a_reviewer_needs(run: Run, language: str) -> None:
    page = harmless(run.write(language)[1])
    words = WORDS[language]

    assert page.row(KEY) == [
        KEY,
        "25.0 % 8.9 … 53.2 %",
        "100.0 % 75.8 … 100.0 %",
        f"+75.0 ▲ {words['points']}",
        "+32.6 … +91.1",
        "12",
    ]
    assert page.row("train") == ["train", words["succeeded"], words["unit_seconds"].format(12)]
    for text in (
        words["pass"],
        f"{words['steps']}{words['colon']}10 / 10",
        f"{words['final_loss']}{words['colon']}5.865",
        words["no_baseline"],
        words["against_base"],
        run.record.commit,
        run.record.fingerprint,
        "ms_swift 4.6.0",
        "somebody",
        "Linux x86_64, 2 cores",
        '"max_steps": "10"',
        '"max_tokens": 6',
        "configs/tiny.yaml",
        "2026-11-18",
    ):
        assert str(text) in page.text


def test_results_have_their_documented_shape(run: Run) -> None:
    results = run.write()[2]

    assert list(results) == ["name", "fingerprint", "commit", "metrics", "verdict", "baseline", "differences"]
    assert results["name"] == "tiny"
    assert results["verdict"] == "pass"
    assert results["baseline"] is None
    assert results["metrics"][KEY] == 1.0
    assert len(results["metrics"]) == 9
    difference = results["differences"][KEY]
    assert (difference["against"], difference["value"], difference["better"]) == ("base", 0.75, True)


def test_view_has_what_comments_and_messages_take_from_it(run: Run) -> None:
    run.record.url = "https://github.com/team/models/actions/runs/41"
    view = report.gather(run.folder, run.record, "en")
    first = view.scores[0]

    assert (view.verdict, view.language, view.url) == ("pass", "en", run.record.url)
    assert view.reasons == ["general_qa.rouge-l-recall is 1 over 12 items; it should be at least 0.5"]
    assert (first.key, first.against, first.primary, first.better, first.ratio) == (KEY, "base", True, True, True)
    assert first.difference is not None
    assert (first.difference.gained, first.difference.lost) == (9, 0)
    assert view.training.steps == 10


def test_primary_metric_stands_first_and_the_others_are_folded(run: Run) -> None:
    page = Page(run.write()[1])
    metrics = [row[0] for row in page.rows if row and row[0].startswith("general_qa.")]

    assert metrics[0] == KEY
    assert len(metrics) == 9
    assert WORDS["en"]["other_metrics"].format(8) in page.text


def test_metric_that_a_rule_names_stands_before_the_primary_one(run: Run) -> None:
    run.record.resolved["config"]["gate"]["rules"] = [{"metric": "general_qa.rouge-1-f1", "at_least": 0.5}]
    view = report.gather(run.folder, run.record, "en")

    assert [score.metric for score in view.main] == ["rouge-1-f1", "rouge-l-recall"]


def test_worse_score_points_down(run: Run) -> None:
    run.measured("base", "ok-qa")
    run.measured("candidate", "ok-qa-half")
    markdown, html, _ = run.write()

    assert Page(html).row(KEY)[3] == "-75.0 ▼ points"
    assert "-75.0 ▼ points" in markdown


def test_difference_that_could_be_chance_points_nowhere(run: Run) -> None:
    run.measured("base", "ok-qa")
    page = Page(run.write()[1])

    assert page.row(KEY)[3:5] == ["0 points", "-24.2 … +24.2"]
    assert WORDS["en"]["no_flips"] in page.text


def lower_is_better(run: Run) -> None:
    for subject in ("base", "candidate"):
        found = [replace(one, direction="lower_is_better") for one in metric.read(run.folder, subject)]
        metric.write(run.folder, subject, found, metric.read_items(run.folder, subject))


def test_lower_is_better_turns_the_arrow_and_the_flips(run: Run) -> None:
    lower_is_better(run)
    page = Page(run.write()[1])

    assert page.row(KEY)[3] == "+75.0 ▼ points"
    assert "9 were lost and 0 gained" in page.text


def test_metric_without_a_better_direction_points_nowhere(run: Run) -> None:
    for subject in ("base", "candidate"):
        found = [replace(one, direction="neutral") for one in metric.read(run.folder, subject)]
        metric.write(run.folder, subject, found, metric.read_items(run.folder, subject))
    page = Page(run.write()[1])

    assert page.row(KEY)[3] == "+75.0 points"
    assert WORDS["en"]["flips"] not in page.text


@pytest.mark.parametrize("language", sorted(WORDS))
def test_mode_and_override_are_said(run: Run, language: str) -> None:
    taken = Override(by="boss", reason="known loss", commit="c" * 40, at="2026-11-18", url="https://github.com/x/y#1")
    run.judged(Reason(verdict="fail", text="worse"), mode="warn", override=taken, exit=0)
    markdown, html, _ = run.write(language)
    page = harmless(html, links=(taken.url,))

    for text in (markdown, page.text):
        assert WORDS[language]["warn"] in text
        assert "boss" in text
        assert "known loss" in text
        assert "c" * 12 in text


# ------------------------------------------------------------------------------------------ what it is compared with


@pytest.mark.parametrize("language", sorted(WORDS))
def test_baseline_is_named_with_what_changed_since(run: Run, language: str) -> None:
    run.measured("baseline", "ok-qa-half")
    run.record.parts = {"train.args.learning_rate": "2e-4", "content of data.jsonl": "b" * 64, "version of torch": None}
    run.compared(
        parts={"train.args.learning_rate": "1e-4", "content of data.jsonl": "a" * 64, "train.args.lora_rank": 8}
    )
    markdown, html, results = run.write(language)
    page, words = harmless(html), WORDS[language]

    assert results["baseline"] == {"run": "40", "commit": "89abcdef" * 5}
    assert results["differences"][KEY]["against"] == "baseline"
    assert page.row("train.args.learning_rate")[1:] == ["1e-4", "2e-4"]
    assert page.row(f"{words['content_of']}data.jsonl")[1:] == ["a" * 12, "b" * 12]
    assert page.row("train.args.lora_rank")[1:] == ["8", words["absent"]]
    assert page.row(f"{words['version_of']}torch")[1:] == [words["absent"], "none"]
    assert "| train.args.learning\\_rate | 1e-4 | 2e-4 |" in markdown
    for text in (markdown, page.text):
        assert "89abcdef89ab" in text
        assert ("the newest good run of" if language == "en" else words["source_store"]) in text


def test_same_config_is_said_to_be_the_same(run: Run) -> None:
    run.measured("baseline", "ok-qa")
    run.record.parts = {"train.method": "sft"}
    run.compared(parts={"train.method": "sft"})

    assert WORDS["en"]["no_changes"] in Page(run.write()[1]).text


def test_baseline_that_was_measured_otherwise_is_shown_and_not_compared_with(run: Run) -> None:
    run.measured("baseline", "ok-qa-half")
    run.compared(differs=("evaluate.args.seed", "version of evalscope"))
    page = Page(run.write()[1])

    assert "cannot be compared item by item: evaluate.args.seed, version of evalscope" in page.text
    assert page.row(KEY)[1:4] == ["25.0 % 8.9 … 53.2 %"] * 2 + ["100.0 % 75.8 … 100.0 %"]
    assert report.gather(run.folder, run.record, "en").scores[0].against == "base"


def test_baseline_that_was_measured_anew_is_compared_with(run: Run) -> None:
    run.measured("baseline", "ok-qa-half")
    run.compared(differs=("evaluate.args.seed",))
    run.stage("evaluate-baseline", "succeeded")
    run.record.stages["evaluate-baseline"].outputs["items"] = 12

    assert report.gather(run.folder, run.record, "en").scores[0].against == "baseline"


def test_items_that_do_not_match_are_said(run: Run) -> None:
    items = [replace(item, prompt=f"other {item.prompt}") for item in metric.read_items(run.folder, "base")]
    metric.write(run.folder, "base", metric.read(run.folder, "base"), items)
    page = Page(run.write()[1])

    assert f"{KEY} has no difference: only 0 of" in page.text


@pytest.mark.parametrize("name", ["found.json", "run.json", "train/logging.jsonl"])
def test_damaged_baseline_does_not_stop_the_report(run: Run, name: str) -> None:
    run.measured("baseline", "ok-qa-half")
    run.compared()
    (run.folder / "baseline/train").mkdir()
    (run.folder / "baseline" / name).write_text("{")

    assert KEY in run.write()[1]
