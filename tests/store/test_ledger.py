"""What the ledger grants, counts and says: by month, run, person and branch."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.config.budget import Budget
from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.store.ledger import Ledger, month_of
from swiftci.store.ledger_files import Files, Folder
from swiftci.store.spending import LEASE
from tests.store.ledgers import ASK, BUDGET, DECEMBER, NOON, Clock, Memory, counted, try_to


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Memory() if request.param == "memory" else Folder(tmp_path / "ledger")


def test_month_is_that_of_the_reservation_whenever_its_run_ends(files: Files) -> None:
    clock = Clock(DECEMBER - 1)
    ledger = Ledger(files, BUDGET, clock)
    found = ledger.reserve(ASK)
    clock.now = DECEMBER

    assert try_to(ledger, replace(ASK, run="2", hours=10)) is not None  # December is new
    found.settle(3 * 3600)

    assert (counted(ledger, "2026-11"), counted(ledger, "2026-12")) == (30.0, 100.0)
    assert try_to(ledger, replace(ASK, run="3", hours=1)) is None


def test_clock_set_back_does_not_open_an_older_month(files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    ledger.reserve(replace(ASK, hours=10))
    for wrong in (0.0, -1e9, NOON - 40 * 86_400):
        clock.now = wrong

        assert try_to(ledger, replace(ASK, run="2", hours=1)) is None

    found = Ledger(files, replace(BUDGET, month=1000), clock).reserve(replace(ASK, run="3"))
    assert found.month == "2026-11"
    assert "the clock says 2026-10 and the ledger has come to 2026-11: it counts there" in found.warnings


def test_run_metered_while_the_clock_jumps_costs_what_it_took(files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    found = ledger.reserve(ASK)
    for jump in (86_400 * 400, -86_400 * 800, 1e13, -1e14):
        clock.now += jump
        found.meter(found.seconds + 60)
    found.settle(360)

    (one,) = ledger.spent("2026-11", "name").values()
    assert (one.gpu_hours, one.spent, one.held) == (0.1, 1.0, 0)


def test_run_taken_for_dead_by_a_clock_that_jumped_counts_again_and_both_stop_in_time(files: Files) -> None:
    clock, ahead = Clock(), Clock(NOON + 7200)
    first = Ledger(files, BUDGET, clock).reserve(replace(ASK, hours=8))
    first.meter(3600)

    second = Ledger(files, BUDGET, ahead).reserve(replace(ASK, run="2", hours=5))
    second.meter(0)
    first.meter(3600)

    assert first.seconds_left() == 4 * 3600
    assert second.seconds_left() == 9 * 3600  # by its own clock the first is dead
    ahead.now = NOON
    assert second.seconds_left() == 2 * 3600


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf, 1e12, 60.0])
def test_meter_believes_no_nonsense_and_never_goes_back(seconds: float, files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    found = ledger.reserve(ASK)
    found.meter(3600)
    found.meter(seconds)
    found.settle(seconds)

    assert counted(ledger) == 10.0


@pytest.mark.parametrize("hours", [-1, math.nan, math.inf])
def test_hours_that_cannot_be_are_a_mistake_of_the_caller(hours: float) -> None:
    with pytest.raises(ValueError, match="cannot be reserved"):
        replace(ASK, hours=hours)


def test_month_of_a_second() -> None:
    assert (month_of(DECEMBER - 1), month_of(DECEMBER), month_of(0)) == ("2026-11", "2026-12", "1970-01")


def test_killed_run_holds_its_hours_for_half_an_hour_and_then_what_it_used(files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    ledger.reserve(replace(ASK, hours=9)).meter(1800)
    clock.now += LEASE
    assert (counted(ledger), try_to(ledger, replace(ASK, run="2"))) == (90.0, None)

    clock.now += 1

    assert counted(ledger) == 5.0
    assert try_to(ledger, replace(ASK, run="2", hours=9)) is not None


def test_plan_whose_job_never_came_holds_its_hours_until_they_would_be_over(files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    ledger.reserve(replace(ASK, hours=2))
    clock.now += 2 * 3600 + LEASE
    assert counted(ledger) == 20.0

    clock.now += 1

    assert counted(ledger) == 0.0


def test_settled_run_frees_what_it_did_not_use_and_counts_what_it_used_beyond(files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    short, long = ledger.reserve(ASK), ledger.reserve(replace(ASK, run="2", hours=1))
    short.settle(3600)
    long.settle(2 * 3600)
    long.settle(9 * 3600)
    long.meter(9 * 3600)

    assert counted(ledger) == 30.0


def test_later_job_of_a_run_takes_its_reservation_over(files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    plan = ledger.reserve(replace(ASK, hours=9))
    killed = ledger.reserve(replace(ASK, hours=9))
    killed.meter(3600)

    job = ledger.reserve(replace(ASK, hours=9))

    assert counted(ledger) == 100.0
    assert (plan.seconds_left(), killed.seconds_left(), job.seconds_left()) == (0, 0, 9 * 3600)
    assert try_to(ledger, replace(ASK, name="other", hours=1)) is None  # another run, though of the same workflow run


def test_cap_of_a_run_bounds_its_time_over_all_its_jobs_and_months(files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, Budget(gpu_hour=12.5, run=300), clock)
    ask = replace(ASK, gpus=8, hours=12)
    first = ledger.reserve(ask)
    first.meter(0)
    assert first.entry.hours == 3
    assert first.warnings == ("budget.run leaves this run 3 h of the 12 h planned, and is stopped then",)
    assert first.seconds_left() == 3 * 3600
    first.settle(2.5 * 3600)
    clock.now += 31 * 86_400

    second = ledger.reserve(ask)
    assert (second.month, second.entry.hours) == ("2026-12", 0.5)
    second.settle(1800)

    with pytest.raises(
        ToolError, match=r"^budget.run \(run 1\) does not allow 1,200.00 CNY .*: of 300.00, 300.00 are spent"
    ):
        ledger.reserve(ask)
    assert ledger.reserve(replace(ask, run="2")).entry.hours == 3


@pytest.mark.parametrize(("key", "other"), [("person", {"person": "bob"}), ("branch", {"branch": "b"})])
def test_cap_of_a_person_or_branch_is_each_ones_own(key: str, other: dict[str, str], files: Files) -> None:
    ledger = Ledger(files, replace(Budget(gpu_hour=10), **{key: 70}), Clock())
    found = ledger.reserve(ASK)

    assert try_to(ledger, replace(ASK, run="2", hours=2)) is None
    assert try_to(ledger, replace(ASK, run="2", hours=2, **other)) is not None  # type: ignore[arg-type] # texts
    assert found.seconds_left() == 7 * 3600


def test_price_is_that_of_the_runner(files: Files) -> None:
    ledger = Ledger(files, Budget(gpu_hour=5, pools={"a100": 12.5, "gpu": 1}), Clock())

    prices = [ledger.reserve(replace(ASK, pools=names)).entry for names in [("GPU", "A100"), ("gpu",), ("x",), ()]]

    assert [(one.pool, one.price) for one in prices] == [("a100", 12.5), ("gpu", 1), ("", 5), ("", 5)]


def test_run_without_gpus_costs_nothing_and_is_never_refused(files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    ledger.reserve(replace(ASK, hours=10)).settle(11 * 3600)

    found = ledger.reserve(replace(ASK, run="2", gpus=0))
    found.settle(3600)

    assert (found.seconds_left(), found.warnings, counted(ledger)) == (math.inf, (), 110.0)


def test_without_caps_all_is_granted_and_counted(files: Files) -> None:
    ledger = Ledger(files, Budget(gpu_hour=10), Clock())

    found = ledger.reserve(replace(ASK, gpus=64, hours=1000))

    assert (found.seconds_left(), counted(ledger)) == (math.inf, 640_000.0)


def test_overrun_is_granted_from_what_nobody_holds(files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    found = ledger.reserve(replace(ASK, hours=1))
    found.meter(1800)
    assert found.seconds_left() == 9.5 * 3600

    ledger.reserve(replace(ASK, run="2", hours=8))

    assert found.seconds_left() == 1.5 * 3600
    found.meter(2 * 3600)
    assert (found.seconds_left(), counted(ledger)) == (0, 100.0)


def test_refusal_names_the_cap_what_is_spent_who_holds_the_rest_and_what_to_do(files: Files) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    ledger.reserve(replace(ASK, run="0", hours=3)).settle(3 * 3600)
    ledger.reserve(replace(ASK, name="qwen\x1b[2J", person=""))

    with pytest.raises(ToolError) as caught:
        ledger.reserve(replace(ASK, run="2", gpus=2, hours=0.75))

    assert caught.value.exit == Exit.CAPACITY == 6
    assert str(caught.value) == (
        "budget.month (2026-11) does not allow 15.00 CNY (2 GPUs for 0.75 h at 10.00): of 100.00, 30.00 are spent and "
        "60.00 reserved (qwen\\x1b[2J by -: 60.00)"
    )
    assert caught.value.hint == (
        "plan less time or fewer GPUs, wait for the runs that hold some of it, or raise budget.month in swiftci.yaml; "
        "`swiftci cost` shows it all"
    )


def test_four_fifths_of_a_cap_are_warned_of(files: Files) -> None:
    ledger = Ledger(files, replace(BUDGET, run=60, person=80), Clock())
    assert ledger.reserve(replace(ASK, hours=2)).warnings == ()

    found = ledger.reserve(replace(ASK, run="2"))

    assert found.warnings == (
        "budget.person (alice in 2026-11): 80.00 of 80.00 CNY are used or reserved",
        "budget.month (2026-11): 80.00 of 100.00 CNY are used or reserved",
    )
    found.meter(4.8 * 3600)
    assert found.seconds_left() == pytest.approx(1.2 * 3600)
    assert found.warnings[0] == "budget.run (run 2): 48.00 of 60.00 CNY are used"
