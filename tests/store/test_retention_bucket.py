"""What a bucket is asked to let go."""

from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import Record, StageRecord
from swiftci.store.retention import DAY
from swiftci.store.retention_bucket import collect as in_bucket
from tests.store.kit import MAIN, NOW, PULL, Kit, digest, policy


class Counted(Folder):
    """A store that notes what a bucket would be asked for."""

    asked: list[tuple[str, float]]

    def gc(self, keep: set[str], older_than: float, *, dry: bool) -> tuple[int, int]:
        self.asked.append(("".join(sorted(one[0] for one in keep)), (NOW - older_than) / DAY))
        return len(keep), 10


def test_bucket_is_asked_by_rule_for_what_nobody_needs(kit: Kit) -> None:
    """By count nothing younger than a month goes: of what no record names, nobody knows whose it is."""
    for letter, days in (("a", 40), ("b", 30), ("c", 20)):
        one = Record(name="tiny", fingerprint=digest("f"), resolved={}, started=NOW - days * DAY, run=letter, ref=PULL)
        one.stages["train"] = StageRecord(state="succeeded", digest=digest(letter), execution="x", started=0.0)
        one.stages["evaluate"] = StageRecord(state="succeeded", digest=digest("e"), execution="x", started=0.0)
        one.stages["gate"] = StageRecord(state="failed", digest=digest("9"), execution="x", started=0.0)
        records.write(kit.work, one)
        kit.store.put("tiny", letter, kit.work, [records.FILE])
    kit.history(MAIN, train="a")
    store = Counted(kit.store.root)
    rules = {
        "none": (policy(), [], []),
        "days": (policy(keep_days=7), ["store.keep_days"], [("ae", 7)]),
        "runs": (policy(keep_runs=2), ["store.keep_runs"], [("abce", 30)]),
        "both": (policy(keep_days=7, keep_runs=1), ["store.keep_days", "store.keep_runs"], [("ae", 7), ("ace", 30)]),
    }
    for place, named, asked in rules.values():
        store.asked = []
        found = list(in_bucket(store, place, True, NOW))  # type: ignore[arg-type] # as far as it is asked

        assert [rule for rule, _, _ in found] == named
        assert store.asked == asked
