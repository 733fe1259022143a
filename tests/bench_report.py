"""What a report of a very long training costs; called by bench.py, and by itself in a process that is measured."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from swiftci.evidence import report  # noqa: E402
from swiftci.store import record as records  # noqa: E402
from tests.evidence.rundir import recorded  # noqa: E402
from tests.evidence.rundir_large import log  # noqa: E402
from tests.fake.repository import make  # noqa: E402

STEPS = 100_000


def prepared() -> Path:
    """A run directory whose training logged that many steps, with ms-swift's summary that holds them all again."""
    folder = Path(tempfile.mkdtemp())
    run = recorded(folder / "run", make(folder / "repository"))
    rows = log(STEPS, 1, bad=range(60_000, 60_020))
    run.logged([*rows, {"last_model_checkpoint": "checkpoint-100000", "log_history": rows, "memory": 21.0}])
    records.write(run.folder, run.record)
    return run.folder


def write(folder: Path) -> None:
    record = records.read(folder)
    assert record is not None
    report.write(folder, record, "zh")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
