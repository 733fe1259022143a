"""The comment on a pull request: what it says, that it is never too long, and that nobody's text breaks it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.evidence.comment import BYTES_MAX, WORDS, render
from swiftci.evidence.figures import NONE
from swiftci.evidence.flips import Flips
from swiftci.evidence.verdict import Override, Verdict
from swiftci.spec.exit import Exit
from tests.conftest import Golden
from tests.evidence.shown import COMMIT, RUN, paired, points, reason, score, slices, view
from tests.evidence.test_markdown import HOSTILE, LINKED, bare, shown

EXPECTED = Path(__file__).parent / "expected" / "comment"
FAIL = Verdict.of(
    [
        reason(),
        reason("fail", "cmmlu.accuracy", value=0.67, items=1000, at_least=0.7),
        reason("inconclusive", "gsm8k.f1"),
    ]
)


@pytest.mark.parametrize("language", WORDS)
def test_whole_comment(language: str, golden: Golden) -> None:
    found = view(
        language,
        found=FAIL,
        scores=[score(), score("cmmlu", mean=-0.03), score("gsm8k", "f1", mean=0.0)],
        slices=[slices(6)],
    )

    golden(EXPECTED / f"{language}.md", render(found, COMMIT))


def test_both_languages_have_the_same_words() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    for key, text in WORDS["en"].items():
        assert sorted(re.findall(r"{\w*}", text)) == sorted(re.findall(r"{\w*}", WORDS["zh"][key])), key


COMMAND = f"/swiftci accept tiny {COMMIT} REASON"
OPEN = replace(Verdict.of([reason("inconclusive")]), exit=Exit.DONE)
TAKEN = Override(by="ann", reason="known | flaky", commit=COMMIT, at="2026-05-01T12:00:00Z", url=RUN)
ENDS: dict[str, tuple[Verdict, bool, str]] = {
    "fail": (FAIL, True, "### ❌ tiny: fail"),
    "inconclusive that fails": (Verdict.of([reason("inconclusive")]), True, "### ❔ tiny: inconclusive"),
    "inconclusive that ends well": (OPEN, False, "An inconclusive verdict does not fail this run"),
    "pass": (Verdict.of([reason()]), False, "### ✅ tiny: pass"),
    "invalid": (Verdict.of([reason("invalid")]), False, "### ⚠️ tiny: invalid"),
    "skipped": (Verdict.of([reason("skipped")]), False, "### ⏭️ tiny: skipped"),
    "warn": (replace(FAIL, mode="warn", exit=Exit.DONE), False, "this verdict blocks nothing"),
    "accepted": (replace(FAIL, exit=Exit.DONE, override=TAKEN), False, "ann took the responsibility for commit 012345"),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_may_be_accepted_says_how(name: str) -> None:
    verdict, may, words = ENDS[name]
    text = render(view(found=verdict), COMMIT)

    assert words in text
    assert (f"```\n{COMMAND}\n```" in text) == may
    assert COMMAND not in render(view(found=verdict))  # of no pull request


def test_why_nothing_is_compared_is_said() -> None:
    alone = [replace(score(), against="", baseline=None, difference=None, better=None)]
    before = [replace(score(), against="base", base=score().baseline, baseline=None)]
    text = render(view(differs=("evaluate.args.seed",), against="base", scores=before))

    assert "There is no earlier run to compare with." in render(view(baseline=None, against="", scores=alone))
    assert "Compared with the model before training." in text
    assert "it was measured otherwise (evaluate.args.seed)" in text
    assert "no earlier run" not in text


def test_loss_that_is_not_a_number_is_said_outside_the_fold() -> None:
    text = render(view(loss=(points(20, bad=5), [])))

    assert text.index(WORDS["en"]["bad"]) < text.index("<summary>Training")


def test_run_without_a_verdict_is_shown() -> None:
    text = render(replace(view(), found=None, verdict="running", reasons=[]), COMMIT)

    assert "### ⏳ tiny: not judged" in text
    assert COMMAND not in text


def test_what_decided_comes_first() -> None:
    lines = [line for line in render(view(found=FAIL)).splitlines() if line.startswith("- ")]

    assert [line[2] for line in lines] == ["❌", "✅", "❔"]


def test_without_a_baseline_the_model_before_is_named() -> None:
    first = replace(score(), against="base", base=score().baseline, baseline=None)
    text = render(view(baseline=None, against="base", scores=[first]))

    assert "Compared with the model before training" in text
    assert "| Metric | Before training | This run |" in text


def test_first_run_of_all_has_scores_alone() -> None:
    alone = replace(score(), against="", baseline=None, difference=None, better=None)
    text = render(view(baseline=None, against="", scores=[alone], flips=Flips(), loss=(points(20), [])))

    assert "Compared" not in text
    assert f"| ceval.accuracy | {NONE} | 72.0 % | {NONE} | {NONE} | 1,000 |" in text
    assert text.count("    line [") == 1


def test_run_that_measured_nothing_has_no_table() -> None:
    text = render(view(scores=[], flips=Flips(), loss=([], [])))

    assert "|" not in text
    assert "```" not in text


def test_interval_that_says_nothing_is_left_out() -> None:
    one = replace(score(), difference=paired(0.1, float("-inf"), float("inf"), items=1), better=None)

    assert f"| +10.0 | {NONE} |" in render(view(scores=[one]))


LARGE = {
    "500 metrics": {"scores": [score("cmmlu", f"metric-{n}") for n in range(500)]},
    "500 long metrics": {"scores": [score("|" * 300, f"{n}{'差' * 300}") for n in range(500)]},
    "500 reasons": {
        "found": Verdict.of([reason("fail", "x" * 300, text="差|$" * 500) for _ in range(500)]),
    },
    "12 data sets of 67 subsets": {"slices": [slices(67, f"d{n}", "_" * 200 + "{}") for n in range(12)]},
    "a long training": {"loss": (points(5_000), points(5_000))},
}
LARGE["all of it"] = {key: value for one in LARGE.values() for key, value in one.items()}


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("name", LARGE)
def test_comment_stays_below_github_s_limit(name: str, language: str) -> None:
    text = render(view(language, **LARGE[name]), COMMIT)

    assert len(text.encode()) <= BYTES_MAX
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    assert "swiftci 0.1.0" in text.splitlines()[-1]


def test_what_is_left_out_is_counted() -> None:
    many = Verdict.of([reason("fail", f"ceval.m{n}") for n in range(500)])
    found = view(scores=[score("cmmlu", f"m{n}") for n in range(500)], slices=[slices(67)], found=many)
    text = render(found)

    assert text.count("| cmmlu.m") == 30
    assert "470 more metrics are in the report." in text
    assert "and 37 more" in text
    assert "- and 470 more" in text


def test_subset_that_is_shown_to_be_worse_is_never_left_out() -> None:
    found = replace(slices(67), parts=tuple(reversed(slices(67).parts)))

    assert "| subset-3 | 70.0 % | 65.0 % | -5.0 ▼ |" in render(view(slices=[found]))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out(text: str) -> None:
    given = reason("fail", text, text=text)
    taken = replace(TAKEN, by=text, reason=text)
    found = view(
        found=replace(Verdict.of([given]), override=taken),
        scores=[score(text, text)],
        slices=[slices(3, text, text + "{{}}" if "{" in text else text + "{}")],
        baseline=replace(view().baseline, run=text, commit=text),  # type: ignore[type-var]
        url=None,
    )
    html = shown(render(found, COMMIT))
    plain = shown(render(view(found=FAIL, slices=[slices(3)]), COMMIT))

    assert set(re.findall(r"<(\w+)", html)) <= set(re.findall(r"<(\w+)", plain)) | {"span"}
    assert html.count("<details>") == html.count("</details>") == 2
    assert html.count("<tr>") == 6
    assert "href" not in html
    assert not LINKED.search(bare(re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)))


def test_address_of_the_run_is_linked() -> None:
    assert f'<a href="{RUN}">' in shown(render(view()))
