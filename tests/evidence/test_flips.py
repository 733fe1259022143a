"""Which items flipped, and how a text is cut."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence import flips, score, subjects
from swiftci.evidence.metric import Item
from swiftci.evidence.texts import brief, cut
from tests.evidence.rundir import Run, recorded
from tests.fake.repository import Repository


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Run:
    return recorded(tmp_path / "run", repository)


def item(index: str, value: float, *, subset: str = "s", answer: str = "", target: str = "A") -> Item:
    prompt = f"{subset}-{index.partition('/')[0]}"
    return Item(
        dataset="qa",
        subset=subset,
        index=index,
        prompt=prompt,
        scores={"accuracy": value},
        prediction=answer,
        target=target,
        question=f"question {index}",
    )


def found(run: Run, before: list[Item], after: list[Item], direction: str = "higher_is_better") -> flips.Flips:
    run.scored("base", before, direction)
    run.scored("candidate", after, direction)
    measured = subjects.read(run.folder, run.record)
    return flips.flips(measured, score.scores(measured))


def test_items_flip_from_right_to_wrong_and_back(run: Run) -> None:
    one = found(
        run,
        [item("0", 1, answer="A"), item("1", 0, answer="B"), item("2", 1)],
        [item("0", 0, answer="C"), item("1", 1, answer="A"), item("2", 1)],
    )

    assert [(flip.index, flip.before.head, flip.after.head) for flip in one.lost] == [("0", "A", "C")]
    assert [(flip.index, flip.before.head, flip.after.head) for flip in one.gained] == [("1", "B", "A")]
    assert (one.losses, one.gains, one.items) == (1, 1, 3)


def test_where_less_is_better_a_rise_is_a_loss(run: Run) -> None:
    one = found(run, [item("0", 0), item("1", 1)], [item("0", 1), item("1", 1)], "lower_is_better")

    assert (one.losses, one.gains) == (1, 0)


def test_of_a_score_between_only_large_changes_are_flips(run: Run) -> None:
    values = [(0.2, 0.25), (0.9, 0.2), (1.0, 0.6), (0.0, 0.8)]
    one = found(
        run,
        [item(str(n), before) for n, (before, _) in enumerate(values)],
        [item(str(n), after) for n, (_, after) in enumerate(values)],
    )

    assert [flip.index for flip in one.lost] == ["1"]
    assert [flip.index for flip in one.gained] == ["3"]


def test_item_that_was_asked_often_flips_by_its_mean(run: Run) -> None:
    one = found(
        run,
        [item(f"{n}/{k}", float(k < 3)) for n in range(2) for k in range(4)],
        [item(f"0/{k}", float(k < 1)) for k in range(4)] + [item(f"1/{k}", float(k < 2)) for k in range(4)],
    )

    assert [(flip.index, flip.was, flip.now) for flip in one.lost] == [("0", 0.75, 0.25)]


def test_item_with_another_expected_answer_is_another_item(run: Run) -> None:
    same = [item(str(n), 1) for n in range(200)]
    one = found(run, [*same, item("x", 1)], [*same, item("x", 0, target="B")])

    assert (one.losses, one.items) == (0, 200)


def test_nothing_to_compare_with_is_no_flip(run: Run) -> None:
    del run.record.stages["evaluate-base"]
    measured = subjects.read(run.folder, run.record)

    assert flips.flips(measured, score.scores(measured)) == flips.Flips()


def test_own_prompts_that_only_one_model_answered_are_shown(run: Run) -> None:
    run.scored("base", [item("0", 1, answer="base")])
    run.scored("candidate", [item("0", 1, answer="new"), item("1", 1, answer="only")])
    shown, count = flips.side_by_side(subjects.read(run.folder, run.record), ["qa", "absent"])

    assert count == 2
    assert [{name: one.head for name, one in beside.answers.items()} for beside in shown] == [
        {"base": "base", "candidate": "new"},
        {"candidate": "only"},
    ]


# ---------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize(
    "unit",
    [
        "e\u0301",
        "👩\u200d👩\u200d👧",
        "👍🏽",
        "🇨🇳",
        "✈\ufe0f",
        unicodedata.normalize("NFD", "각"),
        "🏴\U000e0067\U000e0062\U000e007f",
        "नि",
    ],
)
def test_no_character_is_cut_in_two(unit: str) -> None:
    for before in range(4):
        for most in range(12, 30):
            found = cut("x" * before + unit * 40, most)
            assert (found.head.removeprefix("x" * before)).replace(unit, "") == ""
            assert found.tail.replace(unit, "") == ""
            assert found.gap + len(found.head) + len(found.tail) == found.length


@given(st.text(max_size=300), st.integers(10, 100))
def test_what_is_cut_out_is_counted(text: str, most: int) -> None:
    found = cut(text, most)

    assert len(found.head) + len(found.tail) <= most
    assert found.length == len(found.head) + found.gap + len(found.tail)
    assert bool(found.tail or found.gap) <= (found.length > most)
    assert len(brief(text, most)) <= most + 1
    assert "\n" not in brief(text, most)


def test_short_text_stays_whole() -> None:
    found = cut("问题\n二", 10)

    assert (found.head, found.tail, found.gap, found.text) == ("问题\n二", "", 0, "问题\n二")
