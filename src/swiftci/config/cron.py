"""Cron times as GitHub reads them: POSIX, with names of months and weekdays (docs.github.com, events: schedule)."""

import re

_NUMBER = re.compile(r"[0-9]{1,2}")
_FIELDS = (  # the numbers that each field may hold, and its names
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    (0, 6, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)


def is_cron(text: str) -> bool:
    fields = text.split(" ")
    return len(fields) == len(_FIELDS) and all(
        _is_part(part, *kind) for field, kind in zip(fields, _FIELDS, strict=True) for part in field.split(",")
    )


def _is_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    """Whether a part is `*`, a value or a range of them, perhaps with `/` and a step."""
    span, slash, step = part.partition("/")
    if slash and not (_NUMBER.fullmatch(step) and int(step) > 0):
        return False
    if span == "*":
        return True
    values = [
        low + names.index(word.upper()) if word.upper() in names else int(word) if _NUMBER.fullmatch(word) else -1
        for word in span.split("-")
    ]
    return len(values) <= 2 and all(low <= value <= high for value in values) and values == sorted(values)
