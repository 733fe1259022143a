"""Writes a report of each kind in both languages, to be looked at: `python -m tests.evidence.look FOLDER`."""

import shutil
import sys
from pathlib import Path

from tests.evidence.rundir import recorded, unmeasured
from tests.evidence.rundir_hostile import hostile
from tests.evidence.rundir_large import large
from tests.fake.repository import make


def main(folder: Path) -> None:
    for make_run in (recorded, large, unmeasured, hostile):
        for language in ("en", "zh"):
            place = folder / f"{make_run.__name__}-{language}"
            shutil.rmtree(place, ignore_errors=True)
            run = make_run(place / "run", make(place / "repository"))
            sizes = [len(text.encode()) for text in run.write(language, charts=True)[:2]]
            print(f"{place / 'run/report.html'}: Markdown {sizes[0]:,} bytes, page {sizes[1]:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
