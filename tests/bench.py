"""Prints what swiftci costs; `make bench`. `bench.py configs` needs no tools: what 1,000 configs and a long log cost.

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
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from swiftci.config.load import load_config, load_project  # noqa: E402
from swiftci.tools import evalscope, swift  # noqa: E402
from tests import bench_report  # noqa: E402
from tests.e2e.conftest import CONFIG, PROJECT, SWIFTCI, TOOLS  # noqa: E402


def seconds(argv: list[str | Path], cwd: Path, repeats: int) -> float:
    """The median wall time of a command."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(argv, cwd=cwd, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took."""

    seconds: float
    megabytes: float


def cost(argv: list[str | Path], cwd: Path) -> Cost:
    """A command's wall time and peak memory."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    return Cost(seconds=took, megabytes=usage.ru_maxrss / 1024)


def best(found: list[Cost]) -> Cost:
    """The least time, which other work on the machine lengthens least, and the most memory."""
    return Cost(seconds=min(one.seconds for one in found), megabytes=max(one.megabytes for one in found))


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
        swift.argv(python, config.train, arguments),
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


def write_configs(folder: Path, count: int) -> Path:
    """A repository of distinct configs, each like the one in examples/pull-request."""
    example = ROOT / "examples/pull-request"
    (folder / "configs").mkdir(parents=True)
    for name in ("swiftci.yaml", "swiftci.lock"):
        shutil.copy(example / name, folder / name)
    text = (example / "configs/qwen3-4b-zh.yaml").read_text()
    for number in range(count):
        own = text.replace("qwen3-4b-zh", f"qwen3-4b-zh-{number:04}")
        own = own.replace("lora_rank: 8", f"lora_rank: {8 + number % 57}")
        own = own.replace("learning_rate: 1e-4", f"learning_rate: {1 + number % 9}e-{4 + number % 3}")
        own = own.replace("save_steps: 50", f"save_steps: {50 + number}" + f" # run {number}" * (number % 3 == 0))
        (folder / f"configs/qwen3-4b-zh-{number:04}.yaml").write_text(own)
    return folder


def configs() -> None:
    """What check and generate cost for 1,000 configs, and for 250 to see that the cost is linear."""
    folder = Path(tempfile.mkdtemp())
    found: dict[tuple[str, int], list[Cost]] = {}
    for count in (250, 1000):
        write_configs(folder / str(count), count)
    for _ in range(5):  # in turns, so that a busy minute falls on all
        for count in (250, 1000):
            repository = folder / str(count)
            shutil.rmtree(repository / ".github", ignore_errors=True)
            for command in ("check", "generate"):
                found.setdefault((command, count), []).append(cost([SWIFTCI, command], repository))
    check, generate = best(found["check", 1000]), best(found["generate", 1000])
    fewer = best(found["check", 250]).seconds + best(found["generate", 250]).seconds
    both, peak = check.seconds + generate.seconds, max(check.megabytes, generate.megabytes)
    line("swiftci check, 1,000 configs, seconds", f"{check.seconds:.2f}", "3", good=check.seconds <= 3)
    done = generate.seconds
    line("swiftci generate, which checks first, 1,000 configs, seconds", f"{done:.2f}", "3", good=done <= 3)
    print(f"     one command after the other: {both:.2f} s")
    line("both together, 1,000 configs / 250", f"{both / fewer:.2f}", "4.4", good=both / fewer <= 4.4)
    line("peak memory of either, 1,000 configs, MB", f"{peak:.0f}", "150", good=peak <= 150)
    workflows = sorted((folder / "1000/.github/workflows").glob("*.yml"))
    linter: list[str | Path] = [ROOT / ".venv/bin/actionlint", "-config-file", ROOT / "tests/actionlint.yaml"]
    lint = best([cost([*linter, *workflows], folder) for _ in range(3)]).seconds
    print(
        f"     and both together / actionlint, a Go program on all cores, over the 1,000 workflows: {both / lint:.1f}"
    )
    shutil.rmtree(folder)


def reports() -> None:
    """What the report of a training of 100,000 logged steps costs, from the start of the process."""
    folder = bench_report.prepared()
    found = best([cost([sys.executable, ROOT / "tests/bench_report.py", folder], ROOT) for _ in range(3)])
    line("a report of 100,000 logged steps, seconds", f"{found.seconds:.2f}", "3", good=found.seconds <= 3)
    line("its peak memory, MB", f"{found.megabytes:.0f}", "300", good=found.megabytes <= 300)
    shutil.rmtree(folder.parent)


def again(folder: Path) -> None:
    """What an unchanged config costs, whose results the store has."""
    unchanged = seconds([SWIFTCI, "run", "configs/tiny.yaml"], folder, 5)
    line("swiftci run, nothing changed, seconds", f"{unchanged:.2f}", "2", good=unchanged <= 2)
    gates = [f"gate=[{{metric: general_qa.rouge-l-recall, at_least: 0.{number}}}]" for number in range(1, 6)]
    took = [timed_run(folder, "--set", gate) for gate in gates]
    gate = statistics.median(took)
    line("swiftci run, another rule, seconds", f"{gate:.2f}", "3", good=gate <= 3)
    runner = 0.0
    for stage in ("download", "evaluate --subject base", "train", "evaluate", "cleanup"):
        argv = [SWIFTCI, "stage", *stage.split(), "--config", "configs/tiny.yaml", "--run-dir", folder / "runner"]
        runner += seconds(argv, folder, 1)
    line("a GPU job's stages where the store has it all, seconds", f"{runner:.2f}", "10", good=runner <= 10)


def timed_run(folder: Path, *arguments: str) -> float:
    return seconds([SWIFTCI, "run", "configs/tiny.yaml", *arguments], folder, 1)


def training() -> None:
    """What swiftci adds to a training with the real tools."""
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
    rest = seconds([SWIFTCI, "run", "configs/tiny.yaml"], folder, 1)
    print(f"     and then to judge, report and clean up: {rest:.1f} s, however long the training took")
    again(folder)
    shutil.rmtree(folder / ".swiftci")
    peak = peak_megabytes([SWIFTCI, "run", "configs/tiny.yaml", "--until", "train"], folder)
    line("peak memory of swiftci while it drives a training, MB", f"{peak:.0f}", "120", good=peak <= 120)
    shutil.rmtree(folder)


if __name__ == "__main__":
    configs()
    reports()
    if sys.argv[1:] != ["configs"]:
        training()
