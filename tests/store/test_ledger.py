"""The ledger: caps hold whatever runs do at once, whatever clocks say, and whoever is killed."""

import math
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from swiftci.config.budget import Budget
from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.store.ledger import Ask, Ledger, Reservation, month_of
from swiftci.store.ledger_files import Files, Folder
from swiftci.store.spending import LEASE

NOON = 1_794_744_000.0  # 2026-11-15 12:00 UTC
DECEMBER = 1_796_083_200.0
BUDGET = Budget(gpu_hour=10, month=100)
ASK = Ask(run="1", name="tiny", branch="main", person="alice", pools=("gpu",), gpus=1, hours=6)


class Memory:
    """Files as a bucket keeps them; `before_create` is what others do between a look and the write after it."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.before_create: list[Callable[[], object]] = []

    def now(self) -> float:
        return NOON

    def months(self) -> list[str]:
        return sorted({month for month, _ in self.files})

    def names(self, month: str) -> list[str]:
        return sorted({name.split("/")[0] for one, name in self.files if one == month})

    def read(self, month: str, names: Iterable[str]) -> dict[str, bytes]:
        return {name: self.files[month, name] for name in names if (month, name) in self.files}

    def create(self, month: str, name: str, data: bytes) -> bool:
        while self.before_create:
            self.before_create.pop()()
        return self.files.setdefault((month, name), data) is data

    def replace(self, month: str, name: str, data: bytes) -> None:
        self.files[month, name] = data


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Memory() if request.param == "memory" else Folder(tmp_path / "ledger")


def try_to(ledger: Ledger, ask: Ask) -> Reservation | None:
    try:
        return ledger.reserve(ask)
    except ToolError as error:
        assert error.kind == "capacity"
        return None


def counted(ledger: Ledger, month: str = "2026-11") -> float:
    return sum(one.total for one in ledger.spent(month, "name").values())


# -- races


def _racer(root: Path, me: str, rounds: int, start: Barrier, queue: Any) -> None:
    granted = []
    for number in range(rounds):
        with patch("time.time", lambda: NOON + random.uniform(-1e8, 1e8)):  # each machine has its own idea of the time
            ledger = Ledger(Folder(root / str(number)), BUDGET)
            start.wait()
            granted.append(try_to(ledger, replace(ASK, run=me, hours=1)) is not None)
    queue.put(granted)


def _run(*targets: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
    processes = [multiprocessing.get_context("fork").Process(target=target, args=args) for target, args in targets]
    for one in processes:
        one.start()
    for one in processes:
        one.join(60)
    assert [one.exitcode for one in processes] == [0] * len(processes)


def test_of_two_processes_that_race_for_the_last_hour_one_gets_it_100_times(tmp_path: Path) -> None:
    for number in range(100):
        Ledger(Folder(tmp_path / str(number)), BUDGET).reserve(replace(ASK, run="0", hours=9))
    fork = multiprocessing.get_context("fork")
    start, queue = fork.Barrier(2), fork.Queue()

    _run((_racer, (tmp_path, "1", 100, start, queue)), (_racer, (tmp_path, "2", 100, start, queue)))

    first, second = queue.get(), queue.get()
    assert [sorted(pair) for pair in zip(first, second, strict=True)] == [[False, True]] * 100
    ledgers = [Ledger(Folder(tmp_path / str(number)), BUDGET) for number in range(100)]
    assert {counted(ledger, ledger.month()) for ledger in ledgers} == {100.0}


def _taker(root: Path, me: str, start: Barrier) -> None:
    ledger = Ledger(Folder(root), BUDGET, Clock())
    start.wait()
    for number in range(10):
        try_to(ledger, replace(ASK, run=f"{me}.{number}", hours=0.5))


def test_many_processes_take_the_whole_cap_and_no_cent_more(tmp_path: Path) -> None:
    start = multiprocessing.get_context("fork").Barrier(6)

    _run(*[(_taker, (tmp_path, str(me), start)) for me in range(6)])

    page = Ledger(Folder(tmp_path), BUDGET, Clock()).page("2026-11")
    assert [line.number for line in page.lines] == list(range(1, 21))
    assert (counted(Ledger(Folder(tmp_path), BUDGET, Clock())), page.faults) == (100.0, ())


@settings(max_examples=60)
@given(hours=st.lists(st.integers(1, 12), min_size=2, max_size=8), nesting=st.randoms(use_true_random=False))
def test_whatever_others_reserve_between_a_look_and_its_write_the_cap_holds(
    hours: list[int], nesting: random.Random
) -> None:
    files = Memory()
    granted: list[Reservation] = []
    refused: list[int] = []

    def ask(number: int) -> None:
        clock = Clock(NOON + nesting.randint(-1800, 1800))
        found = try_to(Ledger(files, BUDGET, clock), replace(ASK, run=str(number), hours=hours[number]))
        granted.append(found) if found else refused.append(number)

    waiting = list(range(len(hours)))
    while waiting:
        others = [waiting.pop() for _ in range(nesting.randint(0, len(waiting) - 1))]
        files.before_create += [lambda one=one: ask(one) for one in others]  # type: ignore[misc] # each its own number
        ask(waiting.pop())
        while files.before_create:
            files.before_create.pop()()

    assert len(granted) + len(refused) == len(hours)
    assert sum(one.entry.amount for one in granted) == counted(Ledger(files, BUDGET, Clock())) <= 100
    free = 100 - sum(one.entry.amount for one in granted)
    assert all(hours[number] * 10 > free for number in refused)


def test_listing_that_misses_a_reservation_does_not_hide_it(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(files, BUDGET, Clock())
    ledger.reserve(ASK)
    ledger.reserve(replace(ASK, run="2", hours=1))

    monkeypatch.setattr(files, "names", lambda month: ["000002"])

    assert try_to(ledger, replace(ASK, run="3", hours=4)) is None


def test_reservation_whose_first_write_arrived_unheard_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    files = Memory()
    ledger = Ledger(files, BUDGET, Clock())
    create = files.create
    monkeypatch.setattr(files, "create", lambda *args: create(*args) and False)

    found = ledger.reserve(ASK)

    assert (found.number, counted(ledger)) == (1, 60.0)


def _reserver(root: Path) -> None:
    for number in range(10_000):
        found = Ledger(Folder(root), Budget(gpu_hour=1), Clock()).reserve(replace(ASK, run=f"{os.getpid()}.{number}"))
        found.meter(number)


def test_process_killed_at_any_time_leaves_whole_entries(tmp_path: Path) -> None:
    for number in range(10):
        one = multiprocessing.get_context("fork").Process(target=_reserver, args=(tmp_path,))
        one.start()
        time.sleep(0.02 + 0.007 * number)
        os.kill(one.pid or 0, signal.SIGKILL)
        one.join()

        page = Ledger(Folder(tmp_path), Budget(gpu_hour=1), Clock()).page("2026-11")

        assert page.faults == ()
        assert [line.number for line in page.lines] == list(range(1, len(page.lines) + 1))
    assert page.lines


# -- any order of things, with clocks that jump


class Machine(RuleBasedStateMachine):
    """Runs on machines whose clocks are set at will; each heeds `seconds_left`, and any may be killed."""

    def __init__(self) -> None:
        super().__init__()
        self.files = Memory()
        self.clocks = [Clock(NOON), Clock(DECEMBER - 3600)]
        self.live: list[Reservation] = []
        self.all: list[Reservation] = []
        self.number = 0
        self.budget = BUDGET

    @initialize(run=st.sampled_from([None, 35.0]), person=st.sampled_from([None, 70.0]))
    def caps(self, run: float | None, person: float | None) -> None:
        self.budget = replace(BUDGET, run=run, person=person)

    def ledger(self, machine: int) -> Ledger:
        return Ledger(self.files, self.budget, self.clocks[machine])

    @rule(
        machine=st.integers(0, 1), gpus=st.integers(0, 4), hours=st.floats(0, 5), person=st.sampled_from("ab"),
        again=st.booleans(),
    )  # fmt: skip
    def reserve(self, machine: int, gpus: int, hours: float, person: str, again: bool) -> None:
        self.number += not again
        ask = replace(ASK, run=str(self.number), gpus=gpus, hours=hours, person=person)
        found = try_to(self.ledger(machine), ask)
        if found is None:
            assert gpus
            return
        self.live = [one for one in self.live if one.entry.run != ask.run] + [found]
        self.all.append(found)
        page = self.ledger(machine).page(found.month)
        if found.entry.amount:
            assert sum(line.total for line in page.lines) <= self.budget.month + 1e-3  # type: ignore[operator] # it is set

    @precondition(lambda self: self.live)
    @rule(which=st.randoms(use_true_random=False), seconds=st.floats(0, 8000))
    def use(self, which: random.Random, seconds: float) -> None:
        one = which.choice(self.live)
        one.meter(one.seconds + min(seconds, one.seconds_left()))

    @precondition(lambda self: self.live)
    @rule(which=st.randoms(use_true_random=False), seconds=st.sampled_from([math.nan, -1.0, 1e12, -math.inf, math.inf]))
    def tell_nonsense(self, which: random.Random, seconds: float) -> None:
        which.choice(self.live).meter(seconds)

    @precondition(lambda self: self.live)
    @rule(which=st.randoms(use_true_random=False), settled=st.booleans())
    def end(self, which: random.Random, settled: bool) -> None:
        one = self.live.pop(which.randrange(len(self.live)))
        if settled:
            one.settle(one.seconds)

    @rule(
        machine=st.integers(0, 1),
        by=st.sampled_from([60, LEASE, 7200, 90_000, 40 * 86_400, -60, -7200, -40 * 86_400, -1e10]),
    )
    def set_clock(self, machine: int, by: float) -> None:
        self.clocks[machine].now += by

    @invariant()
    def no_month_and_no_run_costs_more_than_its_cap(self) -> None:
        for month in self.files.months():
            used = [one.entry.per_second * one.seconds for one in self.all if one.month == month]
            assert sum(used) <= self.budget.month + 1e-3  # type: ignore[operator] # it is set
            page = self.ledger(0).page(month)
            assert math.isclose(sum(line.spent for line in page.lines), sum(used), abs_tol=1e-6)
            assert page.faults == ()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=20)


# -- months and clocks


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


# -- who holds what, and until when


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


# -- what is said


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


GOOD = (
    '{"schema": 1, "id": "a", "run": "9", "name": "n", "branch": "b", "person": "p", "pool": "", "currency": "CNY", '
    '"gpus": 1, "hours": 1.0, "price": 10.0, "time": 0.0}'
)
DAMAGED = {
    "": "is damaged (not JSON)",
    GOOD[:50]: "is damaged (not JSON)",
    "[" * 50_000: "is damaged (not JSON)",
    "\udcff": "is damaged (not JSON)",
    "[1]": "is damaged (not an entry of this version)",
    GOOD.replace('"schema": 1', '"schema": 2'): "is damaged (not an entry of this version)",
    GOOD.replace('"pool": "", ', ""): "is damaged (not an entry of this version)",
    GOOD.replace('"gpus": 1', '"gpus": 1.5'): "is damaged (gpus is of a wrong type)",
    GOOD.replace('"gpus": 1', '"gpus": true'): "is damaged (gpus is of a wrong type)",
    GOOD.replace('"hours": 1.0', '"hours": -1'): "is damaged (hours cannot be -1)",
    GOOD.replace('"hours": 1.0', '"hours": NaN'): "is damaged (hours cannot be nan)",
    GOOD.replace('"hours": 1.0', '"hours": 1e9'): "is damaged (hours cannot be 1000000000.0)",
    GOOD.replace("CNY", "USD\\n"): "is in USD\\x0a",
}


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_reservation_is_told_and_not_counted_and_its_number_not_used_again(text: str, files: Files) -> None:
    files.create("2026-11", "000001/reserved.json", GOOD.encode())
    files.create("2026-11", "000002/reserved.json", b"")
    files.replace("2026-11", "000002/reserved.json", text.encode(errors="surrogateescape").decode("latin-1").encode())
    ledger = Ledger(files, BUDGET, Clock(0))

    found = ledger.reserve(replace(ASK, hours=9))

    assert found.number == 3
    assert found.warnings[0] == f"ledger: 2026-11/000002/reserved.json {DAMAGED[text]}, and does not count"
    assert counted(ledger) == 100.0


@pytest.mark.parametrize("text", ["", '{"schema": 1, "seconds": -1, "final": true, "time": 0}', GOOD])
def test_damaged_use_is_told_and_all_that_was_reserved_counts(text: str, files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    ledger.reserve(ASK).settle(60)
    files.replace("2026-11", "000001/used.json", text.encode())
    clock.now += 86_400

    page = ledger.page("2026-11")

    assert counted(ledger) == 60.0
    assert page.faults[0].startswith("ledger: 2026-11/000001/used.json is damaged (")


def test_what_is_not_the_ledgers_is_told_and_harmless(tmp_path: Path) -> None:
    ledger = Ledger(Folder(tmp_path), BUDGET, Clock())
    for name in ("2026-11/a\n.txt", "2026-11/000000/x", "2026-11/000002", "2026-11/000003/reserved.json/x", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    for name in ("2026-11/999999", "2026-13/000001", "9999-12/000001", "2026-11/.000004.0.part"):
        (tmp_path / name).mkdir(parents=True)
    ledger.files.create("2026-11", "000001/reserved.json", GOOD.encode())

    found = ledger.reserve(ASK)

    assert (found.month, found.number) == ("2026-11", 4)
    assert found.warnings == (
        "ledger: 2026-11/000000 is none of its files",
        "ledger: 2026-11/999999 is none of its files",
        "ledger: 2026-11/a\\x0a.txt is none of its files",
        "ledger: 2026-11/000002/reserved.json is missing, and does not count",
        "ledger: 2026-11/000003/reserved.json is damaged (not JSON), and does not count",
    )


def test_folder_makes_a_file_once_and_replaces_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "ledger")

    assert folder.create("2026-11", "000001/reserved.json", b"a")
    assert not folder.create("2026-11", "000001/reserved.json", b"b")
    (tmp_path / "ledger/2026-11/000002").write_text("")
    assert not folder.create("2026-11", "000002/reserved.json", b"b")

    assert folder.read("2026-11", ["000001/reserved.json", "none/x"]) == {"000001/reserved.json": b"a"}
    assert sorted(one.name for one in (tmp_path / "ledger/2026-11").iterdir()) == ["000001", "000002"]


def test_folder_that_cannot_be_written_is_an_error_and_no_grant(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("")

    with pytest.raises(OSError, match="ledger"):
        Ledger(Folder(tmp_path / "ledger"), BUDGET, Clock()).reserve(ASK)
