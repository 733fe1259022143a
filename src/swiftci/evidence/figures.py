"""Numbers as people read them: ratios in percent, their differences in points, everything else in its own unit."""

import math
from collections.abc import Iterable, Mapping

NONE = "–"


def is_ratio(values: Iterable[float | None]) -> bool:
    """Whether what was measured lies within 0 and 1 throughout, and so reads as a share."""
    known = [value for value in values if value is not None]
    return bool(known) and all(0.0 <= value <= 1.0 for value in known)


def value(number: float | None, *, ratio: bool) -> str:
    if number is None:
        return NONE
    return f"{100 * number:.1f} %" if ratio and math.isfinite(number) else plain(number)


def change(number: float | None, *, ratio: bool) -> str:
    """A difference with its sign, and without a unit: of ratios it is in percent points."""
    if number is None:
        return NONE
    text = f"{100 * number:+.1f}" if ratio else f"{number:+.4g}"
    return "0" if not text.strip("+-0.") else text


def plain(number: float | None) -> str:
    return NONE if number is None else f"{number:.4g}"


def span(low: float | None, high: float | None, *, ratio: bool) -> str:
    """An interval, its unit named once."""
    if low is None or high is None:
        return NONE
    return f"{100 * low:.1f} … {100 * high:.1f} %" if ratio else f"{plain(low)} … {plain(high)}"


def change_span(low: float | None, high: float | None, *, ratio: bool) -> str:
    if low is None or high is None:
        return NONE
    return f"{change(low, ratio=ratio)} … {change(high, ratio=ratio)}"


def duration(seconds: float, words: Mapping[str, str]) -> str:
    """A length of time."""
    if seconds < 90:
        return words["unit_seconds"].format(f"{seconds:.0f}")
    if seconds < 5400:
        return words["unit_minutes"].format(f"{seconds / 60:.0f}")
    return words["unit_hours"].format(f"{seconds / 3600:.1f}")
