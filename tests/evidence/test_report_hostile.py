"""Reports of runs whose texts want to do harm, or are no texts at all."""

import html as escaped
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.evidence import chart_scores, metric
from swiftci.evidence.measured import Measured
from swiftci.evidence.score import Score
from swiftci.evidence.texts import fit
from swiftci.evidence.verdict import Reason
from swiftci.evidence.words import WORDS
from tests.evidence.page import SVG, Page, harmless
from tests.evidence.rundir import Run, recorded
from tests.evidence.rundir_hostile import HOSTILE, hostile
from tests.fake.repository import Repository

STORABLE = [text for text in HOSTILE if "\ud800" not in text]
"""What a file of ours can hold; a model's answers may be more than that."""


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    return recorded(tmp_path / "run", repository)


@pytest.mark.parametrize("text", STORABLE)
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

    assert fit(text).strip() in page.text
    assert key in results["metrics"]
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in tables} <= {3, 4, 6, 7}
    assert [line for line in markdown.splitlines() if line.startswith("#")] == [
        "## ⚠️ tiny: invalid",
        "### Scores",
        "### Training",
        "### Stages",
    ]
    harmless_markdown(markdown)


def harmless_markdown(text: str) -> None:
    """Nothing in it becomes HTML, a mention or a link."""
    assert not re.search(r"(?<!\\)<(?!/?details>|/?summary>)", text)
    assert not re.search(r"@\w", text)
    assert not re.search(r"(?<!\\)\[", text)


@pytest.mark.parametrize("language", sorted(WORDS))
def test_hostile_texts_everywhere(tmp_path: Path, repository: Repository, language: str) -> None:
    """Also in items, which may hold NUL and half a surrogate pair; and addresses that are none lead nowhere."""
    markdown, html, _ = hostile(tmp_path / "run", repository).write(language, charts=True)
    page = harmless(html)

    for text in HOSTILE:
        assert escaped.unescape(fit(text)).split("\n")[0].strip() in page.text
    assert "javascript:" not in html
    harmless_markdown(markdown)
    assert json.dumps(html)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nul \0 del \x7f c1 \x85", r"nul \x00 del \x7f c1 \x85"),
        ("one\r\ntwo\rthree\tfour", "one\ntwo\nthree\tfour"),
        ("half \ud83d a pair, and \U0001f642", "half \\ud83d a pair, and \U0001f642"),
        ("\u202egnp.exe \u2067x\u2069", r"\u202egnp.exe \u2067x\u2069"),
        ("\ufffe\uffff\ufdd0", r"\ufffe\uffff\ufdd0"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 3),
        ("नमस्ते ไทย עִבְרִית Việt", "नमस्ते ไทย עִבְרִית Việt"),
    ],
)
def test_text_is_made_fit_for_a_page(text: str, expected: str) -> None:
    assert fit(text) == expected
    assert fit(text).encode()


def test_hostile_names_stay_text_in_the_charts() -> None:
    one = Measured(mean=0.5, items=4, stderr=0.1, ratio=True)
    scores = [Score(key=text, dataset="", metric="", candidate=one, ratio=True) for text in HOSTILE]
    page = Page(chart_scores.values(scores, WORDS["en"]))

    assert page.tags <= SVG
    assert page.addresses == []
    assert "secrets.X }}" in page.text
    assert "alert(1)" in page.text
