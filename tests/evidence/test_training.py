"""What swiftci reads from what ms-swift leaves: every recording, and every trap of the notes."""

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import training
from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, copy, edit, edit_rows, recorded

EXPECTED = Path(__file__).parent / "expected" / "training"
ENDED_WELL = ("bad-rows-dropped", "graceful-exit", "nan-gradient", "nan-loss", "ok-full", "ok-lora")


@pytest.mark.parametrize("case", recorded("swift"))
def test_recorded_training_is_read(case: str, golden: Golden) -> None:
    left = training.read(CORPUS / "swift" / case / "out")
    said = (CORPUS / "swift" / case / "stderr_warnings.txt").read_text(encoding="utf-8")
    found = {
        "steps": left.steps,
        "max_steps": left.max_steps,
        "points": len(left.points),
        "loss": left.loss,
        "last": left.last and left.last.name,
        "best": left.best and left.best.name,
        "parameters": left.parameters,
        "rows": left.rows,
        "dropped": training.dropped_rows(said),
        "faults": training.faults(left),
    }

    golden(EXPECTED / f"{case}.json", json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def test_exit_code_0_is_trusted_for_a_good_run_only() -> None:
    good = {
        case
        for case in ENDED_WELL
        if not training.faults(training.read(CORPUS / "swift" / case / "out"))
        and not training.dropped_rows((CORPUS / "swift" / case / "stderr_warnings.txt").read_text(encoding="utf-8"))
    }

    assert {(CORPUS / "swift" / case / "returncode").read_text() for case in ENDED_WELL} == {"0\n"}
    assert good == {"ok-full", "ok-lora"}


def faults(out: Path, **options: bool) -> list[str]:
    return training.faults(training.read(out), **options)


def test_loss_that_is_nan_once_spoils_the_run(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    edit_rows(out / "logging.jsonl", lambda rows: rows[3].update(loss=math.nan))

    assert faults(out) == ["the loss is not a number from step 4 on"]


def test_infinite_loss_spoils_the_run(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    edit_rows(out / "logging.jsonl", lambda rows: rows[3].update(loss=math.inf))

    assert faults(out) == ["the loss is not a number from step 4 on"]


def test_step_that_mixed_precision_skipped_does_not(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    edit_rows(out / "logging.jsonl", lambda rows: rows[3].update(grad_norm=math.nan))

    assert faults(out) == []


def test_early_stop_that_the_config_asked_for_is_good() -> None:
    out = CORPUS / "swift" / "graceful-exit" / "out"

    assert faults(out) == ["it stopped at step 32 of 2000"]
    assert faults(out, may_stop_early=True) == []


def test_checkpoint_without_its_last_file_is_passed_over(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-10" / "trainer_state.json").unlink()
    last, best = training.checkpoints(out)

    assert (last, best) == (out / "checkpoint-5", out / "checkpoint-5")


def test_disk_that_filled_up_leaves_the_checkpoint_before() -> None:
    out = CORPUS / "swift" / "disk-full" / "out"

    assert training.checkpoints(out) == (out / "checkpoint-5", None)


@pytest.mark.parametrize("text", ["", "{", '{"global_step": 10', "null", "[]", "\xff"])
def test_checkpoint_with_a_damaged_state_is_passed_over(tmp_path: Path, text: str) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-10" / "trainer_state.json").write_text(text, encoding="latin-1")

    assert training.checkpoints(out)[0] == out / "checkpoint-5"


def test_checkpoint_that_says_it_is_incomplete_is_passed_over(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-10" / "checkpoint-is-incomplete.txt").touch()

    assert training.checkpoints(out)[0] == out / "checkpoint-5"


@pytest.mark.parametrize("name", ["checkpoint-20-merged", "checkpoint-", "checkpoint-last", "xcheckpoint-99"])
def test_folder_of_another_name_is_no_checkpoint(tmp_path: Path, name: str) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-10").rename(out / name)

    assert training.checkpoints(out)[0] == out / "checkpoint-5"


def test_link_to_a_checkpoint_is_no_checkpoint(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-99").symlink_to("checkpoint-5")

    assert training.checkpoints(out)[0] == out / "checkpoint-10"


def test_last_is_by_number_and_not_by_name(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "checkpoint-5").rename(out / "checkpoint-9")

    assert training.checkpoints(out)[0] == out / "checkpoint-10"


def test_best_is_found_after_the_folder_was_moved(tmp_path: Path) -> None:
    """The state holds an absolute path of the machine that trained."""
    out = copy("swift/ok-lora", tmp_path)
    path = out / "checkpoint-10" / "trainer_state.json"
    edit(path, lambda state: state.update(best_model_checkpoint="/lab/elsewhere/checkpoint-5"))

    assert training.checkpoints(out) == (out / "checkpoint-10", out / "checkpoint-5")


def test_best_that_was_deleted_is_none(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    path = out / "checkpoint-10" / "trainer_state.json"
    edit(path, lambda state: state.update(best_model_checkpoint="/lab/x/checkpoint-7"))

    assert training.checkpoints(out) == (out / "checkpoint-10", None)


def test_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    out = copy("swift/sigkill", tmp_path)
    path = out / "logging.jsonl"
    whole = training.read(out)
    path.write_bytes(path.read_bytes()[:-30])
    cut = training.read(out)

    assert cut.steps == whole.steps - 1


@pytest.mark.parametrize(
    "junk", ["[]", "3", "null", "\0", '{"global_step/max_steps": "x/y"}', '{"loss": 1}', "\xff\xfe"]
)
def test_line_of_another_kind_does_not_break(tmp_path: Path, junk: str) -> None:
    out = copy("swift/ok-lora", tmp_path)
    path = out / "logging.jsonl"
    path.write_bytes(junk.encode("latin-1") + b"\n" + path.read_bytes())
    left = training.read(out)

    assert (left.steps, left.max_steps) == (10, 10)
    assert left.loss == 5.86507702


@pytest.mark.parametrize("value", ["5.8", None, [], {}, True])
def test_loss_that_is_no_number_is_not_logged(tmp_path: Path, value: Any) -> None:
    out = copy("swift/ok-lora", tmp_path)
    edit_rows(out / "logging.jsonl", lambda rows: rows[0].update(loss=value))

    assert training.read(out).points[0].loss is None


def test_no_folder_is_no_training(tmp_path: Path) -> None:
    left = training.read(tmp_path / "nowhere")

    assert (left.steps, left.last, left.best, left.loss) == (0, None, None, None)
    assert training.faults(left) == ["it logged no step", "it left no complete checkpoint"]


def test_crash_after_training_began_still_has_a_summary() -> None:
    """ms-swift writes the summary in a `finally`, so its line proves nothing."""
    left = training.read(CORPUS / "swift" / "disk-full" / "out")

    assert left.parameters
    assert left.last == CORPUS / "swift" / "disk-full" / "out" / "checkpoint-5"


def test_unreadable_log_is_no_step(tmp_path: Path) -> None:
    out = copy("swift/ok-lora", tmp_path)
    (out / "logging.jsonl").unlink()
    os.mkdir(out / "logging.jsonl")  # noqa: PTH102 -- as a broken mount would look

    assert training.read(out).points == ()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"reward": 0.5, "rewards/Format/mean": 0.1}, (0.5, "reward")),
        ({"rewards/accuracies": 0.75, "rewards/margins": 2.0}, (0.75, "rewards/accuracies")),
        ({"loss": 1.0}, (None, "")),
    ],
)
def test_reward_of_an_rlhf_is_read_by_its_key(
    tmp_path: Path, row: dict[str, float], expected: tuple[object, str]
) -> None:
    (tmp_path / training.LOG).write_text(json.dumps(row | {"global_step/max_steps": "1/2"}) + "\n")

    (point,) = training.read(tmp_path).points
    assert (point.reward, point.reward_key) == expected


def test_megatrons_steps_and_checkpoints_are_found(tmp_path: Path) -> None:
    (tmp_path / training.LOG).write_text(json.dumps({"loss": 1.0, "iteration": "3/9"}) + "\n")
    for name in ("checkpoint-2", "checkpoint-3", "checkpoint-3-merged", "checkpoint-4"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "latest_checkpointed_iteration.txt").write_text("3")
    (tmp_path / "last-checkpoint").symlink_to("checkpoint-3")

    found = training.read(tmp_path)

    assert (found.steps, found.max_steps) == (3, 9)
    assert found.last == tmp_path / "checkpoint-3-merged"  # a LoRA's weights in transformers' form; 4 is not whole yet
