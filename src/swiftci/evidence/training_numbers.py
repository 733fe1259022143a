"""The training's own numbers that rules may bound: `train.loss`, `train.loss_ratio`, `train.eval_loss` and so on."""

import math
from pathlib import Path
from statistics import fmean

from swiftci.evidence.training import LOG
from swiftci.store.files import read_rows

_SHARE = 10
"""The first and the last tenth of the steps, at least one, are what `loss_ratio` compares."""


def numbers(folder: Path) -> dict[str, float]:
    """The last value of everything that ms-swift logged, by its name; NaN where that is no number.

    Besides: `loss_ratio`, the mean loss of the last tenth of the steps to that of the first, and `nan_steps`, how many
    steps had a loss or a gradient norm that is no number. Empty where nothing was logged.
    """
    path = folder / LOG
    rows = read_rows(path, skip=True) if path.is_file() else []
    found: dict[str, float] = {}
    losses: list[float] = []
    bad = 0
    for row in rows:
        if "last_model_checkpoint" in row:
            continue  # ms-swift's summary, whose means are over the whole training
        values = {key: number for key, value in row.items() if (number := _number(value)) is not None}
        found |= values
        if "loss" in values:
            losses.append(values["loss"])
        bad += any(not math.isfinite(values.get(key, 0.0)) for key in ("loss", "grad_norm"))
    if not found:
        return {}
    found["nan_steps"] = float(bad)
    share = max(1, len(losses) // _SHARE)
    if losses and fmean(losses[:share]):
        found["loss_ratio"] = fmean(losses[-share:]) / fmean(losses[:share])
    return found


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    return math.nan if value in ("nan", "NaN", "inf", "-inf", "Infinity") else None
