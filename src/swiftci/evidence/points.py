"""The logged steps of a training (ms-swift 4.6.0's logging.jsonl), and fewer of them that draw the same curve."""

import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

REWARDS = ("reward", "rewards/accuracies")
"""What an rlhf logs of how well it does: a mean reward, or how often the chosen response is preferred."""
_LOGGED = ("loss", "eval_loss", "learning_rate", "grad_norm", "memory(GiB)", "train_speed(s/it)")
"""ms-swift's names of a point's values, in its order."""
_STEP_KEYS = ("global_step/max_steps", "iteration")
"""How far a step is: `7/100`; the second is Megatron's."""
SERIES = ("loss", "eval_loss", "reward", "learning_rate", "grad_norm", "memory_gib", "seconds")
"""A point's values that are drawn over the steps."""
POINTS_MAX = 50_000
"""More are not held; what they would add to a curve no page shows."""
STRETCHES = 400
_AT_ONCE = 1000
"""Lines that are read together."""
_HISTORY = '"log_history": ['
_LONG = 100_000
"""Characters of a line from which on it is ms-swift's summary, which holds every step again."""


class Point(NamedTuple):
    """One logged step; a value is None where it was not logged, and may be NaN. `reward_key` is ms-swift's word.

    `memory_gib` is the most that was reserved so far, `seconds` what a step took on average since the start. (A tuple
    is made in a third of a dataclass's time, and a log may have 100,000 steps.)
    """

    step: int
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    grad_norm: float | None = None
    memory_gib: float | None = None
    seconds: float | None = None
    reward: float | None = None
    reward_key: str = ""

    @property
    def true_loss(self) -> float | None:
        """The loss, NaN where it was: ms-swift logs 0.0 for one, beside a gradient norm that is no number."""
        if self.loss == 0.0 and self.grad_norm is not None and not math.isfinite(self.grad_norm):
            return math.nan
        return self.loss

    def value(self, series: str) -> float | None:
        value = self.true_loss if series == "loss" else getattr(self, series)
        return value if value is None else float(value)


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a log, whatever else stands in it; of the summary only what the steps do not say."""
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError:
        return
    with file:
        while lines := list(islice(file, _AT_ONCE)):
            short = [_without_history(line) if len(line) > _LONG else line for line in lines]
            try:
                found = json.loads(f"[{','.join(short)}]")  # much faster than one after the other
                found = found if len(found) == len(lines) else [_object(line) for line in short]
            except (ValueError, RecursionError):
                found = [_object(line) for line in short]
            yield from (row for row in found if isinstance(row, dict))


def _object(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None  # the line that a kill cut off


def _without_history(line: str) -> str:
    head, found, rest = line.partition(_HISTORY)
    return f"{head}{found}]{rest.rpartition(']')[2]}" if found else line


def step(row: dict[str, Any]) -> tuple[int, int] | None:
    """Which step of how many a logged row is of; None where it is no step's."""
    text = row.get(_STEP_KEYS[0], row.get(_STEP_KEYS[1], ""))
    done, slash, total = str(text).partition("/")
    return (int(done), int(total)) if slash and done.isdigit() and total.isdigit() else None


def point(step: int, row: dict[str, Any]) -> Point:
    logged = map(row.get, _LOGGED)
    loss, held_out, rate, norm, memory, seconds = (
        one if type(one) is float else float(one) if type(one) is int else None for one in logged
    )
    seconds = seconds if "loss" in row else None  # rows of another kind count what was not spent on steps
    for key in REWARDS:
        reward = row.get(key)
        if type(reward) in (float, int):
            return Point(step, loss, held_out, rate, norm, memory, seconds, reward, key)
    return Point(step, loss, held_out, rate, norm, memory, seconds)


def thinned(points: Sequence[Point], series: Sequence[str] = SERIES, stretches: int = STRETCHES) -> list[Point]:
    """The points that draw the same curves.

    Of each stretch of steps and each series they are the first, the last, the least, the greatest, and the first that
    is no number.
    """
    size = math.ceil(len(points) / stretches)
    kept: list[Point] = []
    for start in range(0, len(points), size or 1):
        part = points[start : start + size]
        telling = {0, len(part) - 1}
        for name in series:
            telling |= _telling([one.value(name) for one in part])
        kept += [part[n] for n in sorted(telling)]
    return kept


def _telling(values: list[float | None]) -> set[int]:
    """Where of the values the first, last, least, greatest and the first that is no number are."""
    numbers = [(value, n) for n, value in enumerate(values) if value is not None and math.isfinite(value)]
    bad = next((n for n, value in enumerate(values) if value is not None and not math.isfinite(value)), None)
    found = {bad} if bad is not None else set()
    if numbers:
        found |= {numbers[0][1], numbers[-1][1], min(numbers)[1], max(numbers)[1]}
    return found
