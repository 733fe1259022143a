"""Stands in for the Python that holds ms-swift and EvalScope: replays a recording of tests/corpus.

Which one, and what else goes on, is said by environment variables, all of which swiftci hands on:

FAKE_SWIFT, FAKE_BASE, FAKE_CANDIDATE   the recording to replay for a training, and for each evaluation
FAKE_VERSIONS   JSON of package to version, instead of those that were recorded
FAKE_CALLS      a file that gets one line of JSON a call: arguments, and the names and values of the environment
FAKE_HANG       `train`, `evaluate-base` or `evaluate`: that call replays the recording `sigterm`, and then waits
FAKE_DEAF       with FAKE_HANG: SIGTERM and SIGINT are ignored
FAKE_CHILD      with FAKE_HANG: a file that gets the number of a child process, which waits, too
FAKE_PRINT      text that a training and an evaluation print
FAKE_SERVER     `fails` before it answers, or `dies` a second later
FAKE_SAVED      a step: a training that hangs has saved a checkpoint of it that can be gone on with
FAKE_FAILS      a file with a number: so many trainings still end as when no hub is reached
FAKE_PART       leave this file of the recording out
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

CORPUS = Path(__file__).parents[1] / "corpus"
VERSIONS = {
    "python": "3.11.9",
    "ms_swift": "4.6.0",
    "evalscope": "1.14.1",
    "torch": "2.13.0",
    "transformers": "5.19.0",
    "peft": "0.20.0",
    "trl": "0.29.0",
    "datasets": "4.8.4",
}


def main(argv: list[str]) -> None:
    match argv:
        case ["-c", _, *names]:
            probe(names)
        case ["-m", "swift.cli.sft", *flags]:
            note("train", flags)
            fails()
            saved(Path(value(flags, "--output_dir")))
            replay("train", "swift", os.environ.get("FAKE_SWIFT", "ok-lora"), Path(value(flags, "--output_dir")))
        case ["-m", "torch.distributed.run", *launcher] if "-m" in launcher:
            place = launcher.index("-m")
            note("torchrun", launcher[:place])
            main(launcher[place:])
        case ["-m", "swift.cli.rlhf", *flags]:
            main(["-m", "swift.cli.sft", *flags])
        case ["-m", "swift.cli.rollout" | "swift.cli.deploy" as module, *flags]:
            note(module.rpartition(".")[2], flags)
            serve(value(flags, "--host"), int(value(flags, "--port")))
        case ["-m", "evalscope.cli.cli", "eval", *flags]:
            subject = value(flags, "--model-id")
            call = "evaluate" if subject == "candidate" else f"evaluate-{subject}"
            note(call, flags)
            default = "ok-qa" if subject == "candidate" else "ok-qa-half"
            case = os.environ.get(f"FAKE_{subject.upper()}", default)
            replay(call, "evalscope", case, Path(value(flags, "--work-dir")), subject)
        case _:
            sys.exit(f"the fake tool was called with {argv}")


def probe(names: list[str]) -> None:
    known = json.loads(os.environ.get("FAKE_VERSIONS", "null")) or VERSIONS
    print(json.dumps({name: version for name, version in known.items() if name in ("python", *names)}))


def value(flags: list[str], name: str) -> str:
    return flags[flags.index(name) + 1]


def note(call: str, flags: list[str]) -> None:
    if "FAKE_CALLS" in os.environ:
        row = {"call": call, "argv": flags, "environ": dict(os.environ), "cwd": str(Path.cwd()), "pid": os.getpid()}
        with Path(os.environ["FAKE_CALLS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def replay(call: str, tool: str, name: str, out: Path, subject: str = "candidate") -> None:
    """Leaves and prints what the recorded run did, and ends as it did."""
    hanging = os.environ.get("FAKE_HANG") == call
    case = CORPUS / tool / ("sigterm" if hanging else name)
    copy(case, out, {f"/lab/out/{tool}/{case.name}": str(out), "candidate": subject})
    print(os.environ.get("FAKE_PRINT", ""), flush=True)
    for stream, texts in (
        (sys.stdout, ("stdout_tail.txt",)),
        (sys.stderr, ("stderr_warnings.txt", "stderr_tail.txt")),
    ):
        for text in texts:
            stream.buffer.write((case / text).read_bytes())
        stream.flush()
    print(os.environ.get("FAKE_PRINT", ""), file=sys.stderr, flush=True)
    if hanging:
        hang()
    code = int((case / "returncode").read_text())
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


def copy(case: Path, out: Path, words: dict[str, str]) -> None:
    """The recorded output, with paths and names of this run."""
    for source in sorted((case / "out").rglob("*")):
        path = source.relative_to(case / "out")
        if source.is_dir() and not source.is_symlink():
            continue
        if str(path) == os.environ.get("FAKE_PART"):
            continue
        target = out / str(path).replace("candidate", words["candidate"])
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
            continue
        text = source.read_text(encoding="utf-8")
        for old, new in words.items():
            text = text.replace(old, json.dumps(new, ensure_ascii=False)[1:-1])
        with target.open("a", encoding="utf-8", newline="") as file:  # both tools add to what they find
            file.write(text)


def fails() -> None:
    """Ends as ms-swift does without a network, as often as the file says."""
    path = Path(os.environ.get("FAKE_FAILS", "/nowhere"))
    if path.exists() and (left := int(path.read_text())):
        path.write_text(str(left - 1))
        sys.exit("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='hub'): Max retries exceeded")


def saved(out: Path) -> None:
    """A whole checkpoint, as far as it is looked at."""
    step = os.environ.get("FAKE_SAVED")
    if step:
        folder = out / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        header = b'{"w": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}'
        (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        for name in ("optimizer.pt", "scheduler.pt"):
            (folder / name).write_bytes(b"state")
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": int(step), "max_steps": 10}))


def serve(host: str, port: int) -> None:
    """Answers /health on the next port, as ms-swift does where the asked one is taken; ends as FAKE_SERVER says."""
    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

    how = os.environ.get("FAKE_SERVER", "")
    if how == "fails":
        sys.exit("ValueError: model_type: 'qwen99' not in ['qwen3']")
    server = None
    while server is None:  # the next free one, like `swift`: never the one that was asked for
        port += 1
        with contextlib.suppress(OSError):
            server = http.server.ThreadingHTTPServer((host, port), Handler)
    print(f"INFO:     Uvicorn running on http://{host}:{port} (Press CTRL+C to quit)", flush=True)
    if how == "dies":
        threading.Timer(1.5, os._exit, [3]).start()
    server.serve_forever()


def hang() -> None:
    if "FAKE_DEAF" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if "FAKE_CHILD" in os.environ:
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"])
        Path(os.environ["FAKE_CHILD"]).write_text(str(child.pid))
    print("hanging", flush=True)
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1:])
