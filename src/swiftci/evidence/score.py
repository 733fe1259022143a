"""A metric of the trained model beside those it is compared with, whole data sets and their subsets alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean

from swiftci.evidence import figures, interval
from swiftci.evidence.baseline import BASELINE
from swiftci.evidence.difference import difference
from swiftci.evidence.match import Pairs, match
from swiftci.evidence.measured import Measured, measured
from swiftci.evidence.metric import Item, Metric, whole
from swiftci.evidence.paired import Paired, holm, paired
from swiftci.evidence.subjects import BASE, CANDIDATE, Subjects

SHOWN = 0.05
"""A difference is shown where chance alone would make one that large less often; after Holm's correction."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric, each subject's value of it, and the difference of the candidate's to that of `against`.

    `better` says whether the difference is shown (95 %) to be for the better or the worse, None where neither; `why`
    says that there is no difference. `ratio` values read in percent. Where it is `lower`, less is better; where it is
    not `directed`, neither is.
    """

    key: str
    dataset: str
    metric: str
    subset: str | None = None
    base: Measured | None = None
    baseline: Measured | None = None
    candidate: Measured | None = None
    difference: Paired | None = None
    against: str = ""
    primary: bool = False
    better: bool | None = None
    directed: bool = True
    lower: bool = False
    ratio: bool = False
    why: str = ""

    @property
    def before(self) -> Measured | None:
        """What the candidate is compared with."""
        return {BASELINE: self.baseline, BASE: self.base}.get(self.against)

    @property
    def items(self) -> int:
        return next((one.items for one in (self.candidate, self.baseline, self.base) if one), 0)


@dataclass(frozen=True, kw_only=True)
class Slices:
    """A data set's score and those of its subsets, the most worsened first; `better` there is corrected by Holm."""

    whole: Score
    parts: tuple[Score, ...]

    @property
    def worse(self) -> tuple[Score, ...]:
        return tuple(part for part in self.parts if part.better is False)

    @property
    def improved(self) -> tuple[Score, ...]:
        return tuple(part for part in self.parts if part.better)


def scores(subjects: Subjects) -> list[Score]:
    """The metrics of whole data sets, primary ones first."""
    known = {name: whole(found) for name, found in subjects.metrics.items()}
    keys = dict.fromkeys(key for name in (CANDIDATE, BASELINE, BASE) for key in known.get(name, {}))
    return sorted((_score(subjects, key) for key in keys), key=lambda one: not one.primary)


def slices(subjects: Subjects, found: Sequence[Score]) -> list[Slices]:
    """The subsets of each score whose data set has several."""
    kept = []
    for one in found:
        names = dict.fromkeys(
            metric.subset for metric in subjects.metrics.get(CANDIDATE, ()) if metric.key == one.key and metric.subset
        )
        if len(names) > 1:
            parts = _corrected([_score(subjects, one.key, name, ratio=one.ratio) for name in names])
            kept.append(Slices(whole=one, parts=tuple(sorted(parts, key=_gain))))
    return kept


def _corrected(parts: list[Score]) -> list[Score]:
    """The scores, better or worse where that is shown among so many; each direction has a correction of its own."""
    tested = [part for part in parts if part.difference and part.directed]
    down, up = (holm([_p(part, worse=worse) for part in tested]) for worse in (True, False))
    found = {
        part.subset: False if worse < SHOWN else True if better < SHOWN else None
        for part, worse, better in zip(tested, down, up, strict=True)
    }
    return [replace(part, better=found.get(part.subset)) for part in parts]


def _p(score: Score, *, worse: bool) -> float:
    """The chance of a difference this large in that direction where there is none."""
    if score.difference is None:
        return 1.0
    return score.difference.p_worse if worse != score.lower else score.difference.p_better


def _gain(score: Score) -> tuple[float, str]:
    """What sorts the worst first: by the difference, else by the value itself."""
    sign = -1 if score.lower else 1
    value = score.candidate.mean if score.candidate else 0.0
    return sign * (score.difference.mean if score.difference else value), score.subset or ""


def _score(subjects: Subjects, key: str, subset: str | None = None, ratio: bool | None = None) -> Score:
    """One row; `ratio` is the whole data set's, since a subset alone does not tell."""
    found = {name: _metric(metrics, key, subset) for name, metrics in subjects.metrics.items()}
    first = next(metric for name in (CANDIDATE, BASELINE, BASE) if (metric := found.get(name)))
    ratio = _ratio(subjects, first, list(found.values())) if ratio is None else ratio
    shown = {
        name: measured(metric, subjects.of(name, metric.dataset, subset), ratio=ratio)
        for name, metric in found.items()
        if metric
    }
    score = Score(
        key=key,
        dataset=first.dataset,
        metric=first.metric,
        subset=subset,
        base=shown.get(BASE),
        baseline=shown.get(BASELINE),
        candidate=shown.get(CANDIDATE),
        against=subjects.against if CANDIDATE in shown and subjects.against in shown else "",
        primary=first.primary,
        directed=first.direction != "neutral",
        lower=first.direction == "lower_is_better",
        ratio=ratio,
    )
    return _compared(score, subjects) if score.against else score


def _metric(metrics: Sequence[Metric], key: str, subset: str | None) -> Metric | None:
    return next((one for one in metrics if one.subset == subset and one.key == key), None)


def _ratio(subjects: Subjects, one: Metric, found: Sequence[Metric | None]) -> bool:
    values = [metric.value for metric in found if metric]
    for name in subjects.metrics:
        items = subjects.of(name, one.dataset, one.subset)
        values += [item.scores[one.metric] for item in items if one.metric in item.scores]
    return figures.is_ratio(values)


def _compared(score: Score, subjects: Subjects) -> Score:
    """The score with its difference, question by question, or with why there is none."""
    before, after = (subjects.of(name, score.dataset, score.subset) for name in (score.against, CANDIDATE))
    found = _difference(before, after, score)
    if isinstance(found, str):
        return replace(score, why=found)
    low, high = sorted((-found.low, -found.high)) if score.lower else (found.low, found.high)
    better = None if not score.directed or low <= 0 <= high else low > 0
    return replace(score, difference=found, better=better)


def _difference(before: Sequence[Item], after: Sequence[Item], score: Score) -> Paired | str:
    """By the central limit theorem alone where scipy (the `stats` extra) is not installed."""
    try:
        return difference(before, after, score.dataset, score.metric, score.subset)
    except ImportError:
        pairs = match(before, after, score.dataset, score.metric, score.subset)
        return pairs if isinstance(pairs, str) else _simple(pairs)


def of_pairs(pairs: Pairs) -> Paired:
    """Likewise, of questions that are matched already."""
    try:
        return paired(pairs)
    except ImportError:
        return _simple(pairs)


def _simple(pairs: Pairs) -> Paired:
    found = interval.paired(pairs.before, pairs.after)
    error = found.stderr or 0.0
    known = found.stderr is not None
    sure = NormalDist(found.mean, error) if error else None
    p_worse = sure.cdf(0.0) if sure else float(found.mean >= 0)
    half, one_sided = interval.Z95 * error, NormalDist().inv_cdf(0.95) * error
    return Paired(
        items=found.items,
        units=len(set(pairs.clusters)),
        before=fmean(pairs.before),
        after=fmean(pairs.after),
        mean=found.mean,
        stderr=found.stderr,
        spread=error * math.sqrt(found.items),
        low=found.mean - half if known else -math.inf,
        high=found.mean + half if known else math.inf,
        floor=found.mean - one_sided if known else -math.inf,
        ceiling=found.mean + one_sided if known else math.inf,
        p_worse=p_worse,
        p_better=1 - p_worse,
        mcnemar=None,
        gained=sum(b > a for a, b in zip(pairs.before, pairs.after, strict=True)),
        lost=sum(b < a for a, b in zip(pairs.before, pairs.after, strict=True)),
        method="normal",
    )
