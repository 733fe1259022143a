"""The items that flipped: right before and wrong now, or the other way round; and items of all models side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from swiftci.evidence.baseline import BASELINE
from swiftci.evidence.metric import Item
from swiftci.evidence.score import Score
from swiftci.evidence.subjects import BASE, CANDIDATE, Subjects
from swiftci.evidence.texts import Cut, cut

SHOWN_MAX = 100
"""Items shown in each direction; of a long list nobody reads more, and a page holds no more."""
BESIDE_MAX = 50
PROMPT_MAX, TARGET_MAX, ANSWER_MAX = 360, 120, 260
"""Characters of an item that are shown."""
_PART = 0.5
"""An item has flipped when its value moved by half of the metric's whole span: of right and wrong, from one to the
other."""

Key = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One item, and what was answered before and after; of several answers the first."""

    dataset: str
    subset: str
    index: str
    prompt: Cut
    target: Cut
    before: Cut
    after: Cut
    was: float
    now: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """How many items of a subset flipped, and which of them are shown."""

    dataset: str
    subset: str
    lost: int
    gained: int


@dataclass(frozen=True, kw_only=True)
class Flips:
    """`lost` and `gained` are those shown, `losses` and `gains` how many there are; `groups` has all, worst first."""

    lost: tuple[Flip, ...] = ()
    gained: tuple[Flip, ...] = ()
    losses: int = 0
    gains: int = 0
    items: int = 0
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Beside:
    """One item of the team's own, as each model that was measured answered it; `answers` by subject."""

    dataset: str
    subset: str
    index: str
    prompt: Cut
    target: Cut
    answers: Mapping[str, Cut]


def flips(subjects: Subjects, scores: Sequence[Score]) -> Flips:
    """The flipped items of the metrics that were compared."""
    lost: list[_Pair] = []
    gained: list[_Pair] = []
    items = 0
    for score in scores:
        if score.difference and score.directed:
            pairs = _pairs(subjects, score)
            items += len(pairs)
            least = _PART * _span(subjects, score)
            lost += [pair for pair in pairs if pair.gain < 0 and -pair.gain >= least]
            gained += [pair for pair in pairs if pair.gain > 0 and pair.gain >= least]
    return Flips(
        lost=tuple(_flip(pair) for pair in _spread(lost, SHOWN_MAX)),
        gained=tuple(_flip(pair) for pair in _spread(gained, SHOWN_MAX)),
        losses=len(lost),
        gains=len(gained),
        items=items,
        groups=_groups(lost, gained),
    )


@dataclass(frozen=True)
class _Pair:
    before: Item
    after: Item
    was: float
    now: float
    gain: float

    @property
    def group(self) -> tuple[str, str]:
        return self.after.dataset, self.after.subset


def _pairs(subjects: Subjects, score: Score) -> list[_Pair]:
    first, second = (_questions(subjects.of(name, score.dataset), score.metric) for name in (score.against, CANDIDATE))
    sign = -1 if score.lower else 1
    return [
        _Pair(first[key][0], item, first[key][1], now, sign * (now - first[key][1]))
        for key, (item, now) in second.items()
        if key in first
    ]


def _questions(items: Iterable[Item], metric: str) -> dict[Key, tuple[Item, float]]:
    """Each question's first answer, and the mean value of all of them."""
    found: dict[Key, list[Item]] = {}
    for item in items:
        if metric in item.scores:
            found.setdefault(_key(item), []).append(item)
    return {key: (asked[0], sum(one.scores[metric] for one in asked) / len(asked)) for key, asked in found.items()}


def _key(item: Item) -> Key:
    return item.subset, item.index.partition("/")[0], item.prompt, item.target


def _span(subjects: Subjects, score: Score) -> float:
    """How far apart the best and the worst answer are."""
    items = (item for name in (score.against, CANDIDATE) for item in subjects.of(name, score.dataset))
    values = [item.scores[score.metric] for item in items if score.metric in item.scores]
    return max(values) - min(values) if values else 0.0


def _spread(pairs: list[_Pair], most: int) -> list[_Pair]:
    """As many of the pairs, of each subset one and then its share, the greatest changes first; by subset."""
    groups: dict[tuple[str, str], list[_Pair]] = {}
    for pair in sorted(pairs, key=lambda one: -abs(one.gain)):  # which keeps the order of equals
        groups.setdefault(pair.group, []).append(pair)
    order = sorted(groups, key=lambda name: (-len(groups[name]), name))
    ranked = [
        (n > 0, (n + 0.5) / len(groups[name]), place, n)
        for place, name in enumerate(order)
        for n in range(len(groups[name]))
    ]
    return [groups[order[place]][n] for place, n in sorted(one[2:] for one in sorted(ranked)[:most])]


def _groups(lost: list[_Pair], gained: list[_Pair]) -> tuple[Group, ...]:
    counts: dict[tuple[str, str], list[int]] = {}
    for n, pairs in enumerate((lost, gained)):
        for pair in pairs:
            counts.setdefault(pair.group, [0, 0])[n] += 1
    found = [Group(dataset=name, subset=part, lost=down, gained=up) for (name, part), (down, up) in counts.items()]
    return tuple(sorted(found, key=lambda one: (one.gained - one.lost, one.dataset, one.subset)))


def _flip(pair: _Pair) -> Flip:
    return Flip(
        dataset=pair.after.dataset,
        subset=pair.after.subset,
        index=pair.after.index.partition("/")[0],
        prompt=cut(pair.after.question, PROMPT_MAX),
        target=cut(pair.after.target, TARGET_MAX),
        before=cut(pair.before.prediction, ANSWER_MAX),
        after=cut(pair.after.prediction, ANSWER_MAX),
        was=pair.was,
        now=pair.now,
    )


def side_by_side(subjects: Subjects, datasets: Iterable[str]) -> tuple[tuple[Beside, ...], int]:
    """The items of these data sets as each model answered them, and how many there are; those asked once come once."""
    found: list[tuple[str, Key]] = []
    answers: dict[str, dict[tuple[str, Key], Item]] = {}
    for subject in (BASE, BASELINE, CANDIDATE):
        answers[subject] = {}
        for dataset in datasets:
            for item in subjects.of(subject, dataset):
                answers[subject].setdefault((dataset, _key(item)), item)
    found = list(dict.fromkeys(chain(answers[CANDIDATE], answers[BASELINE], answers[BASE])))
    return tuple(_beside(key, answers) for key in found[:BESIDE_MAX]), len(found)


def _beside(key: tuple[str, Key], answers: Mapping[str, Mapping[tuple[str, Key], Item]]) -> Beside:
    given = {subject: items[key] for subject, items in answers.items() if key in items}
    item = next(iter(given.values()))
    return Beside(
        dataset=item.dataset,
        subset=item.subset,
        index=item.index.partition("/")[0],
        prompt=cut(item.question, PROMPT_MAX),
        target=cut(item.target, TARGET_MAX),
        answers={subject: cut(one.prediction, ANSWER_MAX) for subject, one in given.items()},
    )
