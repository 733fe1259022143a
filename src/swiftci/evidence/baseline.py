"""What a result is compared with: an earlier run's record and items, laid into the run directory."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from swiftci.store.files import write_json

BASELINE, ANCHOR = "baseline", "anchor"
FILE = "found.json"


@dataclass(frozen=True, kw_only=True)
class Found:
    """An earlier run to compare with; `source` is given, store, artifact or committed, `why` a few words for people.

    `differs` names what decides a measurement and was otherwise then, in the config's keys; `weights` is the digest of
    its training's result in the store, where that is known.
    """

    source: str
    run: str
    name: str
    why: str
    commit: str | None = None
    ref: str | None = None
    url: str | None = None
    started: float = 0.0
    differs: tuple[str, ...] = ()
    weights: str = ""


def write(folder: Path, subject: str, found: Found) -> None:
    write_json(folder / subject / FILE, asdict(found))


def read(folder: Path, subject: str = BASELINE) -> Found | None:
    """What was found; None where there is none. Raises ValueError where the file is damaged."""
    try:
        data = json.loads((folder / subject / FILE).read_text(encoding="utf-8"))
        return Found(**{**data, "differs": tuple(data.get("differs", ()))})
    except FileNotFoundError:
        return None
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{subject}/{FILE} is damaged: {error}") from None
