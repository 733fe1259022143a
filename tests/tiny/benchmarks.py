"""Writes small made-up data in the layouts of C-Eval, CMMLU, GSM8K and MMLU, as a mirror on disk holds them."""

import csv
import json
from pathlib import Path

COUNT = 4


def front_matter(folder: Path, config: str, splits: dict[str, str]) -> None:
    """The README.md that tells `datasets` which files a subset is made of."""
    lines = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    lines += [line for split, path in splits.items() for line in (f"  - split: {split}", f"    path: {path}")]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def rows(path: Path, content: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in content), encoding="utf-8")


def gsm8k(folder: Path, word: str = "and") -> None:
    front_matter(folder, "main", {"train": "main/train.jsonl", "test": "main/test.jsonl"})
    for split in ("train", "test"):
        rows(
            folder / f"main/{split}.jsonl",
            [
                {"question": f"How much is {n} {word} 1?", "answer": f"One more than {n}.\n#### {n + 1}"}
                for n in range(COUNT)
            ],
        )


def ceval(folder: Path) -> None:
    front_matter(folder, "logic", {"dev": "logic/dev.csv", "val": "logic/val.csv"})
    for split in ("dev", "val"):
        (folder / "logic").mkdir(parents=True, exist_ok=True)
        with (folder / f"logic/{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "question", "A", "B", "C", "D", "answer", "explanation"])
            writer.writerows(
                [n, f"{n}加1是多少？", *(f"{n + place}个" for place in (1, 2, 3, 4)), "A", "多一"] for n in range(COUNT)
            )


def cmmlu(folder: Path) -> None:
    for split in ("dev", "test"):
        rows(
            folder / f"{split}.jsonl",
            [
                {
                    "question": f"{n}加1是多少？",
                    "choices": [f"({letter}) {n + 1 + place}" for place, letter in enumerate("ABCD")],
                    "answer": "(A)",
                    "category": "logical",
                }
                for n in range(COUNT)
            ],
        )


def mmlu(folder: Path) -> None:
    front_matter(folder, "all", {"dev": "all/dev.jsonl", "test": "all/test.jsonl"})
    for split in ("dev", "test"):
        rows(
            folder / f"all/{split}.jsonl",
            [
                {
                    "question": f"How much is {n} and 1?",
                    "subject": "formal_logic",
                    "choices": [str(n + place) for place in (1, 2, 3, 4)],
                    "answer": 0,
                }
                for n in range(COUNT)
            ],
        )


SUBSETS = {"gsm8k": "main", "ceval": "logic", "cmmlu": "logical", "mmlu": "formal_logic"}


def write(folder: Path) -> None:
    """All four, each in a folder of its name."""
    for maker in (gsm8k, ceval, cmmlu, mmlu):
        maker(folder / maker.__name__)
