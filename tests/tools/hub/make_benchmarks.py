"""Writes two benchmarks' data sets as they lie on the hubs; runs under the interpreter that holds EvalScope.

Argument: the folder that becomes `datasets/` of the stand-in.
"""

import sys
from pathlib import Path

import pyarrow as pa  # type: ignore[import-not-found]
import pyarrow.parquet as pq  # type: ignore[import-not-found]

CARD = """---
configs:
- config_name: {name}
  data_files:
{files}---
# A made-up {name}
"""


def write(folder: Path, name: str, splits: dict[str, list[dict[str, object]]]) -> None:
    """A data set with one configuration: a card that names its files, and a Parquet file a split."""
    lines = ""
    for split, rows in splits.items():
        path = folder / name / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        lines += f"  - split: {split}\n    path: {name}/{split}-*\n"
    (folder / "README.md").write_text(CARD.format(name=name, files=lines))
    (folder / "dataset_infos.json").write_text('{"wrong": {"splits": {}}}')


def main() -> None:
    root = Path(sys.argv[1])
    sums = [{"question": f"What is {i} + 1?", "answer": f"It is {i} + 1.\n#### {i + 1}"} for i in range(6)]
    row = {"question": "1+1=?", "A": "2", "B": "3", "C": "4", "D": "5", "answer": "A", "explanation": ""}
    choices = [{"id": i, **row} for i in range(5)]
    for repository in ("AI-ModelScope/gsm8k", "openai/gsm8k"):
        write(root / repository, "main", {"train": sums, "test": sums[:3]})
    for repository in ("evalscope/ceval", "ceval/ceval-exam"):
        write(root / repository, "logic", {"dev": choices, "val": choices[:2], "test": choices[:2]})


if __name__ == "__main__":
    main()
