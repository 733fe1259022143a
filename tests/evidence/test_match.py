"""Which items of two evaluations are compared with each other."""

from dataclasses import replace

from swiftci.evidence.match import Pairs, match
from tests.evidence.judged import items


def test_items_are_joined_whatever_their_order() -> None:
    before, after = items([0.0, 1.0, 1.0]), items([1.0, 1.0, 0.0])[::-1]

    found = match(before, after, "ceval", "accuracy")

    assert isinstance(found, Pairs)
    assert (found.before, found.after) == ((0.0, 1.0, 1.0), (1.0, 1.0, 0.0))
    assert found.binary
    assert not found.clustered


def test_another_prompt_or_another_expected_answer_is_another_question() -> None:
    before = items([1.0] * 50)
    for change in ({"prompt": "f" * 16}, {"target": "0"}, {"index": "77"}, {"subset": "history"}):
        after = [replace(one, **change) if number == 0 else one for number, one in enumerate(before)]

        assert match(before, after, "ceval", "accuracy") == "only 49 of 50 items were the same there"


def test_evaluation_with_fewer_items_must_be_a_part_of_the_other() -> None:
    many, few = items([1.0] * 200), items([1.0] * 20)
    other = [replace(one, prompt="f" * 16) for one in few[:1]]

    for before, after in ((many, few), (few, many)):
        found = match(before, after, "ceval", "accuracy")
        assert isinstance(found, Pairs)
        assert len(found.before) == 20
    assert match(many, [*other, *few[1:]], "ceval", "accuracy") == "only 19 of 20 items were the same there"


def test_what_was_asked_several_times_counts_once() -> None:
    before = [
        replace(one, index=f"{n // 4}/{n % 4}", prompt="p") for n, one in enumerate(items([1.0, 0.0, 1.0, 0.0] * 3))
    ]

    found = match(before, before, "ceval", "accuracy")

    assert isinstance(found, Pairs)
    assert found.before == (0.5, 0.5, 0.5)


def test_cluster_of_a_question_is_kept() -> None:
    before = [replace(one, cluster=f"passage {n // 5}") for n, one in enumerate(items([1.0] * 10))]

    found = match(before, before, "ceval", "accuracy")

    assert isinstance(found, Pairs)
    assert found.clustered
    assert set(found.clusters) == {"passage 0", "passage 1"}


def test_why_there_is_nothing_to_compare_is_said() -> None:
    some = items([1.0] * 3)

    assert match(some, some, "ceval", "f1") == "its items carry no value of their own"
    assert match([], some, "ceval", "accuracy") == "the other evaluation has no items of it"
