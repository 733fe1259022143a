"""The answers that an evaluation which was cut off left, and whether the next try may go on with them.

EvalScope's own check of its cache looks neither at the data nor at the weights (1.14.1): so only answers of a try with
the same digest, which holds both, are handed to it.
"""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

from swiftci.stages.stage import MARK
from swiftci.store.files import write_text

REFUSED = ("Cannot reuse cache", "Invalid task config snapshot")
"""EvalScope's words where it does not take what is there."""


def begin(work: Path, digest: str, url: str | None) -> None:
    """Empties the work folder: EvalScope would add to what it finds."""
    shutil.rmtree(work, ignore_errors=True)
    write_text(work / MARK, f"{digest}\n{url or ''}\n")


def resume(work: Path, digest: str, url: str | None) -> int:
    """How many answers there are to go on with; lines that were cut off are taken away, else the next would be lost."""
    if not digest or _mark(work) != (digest, url or "") or not (work / "configs" / "task_config.yaml").is_file():
        return 0
    for path in (*work.glob("predictions/**/*.jsonl"), *work.glob("reviews/**/*.jsonl")):
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            write = data[: data.rfind(b"\n") + 1]
            path.write_bytes(write)
    return sum(path.read_bytes().count(b"\n") for path in work.glob("predictions/**/*.jsonl"))


def port(work: Path) -> int | None:
    """The port at which the model answered, which must be the same one again."""
    try:
        return urlsplit(_mark(work)[1]).port
    except ValueError:
        return None


def _mark(work: Path) -> tuple[str, str]:
    try:
        digest, _, url = (work / MARK).read_text(encoding="utf-8").partition("\n")
    except OSError:
        return "", ""
    return digest, url.strip()
