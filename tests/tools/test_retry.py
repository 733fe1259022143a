"""swiftci.tools.retry: what is tried again, and when; tests/tools/failures says it of each real failure."""

import pytest

from swiftci.spec.error import Class, ToolError
from swiftci.tools import retry


def test_waits_grow_to_ten_minutes_and_end_at_the_limit() -> None:
    error = ToolError(message="connection reset", kind="network")

    assert [retry.after(error, tries, 8) for tries in range(1, 9)] == [30, 60, 120, 240, 480, 600, 600, None]


@pytest.mark.parametrize("kind", ["user", "data", "memory", "disk", "preempted", "hardware", "tool", "capacity"])
def test_what_another_try_does_not_mend_is_not_tried_again(kind: Class) -> None:
    assert retry.after(ToolError(message="x", kind=kind), 1, 5) is None


@pytest.mark.parametrize(
    ("kind", "transient", "again"),
    [("hardware", True, True), ("preempted", True, True), ("hardware", False, False), ("network", False, False)],
)
def test_failure_that_says_so_itself_counts_more_than_its_class(kind: Class, transient: bool, again: bool) -> None:
    error = ToolError(message="x", kind=kind, transient=transient)

    assert (retry.after(error, 1, 2) is not None) is again


def test_one_try_is_never_followed() -> None:
    assert retry.after(ToolError(message="x", kind="network"), 1, 1) is None


def test_many_tries_do_not_overflow() -> None:
    assert retry.after(ToolError(message="x", kind="network"), 5000, 9999) == retry.LONGEST_SECONDS
