"""Which results of a store go by policy and age, and which never do."""

import json
from collections.abc import Callable

import pytest

from swiftci.config.project import Storage
from tests.store.kit import MAIN, PULL, Kit, digest, policy


def main_needs_a(kit: Kit) -> None:
    kit.history(MAIN, train="a")


def main_went_on_to_b(kit: Kit) -> None:
    kit.history(MAIN, train="a")
    kit.history(MAIN, train="b")


def main_failed_after_a(kit: Kit) -> None:
    kit.history(MAIN, train="a")
    kit.history(MAIN, "fail", train="b")
    kit.history(MAIN, "invalid", download="0")


def others_need_a_and_b(kit: Kit) -> None:
    kit.history("refs/tags/v1", train="a")
    kit.history(None, train="b")
    kit.history(PULL, train="c")


def history_is_damaged_and_the_record_is_not(kit: Kit) -> None:
    with (kit.store.root / "history.jsonl").open("a") as file:
        file.write('{"name": "tiny", "ref": null, "digests": {"tr\n[]\n{"ref": [], "digests": 1}\n')
    folder = kit.run("55", 1, ref=None)
    data = json.loads((folder / "run.json").read_text())
    data["stages"]["train"]["digest"] = digest("a")
    (kit.store.root / "records" / "tiny" / f"{digest('f')[:16]}-55" / "run.json").write_text(json.dumps(data))


KEPT: dict[str, tuple[Storage, Callable[[Kit], None], str]] = {
    "no policy": (policy(), lambda _: None, "abcde"),
    "count": (policy(keep_runs=2), lambda _: None, "cde"),
    "age": (policy(keep_days=25), lambda _: None, "cde"),
    "size": (policy(max_gb=1), lambda _: None, "abcde"),
    "count and age": (policy(keep_runs=1, keep_days=15), lambda _: None, "de"),
    "a branch needs it": (policy(keep_runs=1), main_needs_a, "ade"),
    "a branch needs its newest": (policy(keep_runs=1), main_went_on_to_b, "bde"),
    "a branch needs its newest good one too": (policy(keep_runs=1), main_failed_after_a, "abde"),
    "tags and this machine need theirs": (policy(keep_runs=1), others_need_a_and_b, "abde"),
    "damaged history": (policy(keep_runs=1), history_is_damaged_and_the_record_is_not, "ade"),
}


@pytest.mark.parametrize(("place", "needs", "left"), KEPT.values(), ids=KEPT)
def test_policy_lets_go_what_nobody_needs(kit: Kit, place: Storage, needs: Callable[[Kit], None], left: str) -> None:
    for letter, days in (("a", 40), ("b", 30), ("c", 20), ("d", 10)):
        kit.result(letter, days)
    kit.result("e", 5, name="other")
    needs(kit)
    said = kit.collect(place, dry=True)
    assert kit.left() == "abcde"
    done = kit.collect(place)

    assert kit.left() == left
    assert done == said
    assert kit.collect(place) == []


def test_the_oldest_go_until_the_rest_fits(kit: Kit) -> None:
    for letter, days in (("a", 40), ("b", 30), ("c", 20), ("d", 10)):
        kit.result(letter, days, name=letter, size=400)
    kit.history(MAIN, name="a", train="a")
    done = kit.collect(policy(max_gb=1000e-9))

    assert kit.left() == "ad"
    assert [one.what[8:9] for one in done] == ["b", "c"]
    assert done[0].why.endswith("all weights together take more")


def test_small_results_go_by_age_when_no_record_names_them(kit: Kit) -> None:
    kit.result("a", 40, stage="evaluate")
    kit.result("9", 40, stage="evaluate")
    kit.run("1", 1)

    kit.collect(policy(keep_runs=1))
    assert kit.left() == "9a"
    kit.collect(policy(keep_days=30))
    assert kit.left() == "9"


def test_lock_of_what_went_goes_too(kit: Kit) -> None:
    kit.result("a", 40)
    kit.collect(policy(keep_days=1))

    assert sorted(path.name for path in (kit.store.root / "locks").iterdir()) == ["gc.lock"]
