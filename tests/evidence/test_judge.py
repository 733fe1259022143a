"""What the gate's rules say of a result and what it is compared with."""

from dataclasses import replace

import pytest

from swiftci.config.gate import Gate, Rule
from swiftci.evidence.judge import Evidence, judge
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.sentence import LANGUAGES, sentence
from swiftci.evidence.verdict import Verdict
from swiftci.spec.exit import Exit
from tests.evidence.judged import flipped, items, metrics

MARGIN = Rule(metric="ceval.accuracy", margin=0.02)
IMPROVES = Rule(metric="ceval.accuracy", improves=True)


def evidence(before: list[Item], after: list[Item], **more: object) -> Evidence:
    return Evidence(
        metrics={"candidate": metrics(after, "candidate"), "baseline": metrics(before, "baseline")},
        items={"candidate": after, "baseline": before},
        **more,  # type: ignore[arg-type]
    )


def judged(rule: Rule, total: int, lost: int, gained: int, **gate: str) -> Verdict:
    before, after = (items(values) for values in flipped(total, lost, gained))
    return judge(Gate(rules=(rule,), **gate), evidence(before, after))


@pytest.mark.parametrize(
    ("rule", "total", "lost", "gained", "word", "note"),
    [
        (MARGIN, 2000, 100, 100, "pass", "margin"),
        (MARGIN, 2000, 60, 100, "pass", "better"),
        (MARGIN, 20000, 160, 60, "pass", "small_loss"),
        (MARGIN, 1000, 90, 40, "fail", "lost"),
        (MARGIN, 200, 12, 12, "inconclusive", "open"),
        (MARGIN, 20, 0, 0, "inconclusive", "open"),
        (MARGIN, 1000, 0, 0, "pass", "margin"),
        (IMPROVES, 200, 5, 40, "pass", "better"),
        (IMPROVES, 200, 40, 5, "fail", "worse"),
        (IMPROVES, 200, 20, 22, "inconclusive", "open"),
        (IMPROVES, 200, 0, 0, "inconclusive", "open"),
    ],
)
def test_comparison_is_judged(rule: Rule, total: int, lost: int, gained: int, word: str, note: str) -> None:
    found = judged(rule, total, lost, gained)

    assert (found.verdict, found.reasons[0].note) == (word, note), found.reasons[0].text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_outcome_has_its_sentence(language: str) -> None:
    told = {
        sentence(judged(rule, *flips).reasons[0], language)
        for rule in (MARGIN, IMPROVES)
        for flips in ((2000, 100, 100), (2000, 60, 100), (20000, 160, 60), (1000, 90, 40), (200, 12, 12))
    }

    assert len(told) == 9  # what is better is better for both rules
    assert not [text for text in told if "{" in text or "None" in text or "–" in text]


def test_reason_tells_values_and_bounds_in_points() -> None:
    reason = judged(MARGIN, 1000, 90, 40).reasons[0]

    assert reason.text == (
        "ceval.accuracy: 70.0 % → 65.0 % (-5.0 points) against the baseline, over 1,000 items; "
        "a loss of 3.2 points or more is shown, beyond the margin of 2.0 points"
    )
    assert sentence(reason, "zh") == (
        "ceval.accuracy：70.0 % → 65.0 %（-5.0 个百分点），与基线逐题比较，共 1,000 题；"
        "已证实下降 3.2 个百分点或更多，超出允许的 2.0 个百分点"
    )


def test_undecided_says_how_many_items_would_decide() -> None:
    reason = judged(MARGIN, 200, 12, 12).reasons[0]

    assert reason.needed is not None
    assert 1500 < reason.needed < 2200  # 6.18 times 12 % discordance over the margin's square
    assert f"about {reason.needed:,} items would decide" in reason.text


def test_less_is_better_where_the_metric_says_so() -> None:
    before, after = items([1.0, 2.0, 3.0] * 60, metric="perplexity"), items([0.5, 1.5, 2.4] * 60, metric="perplexity")
    found = {
        "candidate": metrics(after, "candidate", direction="lower_is_better"),
        "baseline": metrics(before, "baseline", direction="lower_is_better"),
    }
    rule = Rule(metric="ceval.perplexity", improves=True)

    better = judge(Gate(rules=(rule,)), Evidence(metrics=found, items={"candidate": after, "baseline": before}))
    worse = judge(Gate(rules=(rule,)), Evidence(metrics=found, items={"candidate": before, "baseline": after}))

    assert (better.verdict, worse.verdict) == ("pass", "fail")


@pytest.mark.parametrize(
    ("gate", "flips", "word", "code"),
    [
        ({}, (200, 12, 12), "inconclusive", Exit.DONE),
        ({"on_inconclusive": "fail"}, (200, 12, 12), "inconclusive", Exit.REFUSED),
        ({}, (1000, 90, 40), "fail", Exit.REFUSED),
        ({"mode": "warn"}, (1000, 90, 40), "fail", Exit.DONE),
        ({"mode": "warn", "on_inconclusive": "fail"}, (200, 12, 12), "inconclusive", Exit.DONE),
    ],
)
def test_exit_code_is_what_the_gate_asks_for(
    gate: dict[str, str], flips: tuple[int, int, int], word: str, code: Exit
) -> None:
    found = judged(MARGIN, *flips, **gate)

    assert (found.verdict, found.exit, found.mode) == (word, code, gate.get("mode", "enforce"))


def test_invalid_is_no_pass_in_any_mode() -> None:
    before, after = items([1.0] * 50), items([1.0] * 50, subset="history")
    found = judge(Gate(rules=(MARGIN,), mode="warn"), evidence(before, after))

    assert (found.verdict, found.exit) == ("invalid", Exit.TOOL)
    assert "only 0 of 50 items were the same there" in found.reasons[0].text


@pytest.mark.parametrize(("policy", "word"), [("pass", "pass"), ("fail", "fail")])
def test_first_run_has_nothing_to_compare_with(policy: str, word: str) -> None:
    after = items([1.0] * 50)
    found = judge(
        Gate(rules=(MARGIN,), on_no_baseline=policy),
        Evidence(
            metrics={"candidate": metrics(after, "candidate")}, items={"candidate": after}, absent={"baseline": ""}
        ),
    )

    assert found.verdict == word
    assert found.reasons[0].text == "ceval.accuracy: there is no baseline to compare with yet"


def test_baseline_that_cannot_be_compared_with_is_invalid() -> None:
    after = items([1.0] * 50)
    why = "it was measured otherwise (version of evalscope)"
    found = judge(Gate(rules=(MARGIN,)), replace(evidence(after, after), absent={"baseline": why}))

    assert (found.verdict, found.reasons[0].text) == ("invalid", f"ceval.accuracy against the baseline: {why}")


def test_losses_are_corrected_for_their_number() -> None:
    alone = judged(MARGIN, 1000, 74, 54)
    rules, before, after = [], [], []
    for number in range(20):
        name, (first, second) = f"set{number}", flipped(1000, *((74, 54) if number == 0 else (60, 60)))
        rules.append(Rule(metric=f"{name}.accuracy", margin=0.02))
        before += items(first, dataset=name)
        after += items(second, dataset=name)
    every = Evidence(
        metrics={
            subject: [m for rule in rules for m in metrics([i for i in some if i.dataset == rule.dataset], subject)]
            for subject, some in (("candidate", after), ("baseline", before))
        },
        items={"candidate": after, "baseline": before},
    )

    assert alone.verdict == "fail"
    assert judge(Gate(rules=tuple(rules)), every).reasons[0].verdict == "inconclusive"


def sliced(loss: int) -> tuple[list[Item], list[Item]]:
    """Ten subsets of 100 items, in one of which so many items are lost."""
    before, after = [], []
    for number in range(10):
        first, second = flipped(100, loss if number == 3 else 4, 4)
        before += items(first, subset=f"part{number}")
        after += items(second, subset=f"part{number}")
    return before, after


def test_every_subset_is_guarded() -> None:
    rule = replace(MARGIN, every="subset")
    fine, broken = (judge(Gate(rules=(rule,)), evidence(*sliced(loss))) for loss in (4, 45))

    assert fine.verdict == "pass"
    assert fine.reasons[0].text.startswith(
        "ceval.accuracy: none of its 10 subsets is shown to lose against the baseline"
    )
    assert [(one.verdict, one.subset) for one in broken.reasons] == [("fail", "part3")]


def test_one_subset_is_judged_alone() -> None:
    found = judge(Gate(rules=(replace(MARGIN, subset="part3"),)), evidence(*sliced(45)))
    unknown = judge(Gate(rules=(replace(MARGIN, subset="part99"),)), evidence(*sliced(45)))

    assert (found.verdict, found.reasons[0].items) == ("fail", 100)
    assert unknown.verdict == "invalid"
    assert "ceval.accuracy [part99] was not measured; measured: part0" in unknown.reasons[0].text


def test_bound_holds_for_every_subset() -> None:
    rule = Rule(metric="ceval.accuracy", at_least=0.6, every="subset")
    fine, broken = (judge(Gate(rules=(rule,)), evidence(*sliced(loss))) for loss in (4, 45))

    assert fine.reasons[0].text == ("ceval.accuracy: each of 10 subsets is at least 0.6; the closest is part0 with 0.7")
    assert [(one.verdict, one.subset, one.value) for one in broken.reasons] == [("fail", "part3", 0.29)]


def test_anchor_is_held_against_with_twice_the_margin() -> None:
    before, after = (items(values) for values in flipped(2000, 100, 100))
    release = items(flipped(2000, 300, 20)[0][::-1])
    found = evidence(before, after)
    anchored = Evidence(
        metrics={**found.metrics, "anchor": metrics(release, "anchor")}, items={**found.items, "anchor": release}
    )

    reasons = judge(Gate(rules=(MARGIN,), anchor="baselines/v1"), anchored).reasons

    assert [(one.against, one.margin) for one in reasons] == [("baseline", 0.02), ("anchor", 0.04)]


@pytest.mark.parametrize(
    ("metric", "bound", "word", "text"),
    [
        ("train.loss", {"at_most": 2.0}, "pass", "train.loss is 1.5; it should be at most 2"),
        ("train.loss", {"at_most": 1.0}, "fail", "train.loss is 1.5; it should be at most 1"),
        ("train.loss_ratio", {"at_most": 0.8}, "fail", "train.loss_ratio is not a number"),
        ("train.nan_steps", {"at_most": 0}, "pass", "train.nan_steps is 0; it should be at most 0"),
        ("train.reward", {"at_least": 0}, "invalid", "train.reward was not logged; the training has: train.loss, "),
    ],
)
def test_training_is_judged_by_its_own_numbers(metric: str, bound: dict[str, float], word: str, text: str) -> None:
    numbers = {"loss": 1.5, "loss_ratio": float("nan"), "nan_steps": 0.0}
    found = judge(Gate(rules=(Rule(metric=metric, **bound),)), Evidence(metrics={}, items={}, training=numbers))

    assert found.verdict == word
    assert found.reasons[0].text.startswith(text)


def test_bound_within_the_score_s_own_interval_is_said() -> None:
    one = Metric(
        subject="candidate", dataset="ceval", subset=None, metric="accuracy", value=0.62, items=120, stderr=0.044
    )
    rule = Rule(metric="ceval.accuracy", at_least=0.6)
    found = judge(Gate(rules=(rule,)), Evidence(metrics={"candidate": [one]}, items={}))

    assert (found.verdict, found.reasons[0].note) == ("pass", "uncertain")
    assert found.reasons[0].text.endswith("(95 % interval 0.5338 … 0.7062: other items might decide otherwise)")


def test_two_looks_share_the_error() -> None:
    before, after = (items(values) for values in flipped(1000, 74, 53))
    once, twice = (judge(Gate(rules=(MARGIN,)), evidence(before, after, looks=looks)) for looks in (1, 2))

    assert (once.verdict, twice.verdict) == ("fail", "inconclusive")


def test_metric_of_repeated_questions_is_compared_by_question() -> None:
    before, after = [], []
    for number in range(200):
        for attempt in range(2):
            one = items([0.0])[0]
            place = {"index": f"{number}/{attempt}", "prompt": f"{number:016x}"}
            before.append(replace(one, **place, scores={"accuracy": 0.0}))
            after.append(replace(one, **place, scores={"accuracy": float(attempt)}))
    name = "accuracy-2-pass_at_k"
    rows = {
        subject: [
            Metric(subject=subject, dataset="ceval", subset=None, metric=name, value=value, items=200, primary=True)
        ]
        for subject, value in (("baseline", 0.0), ("candidate", 1.0))
    }
    rule = Rule(metric=f"ceval.{name}", improves=True)

    found = judge(Gate(rules=(rule,)), Evidence(metrics=rows, items={"baseline": before, "candidate": after}))

    assert (found.verdict, found.reasons[0].items, found.reasons[0].difference) == ("pass", 200, 1.0)


def test_metric_that_is_no_mean_is_compared_by_its_sums() -> None:
    def some(wrong: int) -> list[Item]:
        return [
            replace(one, scores={"f1/gold": float(n % 2), "f1/predicted": float((n % 2) if n >= wrong else 1 - n % 2)})
            for n, one in enumerate(items([0.0] * 200))
        ]

    rows = {
        subject: [Metric(subject=subject, dataset="ceval", subset=None, metric="f1", value=value, items=200)]
        for subject, value in (("baseline", 1.0), ("candidate", 0.7))
    }
    gate = Gate(rules=(Rule(metric="ceval.f1", margin=0.02),))

    found = judge(gate, Evidence(metrics=rows, items={"baseline": some(0), "candidate": some(60)}))

    assert found.verdict == "fail"
    assert found.reasons[0].difference == pytest.approx(-0.3, abs=0.02)
