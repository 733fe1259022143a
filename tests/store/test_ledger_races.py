"""The ledger's caps hold whatever runs do at once, whatever clocks say, and whoever is killed."""

import math
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
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
from swiftci.store.ledger import Ledger, Reservation
from swiftci.store.ledger_files import Files, Folder
from swiftci.store.spending import LEASE
from tests.store.ledgers import ASK, BUDGET, DECEMBER, NOON, Clock, Memory, counted, try_to


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Memory() if request.param == "memory" else Folder(tmp_path / "ledger")


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
