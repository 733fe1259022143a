"""How often the gate is right, measured on models whose difference is known; `make bench-gate`.

    python -m tests.gate.bench [--draws 400] [--sure 2000] [--items 164 500 1000 2000] [--workers 2]

Each draw writes EvalScope's report and reviews of two models with a planted difference, and calls `swiftci stage
evaluate --results`, `stage baseline` and `stage gate` on them; every figure is counted from verdict.json. Ends with 1
where a demand does not hold.
"""

import argparse
import gc
import itertools
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

from tests.fake.repository import Repository
from tests.gate.lab import MARGIN, Draw, draw, lab
from tests.gate.planted import Truth

TRUTHS = {"identical": Truth(change=0), "-2 points": Truth(change=-MARGIN), "-3 points": Truth(change=-0.03)}
FOUND = 1000
"""The number of items with which a loss of 3 points has to be found."""
SURE = (164, FOUND)
"""Numbers of items that are drawn more often: the fewest, where an approximation is at its worst, too."""
MEMORY = Path("/dev/shm")  # every file is waited for until it is on disk
Z95, Z99 = (NormalDist().inv_cdf(q) for q in (0.95, 0.99))


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of the draws, with its Monte Carlo standard error."""

    count: int
    draws: int

    @property
    def value(self) -> float:
        return self.count / self.draws

    @property
    def error(self) -> float:
        return math.sqrt(self.value * (1 - self.value) / self.draws)

    def __str__(self) -> str:
        return f"{100 * self.value:5.1f} ± {100 * self.error:.1f} %"


def share(draws: Sequence[Draw], counts: Callable[[Draw], bool]) -> Share:
    return Share(count=sum(map(counts, draws)), draws=len(draws))


def point(one: Draw) -> bool:
    """Whether the rule "not one point worse" refuses it."""
    return one.after < one.before - 0.01


def unpaired(one: Draw) -> bool:
    """Whether a one-sided z test that takes the two scores for independent finds a loss."""
    error = math.sqrt(sum(value * (1 - value) / one.items for value in (one.before, one.after)))
    return one.after - one.before < -Z95 * error


def table(draws: Sequence[Draw]) -> Iterator[str]:
    """The gate's verdicts and, for comparison, the naive rules'."""
    words = ("pass", "fail", "inconclusive")
    yield f"\nThe gate, margin {100 * MARGIN:g} points; ± is the Monte Carlo standard error"
    yield "| items | truth | draws | " + " | ".join(words) + " |"
    yield "|---|---|---|---|---|---|"
    for (items, truth), found in _cells(draws):
        shares = (share(found, lambda one, word=word: one.verdict == word) for word in words)  # type: ignore[misc]
        yield f"| {items} | {truth} | {len(found)} | " + " | ".join(map(str, shares)) + " |"
    yield "\nRefused by naive rules on the same draws"
    yield "| items | truth | not 1 point worse | unpaired z, one-sided 5 % |"
    yield "|---|---|---|---|"
    for (items, truth), found in _cells(draws):
        yield f"| {items} | {truth} | {share(found, point)} | {share(found, unpaired)} |"


def _cells(draws: Sequence[Draw]) -> Iterator[tuple[tuple[int, str], list[Draw]]]:
    order = list(TRUTHS)
    ordered = sorted(draws, key=lambda one: (one.items, order.index(one.truth)))
    for cell, found in itertools.groupby(ordered, key=lambda one: (one.items, one.truth)):
        yield cell, list(found)


def demands(draws: Sequence[Draw]) -> Iterator[tuple[bool, str]]:
    """Each demand and whether it holds: whether the draws do not show, 99 % sure, that it is missed."""
    for (items, truth), found in _cells(draws):
        if truth == "identical":
            yield _demand(
                f"identical models fail, {items} items", share(found, lambda one: one.verdict == "fail"), 0.05
            )
        if truth == "-2 points":
            name = f"a true loss of the margin passes, {items} items"
            yield _demand(name, share(found, lambda one: one.verdict == "pass"), 0.05)
        if truth == "-3 points" and items == FOUND:
            missed = share(found, lambda one: one.verdict != "fail")
            yield _demand(f"a true loss of 3 points is not found, {items} items", missed, 0.15)


def _demand(name: str, found: Share, most: float) -> tuple[bool, str]:
    error = math.sqrt(most * (1 - most) / found.draws)
    good = found.value <= most + Z99 * error
    return good, f"{'ok  ' if good else 'MISS'} {name:<52} {found}   (at most {100 * most:g} %)"


_repository: list[Repository] = []


def _begin(folder: str) -> None:
    gc.set_threshold(1_000_000)  # as swiftci's own process does
    _repository.append(lab(Path(tempfile.mkdtemp(dir=folder)) / "repository"))


def _draw(job: tuple[int, int]) -> list[Draw]:
    return draw(_repository[0], *job, TRUTHS)


@contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """Processes with a repository each."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder,
        ProcessPoolExecutor(workers, initializer=_begin, initargs=(folder,)) as found,
    ):
        yield found


def measure(workers: Executor, items: int, draws: int) -> list[Draw]:
    """So many draws of each truth; the same by however many processes."""
    jobs = ((items, number) for number in range(draws))
    return [one for found in workers.map(_draw, jobs, chunksize=4) for one in found]


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=400, help="for each number of items")
    parser.add_argument("--sure", type=int, default=2000, help=f"for {SURE[0]} and {SURE[1]} items")
    parser.add_argument("--items", type=int, nargs="+", default=[164, 500, 1000, 2000])
    parser.add_argument("--workers", type=int, default=2)
    told = parser.parse_args(argv)
    found: list[Draw] = []
    with pool(told.workers) as workers:
        for items in told.items:
            started, draws = time.monotonic(), told.sure if items in SURE else told.draws
            found += measure(workers, items, draws)
            print(f"{items} items, {draws} draws of each truth: {time.monotonic() - started:.0f} s", flush=True)
    print("\n".join(table(found)) + "\n")
    held = list(demands(found))
    print("What is demanded; MISS where the draws show, 99 % sure, that it does not hold")
    print("\n".join(text for _, text in held))
    return 0 if all(good for good, _ in held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
