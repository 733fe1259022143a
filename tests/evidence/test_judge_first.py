"""What the gate says of a data set or subset that is compared for the first time, and of margins that are next to 0."""

from swiftci.config.gate import Gate, Rule
from swiftci.evidence.judge import Evidence, judge
from swiftci.evidence.metric import Item
from tests.evidence.judged import flipped, items, metrics

MARGIN = Rule(metric="ceval.accuracy", margin=0.02)


def evidence(before: list[Item], after: list[Item]) -> Evidence:
    return Evidence(
        metrics={"candidate": metrics(after, "candidate"), "baseline": metrics(before, "baseline")},
        items={"candidate": after, "baseline": before},
    )


def test_tiny_margin_needs_more_items_than_can_be_said() -> None:
    rule = Rule(metric="ceval.accuracy", margin=1e-200)
    before, after = (items(values) for values in flipped(200, 12, 12))
    found = judge(Gate(rules=(rule,)), evidence(before, after))

    assert (found.verdict, found.reasons[0].needed) == ("inconclusive", None)


def test_data_set_that_the_baseline_did_not_have_yet_is_compared_with_nothing() -> None:
    found = judge(Gate(rules=(MARGIN,)), evidence(items([1.0] * 50, dataset="cmmlu"), items([1.0] * 50)))

    assert (found.verdict, found.reasons[0].note) == ("pass", "no_baseline")


def test_metric_that_the_baseline_lacks_of_a_data_set_it_has_is_invalid() -> None:
    found = judge(Gate(rules=(MARGIN,)), evidence(items([1.0] * 50, metric="other"), items([1.0] * 50)))

    assert found.verdict == "invalid"


def test_subset_that_the_baseline_did_not_have_yet_hides_no_loss_of_another() -> None:
    rule = Rule(metric="ceval.accuracy", margin=0.02, every="subset")
    before, after = (items(values) for values in flipped(1000, 90, 40))
    new = items([1.0] * 50, subset="history")
    lost, same = (judge(Gate(rules=(rule,)), evidence(before, [*some, *new])) for some in (after, before))

    assert (lost.verdict, [one.subset for one in lost.reasons]) == ("fail", ["law"])
    assert (same.verdict, same.reasons[0].items) == ("pass", 1)
