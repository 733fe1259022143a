"""The demo: its data is honest, and a real model learns from it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from swiftci.evidence import metric
from swiftci.evidence.difference import difference
from tests.e2e.conftest import ROOT, TOOLS, swiftci

DEMO = ROOT / "examples/smollm2"


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_demo_shares_no_prompt_between_training_and_evaluation() -> None:
    trained = {
        str(message["content"]).strip().lower()
        for row in rows(DEMO / "data/train.jsonl")
        for message in row["messages"]  # type: ignore[attr-defined] # a list in every row
        if message["role"] == "user"
    }
    asked = [str(row["query"]).strip().lower() for row in rows(DEMO / "data/heldout/tickets.jsonl")]

    assert len(asked) >= 100
    assert len(set(asked)) == len(asked)
    assert not trained & set(asked)


def test_the_demo_data_is_what_its_generator_writes(tmp_path: Path) -> None:
    shutil.copy(DEMO / "make_data.py", tmp_path)

    subprocess.run([sys.executable, "make_data.py"], cwd=tmp_path, check=True)

    for name in ("data/train.jsonl", "data/heldout/tickets.jsonl"):
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()


@pytest.mark.real
def test_the_demo_model_learns_its_task_beyond_chance(tmp_path: Path) -> None:
    subprocess.run([TOOLS, "make_model.py", "model"], cwd=DEMO, check=True)
    shutil.copytree(DEMO, tmp_path / "demo", ignore=shutil.ignore_patterns(".swiftci", "model"))
    (tmp_path / "demo/model").symlink_to(DEMO / "model")
    with (tmp_path / "demo/swiftci.yaml").open("a") as project:
        project.write(f"python: {TOOLS}\n")

    done = swiftci(tmp_path / "demo", "run", "configs/smollm2.yaml")

    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "demo/.swiftci/runs/smollm2"
    items = {subject: metric.read_items(folder, subject) for subject in ("base", "candidate")}
    gained = difference(items["base"], items["candidate"], "general_qa", "rouge-l-recall")
    assert not isinstance(gained, str), gained
    assert gained.items >= 100
    assert gained.low > 0
