"""Judges a result by the gate's rules: bounds as they are written, comparisons question by question.

A comparison passes where a loss beyond the margin is ruled out, fails where a loss is shown and one beyond the margin
is not ruled out, each 95 % sure, and is inconclusive in between. Losses are corrected for their number (Holm).
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from swiftci.config.gate import TRAINING, Gate, Rule
from swiftci.evidence.baseline import ANCHOR
from swiftci.evidence.difference import difference
from swiftci.evidence.interval import Z95
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.paired import Paired, holm, needed
from swiftci.evidence.sentence import sentence
from swiftci.evidence.subjects import BASE, CANDIDATE
from swiftci.evidence.verdict import Reason, Verdict, Word
from swiftci.spec.exit import Exit

ALPHA = 0.05
"""How often a model that is no worse may be said to be, and one that loses the whole margin may pass; each."""
NEEDED_MAX = 10_000_000
"""More items than that are no advice."""
_NEAREST = 1e-6
"""Of the spread: what is closer would need more than those by far."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What there is to judge by: metrics and items by subject, and the training's own numbers.

    `absent` has a sentence for a subject that should be compared with and cannot be; "" where there is none yet.
    `looks` is how often these rules may be looked at, each time with its share of the error.
    """

    metrics: Mapping[str, list[Metric]]
    items: Mapping[str, list[Item]]
    training: Mapping[str, float] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    looks: int = 1


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One comparison that is still to be decided: the reason so far, and what was found."""

    reason: Reason
    found: Paired

    @property
    def loss(self) -> float:
        """The p-value of there being none."""
        return self.found.p_better if self.reason.lower else self.found.p_worse


def judge(gate: Gate, evidence: Evidence) -> Verdict:
    """The whole verdict, with the exit code that the gate's own options ask for."""
    found = [(rule, list(_of_rule(gate, rule, evidence))) for rule in gate.rules]
    adjusted = iter(holm([one.loss for _, some in found for one in some if isinstance(one, _Case)]))
    alpha = ALPHA / evidence.looks
    reasons: list[Reason] = []
    for rule, some in found:
        told = [_decided(one, next(adjusted), alpha) if isinstance(one, _Case) else one for one in some]
        reasons += _guard(rule, told) if rule.every else told
    whole = Verdict.of([one if one.text else replace(one, text=sentence(one, "en")) for one in reasons])
    return replace(whole, exit=_exit(gate, whole), mode=gate.mode)


def _decided(case: _Case, p: float, alpha: float) -> Reason:
    """The comparison's verdict; `p` is corrected for all comparisons that were made."""
    reason, found = case.reason, case.found
    worst, best = (-found.ceiling, -found.floor) if reason.lower else (found.floor, found.ceiling)
    worse, margin = best < 0 and p < alpha, reason.margin or 0.0
    word: Word = "inconclusive"
    note, wanted = "open", margin
    if reason.improves:
        wanted = abs(found.mean)
        if worst > 0:
            word, note = "pass", "better"
        elif worse:
            word, note = "fail", "worse"
    elif worst > -margin:
        word = "pass"
        note = "better" if worst > 0 else "small_loss" if best < 0 else "margin"
    elif worse:
        word, note = "fail", "lost"
    near = found.spread > 0 and wanted > _NEAREST * found.spread
    more = needed(found.spread, wanted, alpha=alpha) if word == "inconclusive" and near else None
    enough = more is not None and reason.items < more <= NEEDED_MAX
    return replace(reason, verdict=word, note=note, p=p, needed=more if enough else None)


def _known(bound: float) -> float | None:
    """A bound that can be written down; of one question alone there is none."""
    return bound if math.isfinite(bound) else None


def _guard(rule: Rule, reasons: list[Reason]) -> list[Reason]:
    """The reasons of a rule for every subset: those that broke it, or one for all."""
    broken = [one for one in reasons if one.verdict in ("fail", "invalid")]
    if broken:
        return broken
    asked = [one for one in reasons if one.against]
    if not asked:
        closest = min(reasons, key=_room)
        return [replace(closest, note="every", items=len(reasons))]
    compared = [one for one in asked if one.note != "no_baseline"]
    if not compared:
        return [replace(asked[0], subset=None)]
    undecided = sum(one.verdict == "inconclusive" for one in compared)
    return [
        Reason(
            verdict="pass",
            text="",
            metric=rule.metric,
            items=len({one.subset for one in compared}),
            needed=undecided or None,
            margin=rule.margin,
            against=compared[0].against,
            note="guard",
        )
    ]


def _room(reason: Reason) -> float:
    """How far a value is from the nearer of its bounds."""
    value = reason.value or 0.0
    return min(abs(value - bound) for bound in (reason.at_least, reason.at_most) if bound is not None)


def _exit(gate: Gate, found: Verdict) -> int:
    if found.verdict == "invalid":
        return found.exit
    if gate.mode == "warn" or (found.verdict == "inconclusive" and gate.on_inconclusive == "neutral"):
        return Exit.DONE
    return found.exit


def _of_rule(gate: Gate, rule: Rule, evidence: Evidence) -> Iterator[Reason | _Case]:
    if rule.dataset == TRAINING and not rule.compares:
        yield _of_training(rule, evidence)
        return
    subsets: list[str | None] = [rule.subset]
    if rule.every:
        subsets = [one.subset for one in evidence.metrics.get(CANDIDATE, ()) if one.key == rule.metric and one.subset]
        if not subsets:
            yield Reason(verdict="invalid", metric=rule.metric, text=f"{rule.metric} has no subsets")
    for subset in subsets:
        metric = _metric(evidence, CANDIDATE, rule, subset)
        if metric is None or not math.isfinite(metric.value):
            yield _unmeasured(rule, subset, evidence, metric)
            continue
        if rule.at_least is not None or rule.at_most is not None:
            yield _bounded(rule, metric)
        if rule.compares:
            yield _compared(gate, rule, metric, evidence, rule.against, rule.margin)
            if gate.anchor and rule.margin is not None and rule.against != BASE:
                yield _compared(gate, rule, metric, evidence, ANCHOR, 2 * rule.margin)


def _metric(evidence: Evidence, subject: str, rule: Rule, subset: str | None) -> Metric | None:
    found = evidence.metrics.get(subject, ())
    return next((one for one in found if one.key == rule.metric and one.subset == subset), None)


def _unmeasured(rule: Rule, subset: str | None, evidence: Evidence, metric: Metric | None) -> Reason:
    name = f"{rule.metric} [{subset}]" if subset else rule.metric
    if metric is not None:
        return Reason(verdict="invalid", metric=rule.metric, subset=subset, text=f"{name} is not a number")
    found = evidence.metrics.get(CANDIDATE, ())
    if subset and any(one.key == rule.metric for one in found):
        have = [str(one.subset) for one in found if one.key == rule.metric and one.subset]
    else:
        have = sorted({one.key for one in found})
    text = f"{name} was not measured; measured: {', '.join(have) or 'nothing'}"
    return Reason(verdict="invalid", metric=rule.metric, subset=subset, text=text)


def _of_training(rule: Rule, evidence: Evidence) -> Reason:
    value = evidence.training.get(rule.word)
    if value is None:
        have = ", ".join(f"{TRAINING}.{name}" for name in sorted(evidence.training)) or "nothing"
        text = f"{rule.metric} was not logged; the training has: {have}"
        return Reason(verdict="invalid", metric=rule.metric, text=text)
    if not math.isfinite(value):
        return Reason(verdict="fail", metric=rule.metric, text=f"{rule.metric} is not a number")
    return Reason(
        verdict=_within(rule, value),
        text="",
        metric=rule.metric,
        value=value,
        at_least=rule.at_least,
        at_most=rule.at_most,
    )


def _within(rule: Rule, value: float) -> Word:
    low = rule.at_least is not None and value < rule.at_least
    high = rule.at_most is not None and value > rule.at_most
    return "fail" if low or high else "pass"


def _bounded(rule: Rule, metric: Metric) -> Reason:
    """A bound holds or not; where it lies within the score's own interval, that is said."""
    reason = Reason(
        verdict=_within(rule, metric.value),
        text="",
        metric=rule.metric,
        subset=metric.subset,
        value=metric.value,
        items=metric.items,
        at_least=rule.at_least,
        at_most=rule.at_most,
    )
    if metric.stderr is None:
        return reason
    low, high = metric.value - Z95 * metric.stderr, metric.value + Z95 * metric.stderr
    if not any(low < bound < high for bound in (rule.at_least, rule.at_most) if bound is not None):
        return reason
    return replace(reason, note="uncertain", floor=low, ceiling=high)


def _is_new(evidence: Evidence, against: str, rule: Rule, subset: str | None) -> bool:
    """Whether an earlier run knows nothing of a data set or subset yet: else no run could ever be the first."""
    there = evidence.metrics.get(against, ())
    if against == BASE or not there:
        return False
    same = [one for one in there if one.dataset == rule.dataset]
    subsets = {one.subset for one in same if one.key == rule.metric and one.subset}
    return not same or (subset is not None and bool(subsets) and subset not in {one.subset for one in same})


def _compared(
    gate: Gate, rule: Rule, metric: Metric, evidence: Evidence, against: str, margin: float | None
) -> Reason | _Case:
    reason = Reason(
        verdict="inconclusive",
        text="",
        metric=rule.metric,
        subset=metric.subset,
        value=metric.value,
        margin=margin,
        improves=rule.improves,
        against=against,
    )

    def invalid(why: str) -> Reason:
        name = f"{rule.metric} [{metric.subset}]" if metric.subset else rule.metric
        return replace(reason, verdict="invalid", value=None, text=f"{name} against the {against}: {why}")

    why = evidence.absent.get(against)
    other = _metric(evidence, against, rule, metric.subset)
    if why == "" or (why is None and other is None and _is_new(evidence, against, rule, metric.subset)):
        word: Word = "pass" if gate.on_no_baseline == "pass" else "fail"
        return replace(reason, verdict=word, value=None, note="no_baseline")
    if why:
        return invalid(why)
    if metric.direction not in ("higher_is_better", "lower_is_better"):
        return invalid("this metric has no better direction")
    if other is None:
        return invalid("it was not measured there")
    before, after = (evidence.items.get(subject, ()) for subject in (against, CANDIDATE))
    try:
        found = difference(before, after, rule.dataset, rule.word, metric.subset, alpha=ALPHA / evidence.looks)
    except ImportError:
        return invalid("scipy is not installed; `pip install 'swiftci[stats]'` brings it")
    if isinstance(found, str):
        return invalid(found)
    filled = replace(
        reason,
        items=found.items,
        before=found.before,
        value=found.after,
        difference=found.mean,
        floor=_known(found.floor),
        ceiling=_known(found.ceiling),
        lower=metric.direction == "lower_is_better",
    )
    return _Case(reason=filled, found=found)
