"""What a stage says while its tool works; read from files that are being written."""

import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.model import Limits
from swiftci.stages.evaluate import _Count
from swiftci.stages.watch import Watch
from tests.evidence.corpus import CORPUS
from tests.stages.stand import Heard


def watch(output: Path, heard: Heard) -> Watch:
    return Watch(output, output / "train.log", Limits(), heard)


def test_steps_are_told_as_they_are_logged(tmp_path: Path) -> None:
    lines = (CORPUS / "swift" / "ok-lora" / "out" / "logging.jsonl").read_text().splitlines(keepends=True)
    heard = Heard()
    tail = watch(tmp_path, heard)
    tail()
    for number in range(0, len(lines), 2):
        with (tmp_path / "logging.jsonl").open("a") as file:
            file.write("".join(lines[number : number + 2]))
        tail()

    assert heard.steps[0] == (1, 10, "steps: loss 5.934, 1s left")
    assert (5, 10, "steps: eval_loss 5.879, 0s left") in heard.steps
    assert list(dict.fromkeys(done for done, _, _ in heard.steps)) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    line = json.dumps({"loss": 1.0, "global_step/max_steps": "3/9"}) + "\n"
    heard = Heard()
    tail = watch(tmp_path, heard)
    for part in (line[:10], line[10:-1]):
        with (tmp_path / "logging.jsonl").open("a") as file:
            file.write(part)
        tail()
        assert heard.steps == []
    with (tmp_path / "logging.jsonl").open("a") as file:
        file.write("\n")
    tail()

    assert heard.steps == [(3, 9, "steps: loss 1")]


@pytest.mark.parametrize(
    "row", [[], 3, None, {"global_step/max_steps": "x"}, {"global_step/max_steps": 3}, {"loss": "NaN"}]
)
def test_line_of_another_kind_is_not_told(tmp_path: Path, row: Any) -> None:
    (tmp_path / "logging.jsonl").write_text(json.dumps(row) + "\nno JSON\n")
    heard = Heard()
    watch(tmp_path, heard)()

    assert heard.steps == []


def test_answers_are_counted_over_all_subsets(tmp_path: Path) -> None:
    heard = Heard()
    count = _Count(tmp_path / "predictions", heard)
    count()
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "a.jsonl").write_text("1\n2\n")
    (tmp_path / "predictions" / "b.jsonl").write_text("1\n")
    (tmp_path / "predictions" / "a.jsonl.rerun-1").write_text("1\n")
    count()
    count()

    assert heard.steps.count((3, 0, "3 items answered")) == 1
    assert heard.steps[-1] == (3, 0, "3 items answered")


def test_file_that_moves_while_it_is_counted_does_not_stop_an_evaluation(tmp_path: Path) -> None:
    (tmp_path / "moved.jsonl").symlink_to("nowhere")
    heard = Heard()
    _Count(tmp_path, heard)()

    assert heard.steps == []
