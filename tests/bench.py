"""Prints what swiftci costs, as ratios within this one run; `make bench`.

The commands by hand are the very ones that `swiftci run` starts, taken from its plan.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from swiftci.config.load import load_config, load_project  # noqa: E402
from swiftci.tools import evalscope, swift  # noqa: E402
from tests.e2e.conftest import CONFIG, PROJECT, SWIFTCI, TOOLS  # noqa: E402


def seconds(argv: list[str | Path], cwd: Path, repeats: int) -> float:
    """The median wall time of a command."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(argv, cwd=cwd, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def line(what: str, value: str, limit: str, *, good: bool) -> None:
    print(f"{'ok  ' if good else 'MISS'} {what:<62} {value:>10}   (at most {limit})", flush=True)


def by_hand(folder: Path) -> list[list[str]]:
    """The bare commands of the same work."""
    project, loaded = load_project(folder, []), load_config(folder, "configs/tiny.yaml", [])
    assert project and loaded and loaded.config.evaluate
    config = loaded.config
    python, out = str(TOOLS), folder / "hand"
    model = str(folder / "model")
    arguments = swift.arguments(config.train, folder, out / "train")
    tuned = evalscope.subject("candidate", out / "train/checkpoint-100", model)
    return [
        evalscope.argv(python, config.evaluate, evalscope.Subject(id="base", model=model), out / "base", folder),
        swift.argv(python, "sft", arguments),
        evalscope.argv(python, config.evaluate, tuned, out / "candidate", folder),
    ]


def timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_megabytes(argv: list[str | Path], cwd: Path) -> float:
    """The most memory that swiftci's own process held while a training ran below it."""
    process = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL)
    peak = 0.0

    def sample() -> None:
        nonlocal peak
        while process.poll() is None:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            try:
                if b"swift.cli" in b"".join(
                    Path(f"/proc/{child}/cmdline").read_bytes() for child in children.read_text().split()
                ):
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
            except OSError:
                continue
            time.sleep(0.1)

    watcher = threading.Thread(target=sample)
    watcher.start()
    process.wait()
    watcher.join()
    return peak


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    (folder / "configs").mkdir()
    (folder / "swiftci.yaml").write_text(PROJECT.format(tools=TOOLS))
    (folder / "configs/tiny.yaml").write_text(CONFIG)
    subprocess.run([TOOLS, ROOT / "tests/tiny/make_model.py", folder / "model"], check=True, capture_output=True)

    python = seconds([sys.executable, "-c", "pass"], folder, 15)
    version = seconds([SWIFTCI, "--version"], folder, 15)
    line("swiftci --version / python -c pass", f"{version / python:.2f}", "3", good=version / python <= 3)
    check = seconds([SWIFTCI, "check"], folder, 9)
    line("swiftci check, one config, seconds", f"{check:.2f}", "0.3", good=check <= 0.3)

    environment = {**os.environ, "USE_HF": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}

    def hand() -> None:
        shutil.rmtree(folder / "hand", ignore_errors=True)
        for argv in by_hand(folder):
            subprocess.run(argv, cwd=folder, env=environment, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def ours() -> None:
        shutil.rmtree(folder / ".swiftci", ignore_errors=True)
        command = [SWIFTCI, "run", "configs/tiny.yaml", "--until", "evaluate"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    hand()  # once unmeasured: files come into the cache
    pairs = [(timed(hand), timed(ours)) for _ in range(3)]
    ratio = statistics.median(our / bare for bare, our in pairs)
    line("swiftci run / the bare commands by hand, same work", f"{ratio:.3f}", "1.05", good=ratio <= 1.05)
    rest = seconds([SWIFTCI, "run", "configs/tiny.yaml"], folder, 3)
    print(f"     and then to judge, report and clean up: {rest:.1f} s, however long the training took")
    shutil.rmtree(folder / ".swiftci")
    peak = peak_megabytes([SWIFTCI, "run", "configs/tiny.yaml", "--until", "train"], folder)
    line("peak memory of swiftci while it drives a training, MB", f"{peak:.0f}", "120", good=peak <= 120)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
