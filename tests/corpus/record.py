"""Record what ms-swift and EvalScope really leave behind, for tests that may not wait for them.

    python record.py LAB [CASE ...]

Run it with the interpreter that holds ms-swift and EvalScope. LAB is an absolute scratch
directory; the tiny model of tests/tiny is made there first. Every case runs the tool once, and what
is left is trimmed, has its machine's paths replaced by /lab and /venv, and lands in this folder.
The case disk-full mounts a tiny file system and so needs root on Linux; it is skipped elsewhere.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TINY = HERE.parent / "tiny" / "make_model.py"
TAIL = 60
LONG_LINE = 4000
LONG_STRING = 1500
ENVIRONMENT = {"USE_HF": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True)
class Case:
    """One run of a tool: `{lab}` and `{out}` in `argv` are filled in, `stop` may end it early."""

    tool: str
    name: str
    argv: tuple[str, ...]
    stop: signal.Signals | None = None
    when: Callable[[Path], bool] = field(default=lambda out: False)
    small_disk: bool = False
    server: Callable[[int], str | None] | None = None
    judge: Callable[[int], str | None] | None = None
    seconds_a_reply: float = 0.0


# ----------------------------------------------------------------------------------------- swift


def flags(**values: object) -> tuple[str, ...]:
    """Command-line flags in the order given."""
    return tuple(part for key, value in values.items() for part in (f"--{key}", str(value)))


COMMON: dict[str, object] = {
    "model": "{lab}/tiny",
    "model_type": "qwen3",
    "template": "chatml",
    "dataset": "{lab}/tiny/data/train.jsonl",
    "tuner_type": "lora",
    "torch_dtype": "float32",
    "max_length": 256,
    "split_dataset_ratio": 0,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 1,
    "dataloader_num_workers": 0,
    "logging_steps": 1,
    "max_steps": 10,
    "save_steps": 5,
    "report_to": "none",
    "check_model": "false",
    "add_version": "false",
    "strict": "true",
    "output_dir": "{out}",
}
FULL = {
    "tuner_type": "full",
    "learning_rate": "5e-3",
    "max_steps": 120,
    "save_steps": 120,
    "logging_steps": 10,
    "per_device_train_batch_size": 16,
}
HALF = FULL | {"max_steps": 30, "save_steps": 30}
ADAPTS_HALF = FULL | {
    "model": "{lab}/half/checkpoint-30",
    "tuner_type": "lora",
    "lora_rank": 32,
    "lora_alpha": 64,
    "max_steps": 200,
    "save_steps": 200,
}
LONG = {"max_steps": 2000, "save_steps": 20}


def sft(name: str, *more: str, changes: Mapping[str, object] | None = None, **rest: Any) -> Case:
    """A training: the common flags, some of them changed, and more of them."""
    values = {**COMMON, **(changes or {})}
    argv = ("-m", "swift.cli.sft", *flags(**values), *more)
    return Case("swift", name, argv, **rest)


def logged(step: int) -> Callable[[Path], bool]:
    """Whether so many steps were logged."""

    def reached(out: Path) -> bool:
        path = out / "logging.jsonl"
        return path.is_file() and path.read_text(encoding="utf-8").count("\n") >= step

    return reached


SWIFT = (
    sft("ok-lora", *flags(val_dataset="{lab}/val.jsonl", eval_steps=5)),
    sft("ok-full", changes=FULL),
    sft("nan-gradient", changes={"tuner_type": "full", "learning_rate": "1e30"}),
    sft("nan-loss", changes={"tuner_type": "full", "learning_rate": "1e38"}),
    sft("bad-rows-strict", changes={"dataset": "{lab}/bad-rows.jsonl"}),
    sft("bad-rows-dropped", changes={"dataset": "{lab}/bad-rows.jsonl", "strict": "false"}),
    sft("unknown-flag", *flags(no_such_arg=3)),
    sft("bad-choice", changes={"torch_dtype": "fp12"}),
    sft("unknown-tuner", changes={"tuner_type": "loraa"}),
    sft("missing-model", changes={"model": "{lab}/nowhere"}),
    sft("missing-data", changes={"dataset": "{lab}/nowhere.jsonl"}),
    sft("not-json", changes={"dataset": "{lab}/not-json.jsonl"}),
    sft("empty-data", changes={"dataset": "{lab}/empty.jsonl"}),
    sft("disk-full", small_disk=True),
    sft("sigterm", changes=LONG, stop=signal.SIGTERM, when=logged(31)),
    sft("sigint", changes=LONG, stop=signal.SIGINT, when=logged(31)),
    sft("sigkill", changes=LONG, stop=signal.SIGKILL, when=logged(31)),
    sft(
        "graceful-exit",
        *flags(callbacks="graceful_exit"),
        changes=LONG,
        stop=signal.SIGTERM,
        when=logged(31),
    ),
)

# ------------------------------------------------------------------------------------- evalscope

QA = {"local_path": "{lab}/tiny/data/heldout", "subset_list": ["items"], "metric_list": ["Rouge"]}
MCQ = {"local_path": "{lab}/mcq", "subset_list": ["tools", "places"]}
DROP = {"local_path": "{lab}/drop", "few_shot_num": 0}
CHECKPOINT = {"model": "{lab}/full/checkpoint-120", "model-args": '{"precision":"float32"}'}
ADAPTER = {
    "model": "{lab}/half/checkpoint-30",
    "model-args": json.dumps(
        {
            "model_path": "{lab}/lora/checkpoint-200",
            "tokenizer_path": "{lab}/half/checkpoint-30",
            "precision": "float32",
        }
    ),
}
SERVER = {
    "model": "tiny",
    "model-args": '{"max_retries":0}',
    "api-url": "http://127.0.0.1:{port}/v1",
    "eval-type": "openai_api",
    "eval-batch-size": 1,
}


REPEATS = ("--repeats", "3")
JUDGE = {"model_id": "judge", "api_url": "http://127.0.0.1:{port}/v1", "api_key": "none"}
JUDGED = ("--judge", json.dumps({"strategy": "llm", "models": [JUDGE]}))


def score(
    name: str,
    source: Mapping[str, object],
    dataset: str,
    settings: Mapping[str, object],
    *more: str,
    limit: int = 12,
    **rest: Any,
) -> Case:
    """An evaluation of one data set by the model that `source` names."""
    generation: dict[str, object] = {"max_tokens": 6, "temperature": 0.0, "seed": 42, "retries": 1}
    if "api-url" not in source:
        generation = {"max_tokens": 6, "do_sample": False}
    values = {
        **source,
        "model-id": "candidate",
        "datasets": dataset,
        "dataset-args": json.dumps({dataset: settings}),
        "generation-config": json.dumps(generation),
        "limit": limit,
        "work-dir": "{out}",
    }
    argv = ("-m", "evalscope.cli.cli", "eval", *flags(**values), "--no-timestamp", *more)
    return Case("evalscope", name, argv, **rest)


def letters(number: int) -> str:
    """Answers of a model that is right about twice in three times."""
    return f"答案\uff1a{'ABCDA'[number % 5]}"


def refuse(number: int) -> None:
    """Every request fails."""


def every_other(number: int) -> str | None:
    """Every second request fails."""
    return "shelf" if number % 2 else None


def program(number: int) -> str:
    """Python that solves the first of two problems always, and the second now and then."""
    return f"    return n + {1 + number // 3 * (number % 3)}\n"


def passage(number: int) -> str:
    """Answers of a model that read the first passage only."""
    return f"Answer: {(number + 1) * 10}"


def verdict(number: int) -> str:
    """A judge that finds two answers in three right."""
    return json.dumps({"reasoning": "as the answer says", "verdict": "AAB"[number % 3]})


def babble(number: int) -> str:
    """A judge that does not keep to the form."""
    return "It depends."


def predicted(count: int) -> Callable[[Path], bool]:
    """Whether so many answers were written down."""

    def reached(out: Path) -> bool:
        rows = [path.read_text(encoding="utf-8") for path in out.glob("predictions/**/*.jsonl")]
        return sum(text.count("\n") for text in rows) >= count

    return reached


EVALSCOPE = (
    score("ok-qa", CHECKPOINT, "general_qa", QA),
    score("ok-qa-half", CHECKPOINT | {"model": "{lab}/half/checkpoint-30"}, "general_qa", QA),
    score("ok-mcq", SERVER, "general_mcq", MCQ, limit=6, server=letters),
    score("ok-repeats", SERVER, "general_mcq", MCQ, *REPEATS, limit=4, server=letters),
    score("ok-pass-at-k", SERVER, "humaneval", {"local_path": "{lab}/humaneval"}, *REPEATS, server=program),
    score("ok-passages", SERVER, "drop", DROP, server=passage),
    score("ok-collection", SERVER, "data_collection", {"local_path": "{lab}/collection"}, server=letters),
    score("ok-judge", SERVER, "general_qa", QA, *JUDGED, server=lambda number: "shelf", judge=verdict),
    score("judge-babbles", SERVER, "general_qa", QA, *JUDGED, server=lambda number: "shelf", judge=babble),
    score("ok-adapter", ADAPTER, "general_qa", QA),
    score("bleu-without-nltk", CHECKPOINT, "general_qa", QA | {"metric_list": ["BLEU", "Rouge"]}),
    score("unknown-dataset", CHECKPOINT, "gsm8", {}),
    score("missing-subset-file", CHECKPOINT, "general_qa", QA | {"subset_list": ["nowhere"]}),
    score("all-errors", SERVER, "general_qa", QA, "--ignore-errors", server=refuse),
    score("half-errors", SERVER, "general_qa", QA, "--ignore-errors", server=every_other),
    score("server-error", SERVER, "general_qa", QA, server=refuse),
    score("missing-checkpoint", CHECKPOINT | {"model": "{lab}/nowhere"}, "general_qa", QA),
    score(
        "sigterm",
        SERVER,
        "general_qa",
        QA,
        server=lambda number: "shelf",
        seconds_a_reply=1.0,
        stop=signal.SIGTERM,
        when=predicted(4),
    ),
)

# --------------------------------------------------------------------------------------- the lab


def prepare(lab: Path, python: str) -> None:
    """Make the model, the data and the checkpoints that the cases need, once."""
    if (lab / "lora").is_dir():
        return
    lab.mkdir(parents=True, exist_ok=True)
    subprocess.run([python, str(TINY), str(lab / "tiny")], check=True)
    rows = (lab / "tiny/data/train.jsonl").read_text(encoding="utf-8").splitlines()
    (lab / "val.jsonl").write_text("\n".join(rows[:8]) + "\n", encoding="utf-8")
    bad = json.dumps({"messages": [{"role": "user", "content": "Where?"}, {"role": "assistant"}]})
    mixed = [bad if number % 4 == 0 else row for number, row in enumerate(rows)]
    (lab / "bad-rows.jsonl").write_text("\n".join(mixed) + "\n", encoding="utf-8")
    (lab / "not-json.jsonl").write_text("this is no JSON\n", encoding="utf-8")
    (lab / "empty.jsonl").write_text("", encoding="utf-8")
    make_choices(lab / "mcq")
    make_problems(lab / "humaneval")
    make_passages(lab / "drop")
    make_collection(lab)
    for name, changes in (("full", FULL), ("half", HALF), ("lora", ADAPTS_HALF)):
        case = sft(name, changes=changes)
        run(case, lab, lab / name, python)


def make_choices(folder: Path) -> None:
    """Two multiple-choice files of six questions each."""
    folder.mkdir(exist_ok=True)
    for subset in ("tools", "places"):
        lines = ["id,question,A,B,C,D,answer"]
        for number in range(6):
            answer = "ABCD"[number % 4]
            lines.append(f"{subset}-{number},Which of the {subset}?,one,two,three,four,{answer}")
        (folder / f"{subset}_val.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_problems(folder: Path) -> None:
    """Two problems in the form of HumanEval, whose answers are run on this machine."""
    lines = []
    for number, word in enumerate(("first", "second")):
        prompt = f'def {word}(n):\n    """The number after n."""\n'
        problem = {
            "task_id": f"HumanEval/{number}",
            "prompt": prompt,
            "canonical_solution": "    return n + 1\n",
            "test": "def check(candidate):\n    assert candidate(1) == 2\n",
            "entry_point": word,
        }
        lines.append(json.dumps(problem))
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text(CONFIG.format(name="openai_humaneval", split="test"), encoding="utf-8")
    (folder / "test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_passages(folder: Path) -> None:
    """Six questions about two passages in the form of DROP."""
    lines = []
    for number in range(6):
        answer = {"number": str((number + 1) * 10 if number < 3 else 7), "spans": [], "date": {}}
        row = {
            "section_id": f"passage_{number // 3}",
            "passage": f"Passage {number // 3} tells how many tools lie in each of three boxes.",
            "question": f"How many tools lie in box {number % 3}?",
            "answer": {**answer, "date": {"day": "", "month": "", "year": ""}},
            "validated_answers": {"number": [], "spans": [], "date": []},
        }
        lines.append(json.dumps(row))
    folder.mkdir(exist_ok=True)
    (folder / "README.md").write_text(CONFIG.format(name="default", split="validation"), encoding="utf-8")
    (folder / "validation.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


CONFIG = """---
configs:
- config_name: {name}
  data_files:
  - split: {split}
    path: {split}.jsonl
---
"""


def make_collection(lab: Path) -> None:
    """A mix of two data sets, as EvalScope's own sampler writes it."""
    from evalscope.collections import CollectionSchema, DatasetInfo, StratifiedSampler

    def filled(settings: Mapping[str, object]) -> dict[str, object]:
        return dict(json.loads(json.dumps(settings).replace("{lab}", str(lab))))

    choices = DatasetInfo(name="general_mcq", weight=2, args=filled(MCQ))
    schema = CollectionSchema(name="mix", datasets=[choices, DatasetInfo(name="drop", args=filled(DROP))])
    random.seed(0)  # which the sampler draws from
    rows = StratifiedSampler(schema).sample(12)
    (lab / "collection").mkdir(exist_ok=True)
    lines = [json.dumps(one, ensure_ascii=False) for one in rows]
    (lab / "collection/test.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def serving(case: Case) -> Iterator[int]:
    """An OpenAI-compatible server on loopback; a reply of None is an HTTP error 500."""
    replies = {"tiny": case.server, "judge": case.judge}
    counts = {name: iter(range(10**9)) for name in replies}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            model = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))["model"]
            time.sleep(case.seconds_a_reply)
            reply = replies[model]
            text = reply(next(counts[model])) if reply else None
            message = {"role": "assistant", "content": text}
            body: dict[str, object] = {
                "id": "x",
                "object": "chat.completion",
                "created": 0,
                "model": "tiny",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
            }
            if text is None:
                body = {"error": {"message": "boom", "type": "server_error"}}
            data = json.dumps(body).encode()
            self.send_response(500 if text is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


# ------------------------------------------------------------------------------------- recording


@dataclass(frozen=True)
class Recording:
    """How one run ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def fill(text: str, values: dict[str, str]) -> str:
    """Replace the names in braces; other braces are JSON's."""
    return functools.reduce(lambda result, pair: result.replace(*pair), values.items(), text)


def run(case: Case, lab: Path, out: Path, python: str, port: int = 0) -> Recording:
    """Run the case in `out`, which is emptied first, and stop it when its time has come."""
    shutil.rmtree(out, ignore_errors=True)
    if case.small_disk:
        out.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", out], check=True)
    values = {"{lab}": str(lab), "{out}": str(out), "{port}": str(port)}
    argv = [python, *(fill(part, values) for part in case.argv)]
    streams = lab / "stdout", lab / "stderr"
    with streams[0].open("wb") as stdout, streams[1].open("wb") as stderr:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=os.environ | ENVIRONMENT,
            cwd=lab,
        )
        while case.stop and process.poll() is None:
            if case.when(out):
                process.send_signal(case.stop)
                break
            time.sleep(0.02)
        returncode = process.wait(timeout=600)
    texts = [path.read_bytes().decode(errors="replace") for path in streams]
    return Recording(("python", *argv[1:]), returncode, *texts)


def scrub(text: str, lab: Path, python: str) -> str:
    """Replace what tells one machine from another."""
    venv = str(Path(python).parent.parent)
    base = str(Path(os.__file__).parent)
    for old, new in (
        (str(lab), "/lab"),
        (venv, "/venv"),
        (base, "/usr/lib/python3"),
        (str(Path.home()), "/home/user"),
        (socket.gethostname(), "host"),
    ):
        text = re.sub(r"(?<!\w)" + re.escape(old) + r"(?!\w)", new, text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)


def tail(text: str) -> str:
    """The last lines; the carriage returns of progress bars stay within theirs."""
    lines = text.rstrip("\n").split("\n")
    return "\n".join(line[-LONG_LINE:] for line in lines[-TAIL:]).rstrip("\n") + "\n"


def warnings(text: str) -> str:
    """Lines far above the tail that a reader of the log should not miss."""
    found = [line for line in text.split("\n") if re.search(r"\b(WARNING|ERROR)\b", line)]
    return "".join(line[-LONG_LINE:] + "\n" for line in found[:TAIL])


def shorten(value: object) -> object:
    """Cut long strings anywhere in a JSON value."""
    if isinstance(value, str) and len(value) > LONG_STRING:
        return value[:LONG_STRING] + "…"
    if isinstance(value, list):
        return [shorten(entry) for entry in value]
    if isinstance(value, dict):
        return {key: shorten(entry) for key, entry in value.items()}
    return value


def kept(tool: str, path: Path) -> bool:
    """Whether a file is recorded as it is, not as an empty file of its name."""
    if tool == "evalscope":
        return path.suffix in {".json", ".jsonl"}
    top = ("logging.jsonl", "args.json")
    return str(path) in top or path.name in ("trainer_state.json", "adapter_config.json")


def copy(tool: str, out: Path, target: Path, clean: Callable[[str], str]) -> None:
    """Copy what a run left, trimmed and cleaned."""
    for source in sorted(out.rglob("*")):
        path = source.relative_to(out)
        if tool == "evalscope" and path.parts[0] not in ("reports", "reviews", "predictions"):
            continue
        if (source.is_dir() and not source.is_symlink()) or path.suffix == ".html":
            continue
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            (target / path).symlink_to(source.readlink())
            continue
        text = source.read_text(encoding="utf-8") if kept(tool, path) else ""
        if tool == "evalscope" and path.suffix == ".json" and text:
            text = json.dumps(shorten(json.loads(text)), ensure_ascii=False, indent=2) + "\n"
        (target / path).write_text(clean(text), encoding="utf-8", newline="")


def record(case: Case, lab: Path, python: str) -> None:
    """Run a case and replace its folder here."""
    out = lab / "out" / case.tool / case.name
    out.parent.mkdir(parents=True, exist_ok=True)
    clean = functools.partial(scrub, lab=lab, python=python)
    target = HERE / case.tool / case.name
    try:
        if case.server:
            with serving(case) as port:
                result = run(case, lab, out, python, port)
        else:
            result = run(case, lab, out, python)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        copy(case.tool, out, target / "out", clean)
    finally:
        if case.small_disk:
            subprocess.run(["umount", out], check=False)
    for name, text in (
        ("argv.txt", "\n".join(result.argv) + "\n"),
        ("returncode", f"{result.returncode}\n"),
        ("stdout_tail.txt", tail(result.stdout)),
        ("stderr_tail.txt", tail(result.stderr)),
        ("stderr_warnings.txt", warnings(result.stderr)),
    ):
        (target / name).write_text(clean(text), encoding="utf-8", newline="")


def main() -> None:
    """Record the cases that were named, or all."""
    # A shell's background job ignores SIGINT, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, wanted, python = Path(sys.argv[1]), sys.argv[2:], sys.executable
    prepare(lab, python)
    for case in SWIFT + EVALSCOPE:
        if wanted and f"{case.tool}/{case.name}" not in wanted:
            continue
        started = time.monotonic()
        try:
            record(case, lab, python)
        except subprocess.CalledProcessError as error:
            print(f"{case.tool}/{case.name}: skipped: {error}", flush=True)
            continue
        print(f"{case.tool}/{case.name}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
