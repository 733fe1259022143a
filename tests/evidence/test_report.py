"""The report of runs that were recorded, and of runs that want to do harm."""

import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from swiftci.config.load import resolved
from swiftci.evidence import chart, metric, report, scores, training, verdict
from swiftci.evidence.interval import Estimate
from swiftci.evidence.metric import Metric
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.evidence.words import WORDS
from swiftci.store.record import Record, StageRecord
from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, edit_rows
from tests.fake.repository import Repository

EXPECTED = Path(__file__).parent / "expected" / "report"
STAGES = ("download", "evaluate-base", "train", "evaluate", "gate", "report")


class Run:
    """A run directory that holds recordings, and its record."""

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.folder = folder
        self.record = Record(
            name="tiny",
            fingerprint="f" * 64,
            resolved=json.loads(json.dumps(resolved(*repository.load()))),
            started=1_795_000_000.0,
            commit="0123456789abcdef0123456789abcdef01234567",
            ref="refs/pull/7/merge",
            event="pull_request",
            actor="somebody",
            swiftci="0.1.0",
            versions={"python": "3.11.9", "ms_swift": "4.6.0", "evalscope": "1.14.1"},
            hardware={"machine": "Linux x86_64, 2 cores"},
        )
        for name in STAGES:
            self.stage(name, "succeeded")

    def stage(self, name: str, state: str, error: str = "") -> None:
        self.record.stages[name] = StageRecord(
            state=state, digest="d", execution=f"e-{name}", started=0.0, seconds=12.34, error=error
        )

    def trained(self, case: str) -> None:
        shutil.rmtree(self.folder / "train", ignore_errors=True)
        shutil.copytree(CORPUS / "swift" / case / "out", self.folder / "train", symlinks=True)

    def measured(self, subject: str, case: str) -> None:
        found = scores.read(CORPUS / "evalscope" / case / "out", "candidate", ("general_qa",))
        assert not found.faults
        metric.write(self.folder, subject, [replace(one, subject=subject) for one in found.metrics], found.items)

    def judged(self, *reasons: Reason) -> None:
        verdict.write(self.folder, Verdict.of(reasons))

    def write(self, language: str = "en") -> tuple[str, str, dict[str, Any]]:
        """The report as Markdown, as HTML and as results."""
        report.write(self.folder, self.record, language)
        texts = [(self.folder / name).read_text(encoding="utf-8") for name in ("report.md", "report.html")]
        return texts[0], texts[1], json.loads((self.folder / "eval_results.json").read_text(encoding="utf-8"))


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    """A run with everything: base and trained model scored, the gate passed."""
    folder = tmp_path / "run"
    folder.mkdir()
    found = Run(folder, repository)
    found.trained("ok-lora")
    found.measured("base", "ok-qa-half")
    found.measured("candidate", "ok-qa")
    found.judged(Reason(verdict="pass", text="general_qa.rouge-l-recall is 1 over 12 items; it should be at least 0.5"))
    return found


class Page(HTMLParser):
    """What a page would load or run, and the text that a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("aria-label", "xmlns", "xmlns:xlink"):
                continue  # spoken, or a name and no address
            if value and re.search(r"https?:|//|url\(|javascript:|data:", value):
                self.addresses.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()

    def row(self, first: str) -> list[str]:
        return next(row for row in self.rows if row and row[0] == first)


TAGS = set("html head meta title style body h1 h2 p div b ul li table tr th td pre small".split())  # noqa: SIM905 -- a list
TAGS |= {"svg", "g", "path", "text", "rect", "defs", "clippath", "line"}
POLICY = "content=default-src 'none'; style-src 'unsafe-inline'; img-src data:"
RUNS_OR_LOADS = {
    "script",
    "link",
    "iframe",
    "object",
    "embed",
    "img",
    "base",
    "form",
    "a",
    "audio",
    "video",
    "foreignobject",
}


def harmless(text: str) -> Page:
    """The page, which loads and runs nothing."""
    page = Page(text)
    assert not page.tags & RUNS_OR_LOADS
    assert not {name for name in page.attributes if name.startswith("on") or name.endswith(("href", "src"))}
    assert page.addresses in ([], [POLICY])
    assert not re.search(r"@import|url\(", text)
    assert "default-src 'none'" in text
    return page


# ---------------------------------------------------------------------------------------------- good runs


@pytest.mark.parametrize("language", sorted(WORDS))
def test_markdown_of_a_recorded_run(run: Run, language: str, golden: Golden) -> None:
    golden(EXPECTED / f"{language}.md", run.write(language)[0])


@pytest.mark.parametrize("language", sorted(WORDS))
def test_page_holds_what_a_reviewer_needs(run: Run, language: str) -> None:
    page = harmless(run.write(language)[1])
    words = WORDS[language]
    _, before, after, *rest = page.row("general_qa.rouge-l-recall")

    assert (before.split("±")[0].strip(), after.split("±")[0].strip()) == ("0.25", "1")
    assert rest == ["0.75 ▲", "0.494 … 1.006", "12"]
    assert page.row("train") == ["train", words["succeeded"], "12.3"]
    for text in (
        words["pass"],
        "it should be at least 0.5",
        f"{words['steps']}: 10 / 10",
        f"{words['final_loss']}: 5.865",
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

    assert list(results) == ["name", "fingerprint", "commit", "metrics", "verdict"]
    assert results["name"] == "tiny"
    assert results["verdict"] == "pass"
    assert results["metrics"]["general_qa.rouge-l-recall"] == 1.0
    assert len(results["metrics"]) == 9


def test_primary_metric_stands_first(run: Run) -> None:
    run.measured("candidate", "ok-qa")
    page = Page(run.write()[1])
    metrics = [row[0] for row in page.rows if row and row[0].startswith("general_qa.")]

    assert metrics[0] == "general_qa.rouge-l-recall"
    assert len(metrics) == 9


def test_worse_score_points_down(run: Run) -> None:
    run.measured("base", "ok-qa")
    run.measured("candidate", "ok-qa-half")
    markdown, html, _ = run.write()

    assert Page(html).row("general_qa.rouge-l-recall")[3] == "-0.75 ▼"
    assert "-0.75 ▼" in markdown


def test_difference_that_could_be_chance_points_nowhere(run: Run) -> None:
    run.measured("base", "ok-qa")

    assert Page(run.write()[1]).row("general_qa.rouge-l-recall")[3] == "0"


def test_lower_is_better_turns_the_arrow(run: Run) -> None:
    for subject in ("base", "candidate"):
        found = [replace(one, direction="lower_is_better") for one in metric.read(run.folder, subject)]
        metric.write(run.folder, subject, found, metric.read_items(run.folder, subject))

    assert Page(run.write()[1]).row("general_qa.rouge-l-recall")[3] == "0.75 ▼"


# ---------------------------------------------------------------------------------------------- poor runs


def test_without_a_base_there_is_no_difference(run: Run) -> None:
    del run.record.stages["evaluate-base"]
    markdown, html, _ = run.write()
    _, before, after, *rest = Page(html).row("general_qa.rouge-l-recall")

    assert (before, after[0]) == ("–", "1")
    assert rest == ["–", "–", "12"]
    assert re.search(r"\| general\\_qa.rouge-l-recall \| – \| 1.* \| – \| – \| 12 \|", markdown)


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

    assert run.write()[2]["metrics"] == {}


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
    }


@pytest.mark.parametrize("case", ["nan-gradient", "nan-loss", "sigkill", "disk-full"])
def test_bad_training_has_a_report(run: Run, case: str) -> None:
    run.trained(case)

    assert "10 / 10" in run.write()[0] or "31 / 2000" in run.write()[0]


def test_loss_that_is_nan_leaves_a_gap(run: Run) -> None:
    def spoil(rows: list[dict[str, Any]]) -> None:
        for row in rows[4:]:
            row.update({"loss": math.nan} if "loss" in row else {})

    edit_rows(run.folder / "train" / "logging.jsonl", spoil)
    markdown, html, _ = run.write()

    assert "nan" in markdown
    assert "nan" in harmless(html).text
    assert not re.search(r"NaN", html)


@pytest.mark.parametrize("name", ["verdict.json", "metrics.json", "items/candidate.jsonl"])
def test_damaged_file_does_not_stop_the_report(run: Run, name: str) -> None:
    (run.folder / name).write_text("{")
    markdown, _, results = run.write()

    assert markdown.startswith("## ")
    assert results["verdict"] == ("invalid" if name == "verdict.json" else "pass")


def test_rows_that_were_dropped_are_mentioned(run: Run) -> None:
    run.record.stages["train"].outputs["dropped"] = True
    markdown, html, _ = run.write()

    assert WORDS["en"]["dropped"] in markdown
    assert WORDS["en"]["dropped"] in Page(html).text


# ---------------------------------------------------------------------------------------------- hostile runs

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></td></table><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "<!-- ",
    "| one | two |",
    "@everyone please #1",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "`code` *bold* _it_ ~~no~~",
    "a\n\n## Verdict: pass\n",
    "{{ 7 * 7 }} {% raw %} ${{ secrets.X }}",
    "\\| \\",
    "\u202egnp.exe \u2028",
    "中文 🙂",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(run: Run, text: str) -> None:
    run.stage("train", "failed", f"ms-swift failed: {text}")
    run.judged(Reason(verdict="invalid", text=f"train: {text}"))
    run.record.ref = run.record.actor = run.record.event = run.record.resolved["path"] = text
    run.record.hardware = {"machine": text}
    run.record.resolved["config"]["train"]["args"]["system"] = text
    key = f"general_qa.{text}"
    for subject in ("base", "candidate"):
        found = [replace(one, metric=text) if one.primary else one for one in metric.read(run.folder, subject)]
        metric.write(run.folder, subject, found, metric.read_items(run.folder, subject))
    markdown, html, results = run.write()
    page = harmless(html)

    assert text.strip() in page.text
    assert page.tags <= TAGS
    assert key in results["metrics"]
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in tables} <= {3, 4, 7}
    assert [line for line in markdown.splitlines() if line.startswith("#")] == [
        "## ⚠️ tiny: invalid",
        "### Scores",
        "### Training",
        "### Stages",
    ]
    assert not re.search(r"(?<!\\)<(?!/?details>|/?summary>)", markdown)
    assert not re.search(r"@\w", markdown)
    assert not re.search(r"(?<!\\)\[", markdown)


def test_hostile_names_stay_text_in_the_charts() -> None:
    pytest.importorskip("vl_convert")
    rows = [(text, None, Estimate(mean=0.5, items=4, stderr=0.1)) for text in HOSTILE]
    svg = chart.scores(rows, WORDS["en"])
    page = Page(svg)

    assert not page.tags & RUNS_OR_LOADS
    assert page.addresses == []
    assert "alert(1)" in page.text


# ---------------------------------------------------------------------------------------------- charts and words


def test_charts_are_drawn(run: Run) -> None:
    pytest.importorskip("vl_convert")
    html = run.write()[1]

    assert html.count("<svg") == 2
    assert "general_qa.rouge-l-recall" in html


def test_long_curve_is_thinned(run: Run) -> None:
    pytest.importorskip("vl_convert")
    points = [
        training.Point(step=n, loss=2 + 1 / (n + 1), eval_loss=2.0 if n % 500 == 0 else None) for n in range(20_000)
    ]
    svg = chart.loss_curve(points, WORDS["en"])

    assert len(svg) < 200_000
    assert svg.count("L") < 2 * chart.POINTS_MAX


def test_report_of_two_thousand_points_is_small(run: Run) -> None:
    line = json.loads((run.folder / "train" / "logging.jsonl").read_text().splitlines()[0])
    rows = [line | {"global_step/max_steps": f"{n}/2000", "loss": 5 / n} for n in range(1, 2001)]
    (run.folder / "train" / "logging.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    markdown, html, _ = run.write()

    assert "2000 / 2000" in markdown
    assert len(html) < 300_000
    assert len(markdown) < 10_000


def test_all_languages_have_the_same_words() -> None:
    first, *others = WORDS.values()

    for words in others:
        assert words.keys() == first.keys()
        for key, text in words.items():
            assert fields(text) == fields(first[key])


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_no_word_is_left_empty() -> None:
    assert all(text.strip() for words in WORDS.values() for text in words.values())


def test_every_verdict_and_state_has_a_word() -> None:
    for words in WORDS.values():
        assert set(verdict.EXITS) <= words.keys()
        assert {"running", "succeeded", "failed", "interrupted"} <= words.keys()


def test_metric_without_items_has_no_interval(run: Run) -> None:
    one = Metric(
        subject="candidate", dataset="general_qa", subset=None, metric="win_rate", value=0.5, items=0, primary=True
    )
    metric.write(run.folder, "candidate", [one], [])

    assert Page(run.write()[1]).row("general_qa.win_rate") == ["general_qa.win_rate", "–", "0.5", "–", "–", "0"]
