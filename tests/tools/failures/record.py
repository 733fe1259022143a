"""Makes the tools fail for real and records what they said; see README.md.

    python -m tests.tools.failures.record LAB [NAME ...]

Run it from the repository's root with the interpreter that holds ms-swift and EvalScope. LAB is an absolute scratch
directory. Cases that mount a small disk need root on Linux.
"""

import http.server
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.corpus.record import TINY, fill, scrub
from tests.tools.failures.cases import CASES
from tests.tools.failures.cases.case import Case
from tests.tools.failures.cases.lab import make_data

HERE = Path(__file__).parent
LONG_LINE = 1000
ENVIRONMENT = {"USE_HF": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


@contextmanager
def answering(how: int | str) -> Iterator[int]:
    """A server on loopback that answers everything with a status, or `reset`s, or `hang`s, or talks `html`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            if how == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
            super().handle_one_request()

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if how == "hang":
                time.sleep(60)
            data = b"<html>nothing here</html>" if how == "html" else b'{"error": {"message": "boom", "type": "x"}}'
            self.send_response(how if isinstance(how, int) else 200)
            self.send_header("Content-Type", "text/html" if how == "html" else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def do_POST(self) -> None:
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


@contextmanager
def small_disk(folder: Path, how: str) -> Iterator[None]:
    """A disk of that size, or one that is `ro`, at a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    if how:
        subprocess.run(["mount", "-t", "tmpfs", "-o", how, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        if how:
            subprocess.run(["umount", folder], check=True)


def stopped(case: Case, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Sends the case's signal, once `when` stands in the log, to the program or to one of its workers."""
    while case.stop and process.poll() is None:
        if re.search(case.when, log.read_text(errors="replace")):
            children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
            workers = sorted(int(word) for word in children.stdout.split())
            os.kill(workers[-1] if case.worker else process.pid, case.stop)
            return
        time.sleep(0.05)


def run(case: Case, lab: Path, port: int) -> tuple[int, str]:
    """The case's exit code and its output, both streams in one as swiftci takes them."""
    out, log = lab / "out", lab / "log"
    values = {"{lab}": str(lab), "{out}": str(out), "{port}": str(port), "{python}": sys.executable}
    argv = [fill(part, values) for part in ("{python}", *case.argv)]
    if case.address_space:
        argv = ["prlimit", f"--as={case.address_space}", *argv]
    env = os.environ | ENVIRONMENT | {key: fill(value, values) for key, value in case.env.items()}
    with small_disk(out, case.disk), log.open("wb") as stream:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, env=env, cwd=lab
        )
        stopped(case, process, log)
        try:
            returncode = process.wait(timeout=300)
        except subprocess.TimeoutExpired:
            process.terminate()
            returncode = process.wait()
            print(f"{case.name}: did not end by itself", flush=True)
    return returncode, log.read_bytes().decode(errors="replace")


def last(text: str, lines: int) -> str:
    """The last lines, of which a progress bar's overwritten parts are gone, as swiftci's own log has them."""
    kept = [line.rstrip("\r").rsplit("\r", 1)[-1][:LONG_LINE] for line in text.split("\n")]
    return "\n".join([line for line in kept if line.strip()][-lines:]) + "\n"


def record(case: Case, lab: Path) -> int:
    """Runs a case and writes its file; message and hint are filled in by `pytest --accept`."""
    if case.serve is None:
        returncode, text = run(case, lab, 9)
    else:
        with answering(case.serve) as port:
            returncode, text = run(case, lab, port)
    head = f"source: recorded: {case.note}\nexit: {returncode}\nclass: {case.kind}\nretry: {case.retry}\n"
    text = scrub(last(text, case.lines), lab, sys.executable)
    target = HERE / case.name.partition("/")[0] / (case.name.partition("/")[2] + ".txt")
    target.parent.mkdir(exist_ok=True)
    target.write_text(head + "message:\nhint:\n\n" + text, encoding="utf-8")
    return returncode


def main() -> None:
    """Records the cases that were named, or all."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, wanted = Path(sys.argv[1]), sys.argv[2:]
    if not (lab / "tiny").is_dir():
        subprocess.run([sys.executable, str(TINY), str(lab / "tiny")], check=True)
    make_data(lab)
    for case in CASES:
        if not wanted or case.name in wanted:
            started = time.monotonic()
            code = record(case, lab)
            print(f"{case.name}: exit {code} after {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
