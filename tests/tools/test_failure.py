"""swiftci.tools.failure on every recorded failure, and on lines that were measured but not recorded whole."""

import json
import re
import shutil
import signal
from dataclasses import asdict
from pathlib import Path

import pytest

from swiftci.tools import failure, known_arguments, known_failures, program, retry
from tests.conftest import Golden
from tests.tools.failures.cases import CASES as RECORDED

CORPUS = Path(__file__).parents[1] / "corpus"
EXPECTED = Path(__file__).parent / "expected" / "failure"
CASES = Path(__file__).parent / "failures"
NAMES = sorted(p.relative_to(CASES).with_suffix("").as_posix() for p in CASES.glob("*/*.txt"))
FAILED = sorted(
    p.parent.relative_to(CORPUS).as_posix() for p in CORPUS.glob("*/*/returncode") if p.read_text() != "0\n"
)


@pytest.mark.parametrize("case", FAILED)
def test_recorded_failure_is_explained(case: str, tmp_path: Path, golden: Golden) -> None:
    cat = shutil.which("cat") or "cat"
    tail = program.run([cat, str(CORPUS / case / "stderr_tail.txt")], log=tmp_path / "log", env={}, cwd=tmp_path).tail
    why = failure.explain(int((CORPUS / case / "returncode").read_text()), tail)

    golden(EXPECTED / f"{case}.json", json.dumps(asdict(why), ensure_ascii=False, indent=2) + "\n")


def test_every_recorded_case_can_be_recorded_again() -> None:
    heads = {name: (CASES / f"{name}.txt").read_text(encoding="utf-8").splitlines()[:4] for name in NAMES}
    recorded = {name: head for name, head in heads.items() if not name.startswith("gpu/")}

    assert {name: (head[0], *head[2:]) for name, head in recorded.items()} == {
        case.name: (f"source: recorded: {case.note}", f"class: {case.kind}", f"retry: {case.retry}")
        for case in RECORDED
    }


@pytest.mark.parametrize("name", NAMES)
def test_failure_of_the_corpus_has_its_class_and_is_told(name: str, golden: Golden) -> None:
    path = CASES / f"{name}.txt"
    text = path.read_text(encoding="utf-8")
    head, _, log = text.partition("\n\n")
    said = dict(line.split(":", 1) for line in head.splitlines())
    why = failure.explain(int(said["exit"]), log.splitlines())
    told = failure.error("it failed", int(said["exit"]), log.splitlines(), [], path.with_suffix(".log"))

    assert (why.kind, "yes" if retry.after(told, 1, 2) else "no") == (said["class"].strip(), said["retry"].strip())
    kept = [line for line in head.splitlines() if not line.startswith(("message:", "hint:"))]
    shown = [*kept, f"message: {why.message}", f"hint: {why.hint}".rstrip()]
    golden(path, "\n".join(shown) + "\n\n" + log)


@pytest.mark.parametrize(
    ("code", "name"),
    [(-9, "SIGKILL"), (137, "SIGKILL"), (247, "SIGKILL"), (-15, "SIGTERM"), (143, "SIGTERM"), (241, "SIGTERM")],
)
def test_signal_is_found_in_every_exit_code_that_hides_one(code: int, name: str) -> None:
    why = failure.explain(code, ["Train: 3/10"])

    assert name in why.message
    assert why.kind == {"SIGKILL": "memory", "SIGTERM": "preempted"}[name]


@pytest.mark.parametrize("code", [1, 2, 3, 64, 127, 255])
def test_ordinary_exit_code_is_no_signal(code: int) -> None:
    assert failure.explain(code, ["ValueError: x"]).message == "ValueError: x"


def test_bus_error_names_shared_memory() -> None:
    assert "shm-size" in failure.explain(-signal.SIGBUS, []).hint


MEASURED = [
    (
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory",
        "memory",
    ),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "memory"),
    ("OSError: [Errno 28] No space left on device", "disk"),
    ("ValueError: Failed to automatically match model_type. Multiple possible types found: ['qwen3']", "user"),
    ("ValueError: model_type: 'qwen99' not in ['qwen', " + "'x', " * 999 + "]", "user"),
    ("ModuleNotFoundError: No module named 'msgspec'", "user"),
    ("importlib.metadata.PackageNotFoundError: The 'deepspeed' distribution was not found", "user"),
    ("modelscope_hub.errors.NetworkError: [E1020] Connection failed: x", "network"),
    ("huggingface_hub.errors.LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder", "network"),
    ("modelscope_hub._download._DownloadDeadlineError: [E1001] 下载总时限已耗尽；", "network"),
    ("FileNotFoundError: Couldn't find any data file at /lab/x.jsonl.", "user"),
    ("ZeroDivisionError: integer division or modulo by zero", "data"),
    ("openai.APIConnectionError: Connection error.", "network"),
    ("cli.py: error: unrecognized arguments: --config x.yaml", "user"),
]
"""The last lines of failures that the notes on both tools list."""


@pytest.mark.parametrize(("line", "kind"), MEASURED)
def test_measured_last_line_has_its_class_and_a_hint(line: str, kind: str) -> None:
    why = failure.explain(
        1, ["Traceback (most recent call last):", '  File "x.py", line 1', line, "Train:  9%|▉ | 9/99"]
    )

    assert why.kind == kind
    assert why.hint
    assert len(why.message) <= failure.MESSAGE_MAX


CHILD_FAILED = [
    "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
    "Root Cause (first observed failure):",
    "[0]:",
    "  rank      : 7 (local_rank: 7)",
    "  exitcode  : -9 (pid: 1)",
]


def test_code_in_a_traceback_is_no_error() -> None:
    tail = ["    self.args, remaining_argv = parse(argv)", "    # No space left on device", "ValueError: odd"]

    assert failure.explain(1, tail) == failure.Failure(kind="tool", message="ValueError: odd")


def test_error_behind_another_is_found() -> None:
    tail = [
        "OSError: [Errno 28] No space left on device",
        "During handling of the above exception, another exception occurred:",
        "RuntimeError: could not save",
    ]

    assert failure.explain(1, tail).kind == "disk"


def test_earlier_error_that_did_not_lead_to_the_last_is_not_blamed() -> None:
    tail = ["ModuleNotFoundError: No module named 'flash_attn'", "[INFO] going on without", "ValueError: odd"]

    assert failure.explain(1, tail).message == "ValueError: odd"


def test_cause_is_looked_for_above_the_lines_that_are_shown(tmp_path: Path) -> None:
    cause = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
    table = ["Traceback (most recent call last):", *(line.replace("-9", "1") for line in CHILD_FAILED)]
    log = tmp_path / "train.log"
    log.write_text("\n".join(["[rank7]: " + cause, *["[rank0]:   frame"] * 200, *table]))

    assert failure.error("ms-swift failed", 1, table, [], log).kind == "memory"
    assert failure.error("ms-swift failed", 1, table, [], tmp_path / "none.log").kind == "tool"


def test_worker_that_failed_first_is_named() -> None:
    assert failure.explain(1, CHILD_FAILED).message == "worker 7 was killed (SIGKILL)"


def test_signal_1_of_a_wrapper_is_not_read_into_255() -> None:
    assert failure.explain(129, []).kind == "preempted"
    assert failure.explain(255, []).kind == "tool"


@pytest.mark.parametrize(
    ("tool", "hint"),
    [
        ("sft", known_failures.TRAIN_MEMORY),
        ("sft", known_failures.HOST_MEMORY),
        ("rlhf", known_failures.GRPO_MEMORY),
        ("megatron-sft", known_failures.MEGATRON_MEMORY),
        ("deploy", known_failures.SERVE_MEMORY),
        ("eval", known_failures.EVALUATE_MEMORY),
    ],
)
def test_arguments_that_a_hint_names_are_the_tools(tool: str, hint: str) -> None:
    names = json.loads(known_arguments.FILE.read_text())[tool]["names"]
    named = re.findall(r"(?<![\w.])[a-z]+_[a-z_0-9]+", hint)

    assert named
    assert [name for name in named if name not in names and name not in ("zero3_offload", "flash_attn")] == []


def test_colours_do_not_reach_the_message() -> None:
    assert failure.explain(1, ["\x1b[31mboom\x1b[0m\x07"]).message == "boom"


def test_progress_bar_is_not_the_message() -> None:
    assert failure.explain(1, ["giving up", "Train:  50%|█████ | 5/10 [00:00<00:00, 9.05it/s]"]).message == "giving up"


def test_silent_failure_has_a_message() -> None:
    assert failure.explain(1, []).message == "it said nothing"
