"""What people read of a run, in each service's form."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.evidence.message import letter, message, text
from swiftci.evidence.occasion import Near
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.evidence.view import View
from swiftci.tools.messenger import FORMS, Form
from tests.conftest import Golden
from tests.evidence.told import OVERRIDE, lost, score, view

EXPECTED = Path(__file__).parent / "expected/messages"
LANGUAGES = ("en", "zh")
PASSED = Reason(verdict="pass", text="", metric="cmmlu.accuracy", value=0.71, items=1000, at_least=0.6)
FAILED = Reason(verdict="fail", text="", metric="ceval.accuracy", value=0.58, items=1346, at_least=0.6)
CRASHED = Reason(verdict="invalid", text="train: CUDA out of memory; log: logs/train.log")
OPEN = Reason(verdict="inconclusive", text="", metric="gsm8k.accuracy", value=0.5, items=20, against="baseline")
SPENT = Near(key="month", scope="2026-11", amount=812.5, cap=1000.0, currency="CNY")
UP = score("cmmlu.accuracy", 0.023, 0.011, 0.035)
DOWN = score("ceval.accuracy", -0.032, -0.05, -0.014)


def told(case: str, language: str) -> tuple[View, tuple[str, ...], tuple[Near, ...]]:
    """Each kind of run, the occasions that hold of it, and caps that it came near to."""
    none: tuple[Near, ...] = ()
    lower = score("wikitext.perplexity", -0.42, -0.6, -0.24, lower=True, ratio=False, against="base")
    kinds = {
        "improved": (view(language, PASSED, scores=(UP,)), ("improvement",), none),
        "improved-on-main": (
            view(language, PASSED, scores=(lower,), ref="refs/heads/main", event="push"),
            ("improvement",),
            none,
        ),
        "lost": (view(language, lost(), PASSED, scores=(UP, DOWN)), ("failure", "regression"), none),
        "too-low": (view(language, FAILED, PASSED), ("failure",), none),
        "crashed": (view(language, CRASHED), ("failure",), none),
        "open": (view(language, OPEN), ("always",), none),
        "recovered": (view(language, PASSED), ("recovery",), none),
        "dear": (view(language, PASSED, FAILED, found=Verdict.of([PASSED, PASSED])), ("budget",), (SPENT,)),
        "accepted": (
            view(language, found=replace(Verdict.of([FAILED]), exit=0, override=OVERRIDE)),
            ("failure",),
            none,
        ),
        "warned": (view(language, found=replace(Verdict.of([FAILED]), exit=0, mode="warn")), ("failure",), none),
        "no-verdict": (view(language), ("failure",), none),
        "at-home": (
            view(language, PASSED, commit=None, ref=None, event=None, actor=None, url=None, run="local-1"),
            ("always",),
            none,
        ),
    }
    return kinds[case]


CASES = (
    *("improved", "improved-on-main", "lost", "too-low", "crashed", "open"),
    *("recovered", "dear", "accepted", "warned", "no-verdict", "at-home"),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES)
def test_message_reads_as_it_was_looked_at(case: str, language: str, golden: Golden) -> None:
    found = message(*told(case, language))

    whole = f"{text(found, FORMS['email'])}\n\n=== Markdown\n\n{text(found, FORMS['wecom'])}\n"
    golden(EXPECTED / f"{case}.{language}.txt", whole)


def test_first_line_says_it_all() -> None:
    assert message(*told("improved", "zh")).title == (
        "✅ qwen3-4b-zh 通过：本次 PR 提升 CMMLU 2.3 个百分点（95% 区间 1.1 至 3.5）"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("to", FORMS)
def test_title_and_links_stand_in_the_text_or_beside_it(to: str, language: str) -> None:
    found = letter(message(*told("improved", language)), FORMS[to])

    assert (found.title in found.text) == FORMS[to].whole
    assert (found.links[0][1] in found.text) == FORMS[to].whole
    assert [link for _, link in found.links] == [
        "https://github.com/team/models/actions/runs/4711",
        "https://github.com/team/models/pull/12",
    ]
    assert "swiftci" in found.text


def test_data_for_machines_is_json_with_everything() -> None:
    data = json.loads(json.dumps(message(*told("lost", "en")).data, allow_nan=False))

    assert (data["name"], data["verdict"], data["occasions"]) == ("qwen3-4b-zh", "fail", ["failure", "regression"])
    assert [one["verdict"] for one in data["reasons"]] == ["fail", "pass"]
    assert [one["better"] for one in data["scores"]] == [True, False]


HOSTILE = [
    "<!channel> <@U123> <!here|all> &lt;!everyone&gt;",
    "<@all> <@zhangsan> @all @13800001111",
    '<at user_id="all">all</at> <at id=all></at>',
    "[click](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example|here>",
    "# heading\n- item\n> quote\n```\ncode\n```\n| a | b |",
    '<font color="warning">red</font> **bold** `code` ~~gone~~ \\*',
    "\u202egnp.exe \u200b\u2066 \x1b[31m \0 \ud800 \r\n second line",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("to", FORMS)
def test_text_of_users_marks_links_and_mentions_nothing(to: str, hostile: str) -> None:
    bad = Reason(verdict="invalid", text=hostile)
    seen = view("en", bad, name=hostile, actor=hostile, ref=f"refs/heads/{hostile}")
    found = letter(message(seen, ("failure",)), FORMS[to])

    shown = found.text.encode().decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u202a-\u202e\u2066-\u2069]", shown + found.title)
    assert "second line" not in shown.split("\n")
    if FORMS[to].markup == "slack":
        assert not re.search("[<>]|&(?!amp;|lt;|gt;)", shown)
    if FORMS[to].markup == "markdown":
        body = shown.replace("](https://github.com/team/models/actions/runs/4711)", "").replace("[Run and report", "")
        assert not re.search(r"[<>\[\]*`~|\\]|@(?!\u200b)", body)
        assert [line for line in shown.split("\n") if line.startswith("#")] == [shown.split("\n")[0]]


LONG = st.text(st.characters(codec=None), max_size=2_000)


@settings(max_examples=40)
@given(name=LONG, actor=LONG, said=st.lists(LONG, max_size=30), language=st.sampled_from(LANGUAGES))
def test_message_keeps_within_every_limit(name: str, actor: str, said: list[str], language: str) -> None:
    reasons = [Reason(verdict="invalid", text=one) for one in said]
    seen = view(
        language, *reasons, name=name, actor=actor, ref=f"refs/heads/{actor}", url="https://example.com/" + "é" * 90
    )
    found = message(seen, ("failure",), (SPENT,))

    for form in FORMS.values():
        assert form.size(text(found, form)) <= form.limit
    assert len(found.title) <= 210


@pytest.mark.parametrize("sign", ["好", "😀", "\\", '"', "é", "&"])
def test_what_does_not_fit_is_left_out_and_counted(sign: str) -> None:
    reasons = [Reason(verdict="fail", text=f"{n} {sign * 400}") for n in range(20)]
    found = message(view("en", *reasons), ("failure",))

    for to, form in FORMS.items():
        shown = text(found, form)
        assert form.size(shown) <= form.limit
        lines = sum(re.match(r"(- )?❌ \d", line) is not None for line in shown.split("\n"))
        assert f"… and {20 - lines} more in the report" in shown, to
        assert shown.encode().decode() == shown


@pytest.mark.parametrize("limit", range(40, 400, 7))
def test_text_that_is_too_long_even_alone_is_cut_between_characters(limit: int) -> None:
    found = message(view("zh", Reason(verdict="fail", text="好😀" * 200)), ("failure",))

    for form in (
        Form(markup="markdown", limit=limit, whole=True),
        Form(markup="text", limit=limit, whole=True, characters=True),
    ):
        shown = text(found, form)
        assert 0 < form.size(shown) <= limit
        assert shown.encode().decode() == shown
