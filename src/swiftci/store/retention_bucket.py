"""What of a bucket's store may go by the project's policy."""

from collections.abc import Iterator

from swiftci.config.project import Storage
from swiftci.store import needed
from swiftci.store.bucket import Bucket
from swiftci.store.retention import DAY, UNFINISHED_DAYS


def collect(store: Bucket, place: Storage, dry: bool, now: float) -> Iterator[tuple[str, int, int]]:
    """Applies each rule of the policy that a bucket can carry out: the rule, objects and bytes.

    A bucket does not tell whose a result is, so by count only those go that are older than a month: what no record
    names may be a running job's. Raises ToolError where something cannot be read.
    """
    small = needed.by_records(store) - needed.trainings(store)
    keep = needed.by_refs(store) | small
    if place.keep_days is not None:
        yield "store.keep_days", *store.gc(keep, now - place.keep_days * DAY, dry=dry)
    if place.keep_runs is not None:
        newest = needed.trainings(store, place.keep_runs)
        yield "store.keep_runs", *store.gc(keep | newest, now - UNFINISHED_DAYS * DAY, dry=dry)
