"""Kills swiftci again and again, starts it again each time, and compares its end with an uninterrupted run's.

    python -m tests.chaos.chaos [--model tiny|smollm2] [--seed N] [--keep] [RUN ...]

Ends with 1 where anything was lost, paid twice or left behind. See README.md.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import checks, lab
from tests.chaos.full_disk import full_disk
from tests.chaos.lab import Lab
from tests.chaos.points import PUT_ASIDE, RUNS, Kill
from tests.chaos.table import End, Hit, table

LONGEST_SECONDS = 420.0
"""How long a fault point, or a run's end, may be waited for."""
_GOING_ON = re.compile(r"^train: going on from step (\d+)", re.MULTILINE)


@dataclass
class Chaos:
    """One run on its way: what it had, so that the next try can be held against it."""

    name: str
    lab: Lab
    random: random.Random
    hits: list[Hit] = field(default_factory=list)
    log: bytes = b""
    trained: int = 0
    tries: int = 0

    @property
    def out(self) -> Path:
        return self.lab.root / "out.txt"

    def kill(self, kill: Kill) -> Hit:
        """Starts swiftci, kills it as told, and looks at what is left."""
        hit = Hit(run=self.name, kill=kill)
        self.hits.append(hit)
        before, offset = self.had(), self.out.stat().st_size if self.out.exists() else 0
        fired = self.lab.root / f"fired-{len(self.hits)}"
        point = kill.faulted()
        more = {"CHAOS": json.dumps(point | {"fired": str(fired)})} if point else {}
        process = self.lab.start(self.out, **more)
        started = time.time()
        reached = self._reached(process, kill, fired, started, before.saved)
        if not reached:
            hit.faults.append(f"ended with {process.poll()} before it was reached")
        elif not point or kill.signal != kill.first:
            _send(process, kill, first=point is None)
        self._end(process, hit)
        hit.done = checks.last_step(self.lab.folder)
        hit.saved = checks.saved(self.lab.folder)
        self._look(before, offset, hit)
        return hit

    def _reached(self, process: "subprocess.Popen[bytes]", kill: Kill, fired: Path, started: float, saved: int) -> bool:
        until = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < until:
            if fired.exists() if kill.point else self._came(kill.after, started, saved):
                time.sleep(0 if kill.point else self.random.uniform(0, kill.spread))
                return True
            if process.poll() is not None:
                return bool(kill.point) and fired.exists()
            time.sleep(0.02)
        return False

    def _came(self, after: str, started: float, saved: int) -> bool:
        """Whether this try came so far: the files are of now, and hold more than what the last one left."""
        unit, _, number = after.partition(" ")
        if unit == "step":
            files, done = [self.lab.folder / "train/logging.jsonl"], checks.last_step(self.lab.folder)
            least = max(int(number), saved + 1)
        else:
            files = [*(self.lab.folder / "eval/candidate/predictions").glob("**/*.jsonl")]
            done, least = checks.answered(self.lab.folder, "candidate"), int(number)
        return done >= least and any(path.stat().st_mtime > started for path in files if path.exists())

    def _end(self, process: "subprocess.Popen[bytes]", hit: Hit) -> None:
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            hit.faults.append("swiftci did not end within 120 s")
            process.kill()
            process.wait()
        gone = checks.gone(self.lab.root)
        hit.gone = gone if gone is not None else 15.0
        if gone is None:
            hit.faults.append(f"processes {checks.alive(self.lab.root)} outlived it by 15 s")
            for pid in checks.alive(self.lab.root):
                os.kill(pid, signal.SIGKILL)

    def had(self) -> "Had":
        try:
            succeeded = checks.succeeded(self.lab.folder)
        except (ValueError, KeyError):
            succeeded = {}
        answered = {name: checks.answered(self.lab.folder, name) for name in ("base", "candidate")}
        return Had(succeeded=succeeded, saved=checks.saved(self.lab.folder), answered=answered)

    def _look(self, before: "Had", offset: int, hit: Hit) -> None:
        """Nothing is damaged, and nothing that was there before this try was done again."""
        self.tries += 1
        said = self.out.read_bytes()[offset:].decode(errors="replace")
        steps, self.log = checks.steps_logged(self.lab.folder / "logs/train.log", self.log)
        self.trained += len(steps)
        try:
            now = checks.succeeded(self.lab.folder)
        except (ValueError, KeyError) as error:
            hit.faults.append(f"run.json is damaged: {error}")
            return
        hit.faults += [f"{call} was done again" for call, one in before.succeeded.items() if now.get(call) != one]
        hit.faults += checks.store_faults(self.lab.store)
        going = _GOING_ON.search(said)
        if going and int(going[1]) < before.saved:
            hit.faults.append(f"went on from step {going[1]}, though {before.saved} was saved")
        if steps and before.saved and (not going or min(steps) <= before.saved):
            hit.faults.append(f"trained step {min(steps)} again, though {before.saved} was saved")
        for call, subject in (("evaluate-base", "base"), ("evaluate", "candidate")):
            shown = re.search(rf"^{call}: (\d+) items? answered", said, re.MULTILINE)
            if shown and int(shown[1]) < before.answered[subject]:
                hit.faults.append(f"{call} began at answer {shown[1]}, though {before.answered[subject]} were there")
        if checks.crashed(said):
            hit.faults.append("it ended with a traceback")

    def finish(self, reference: checks.Outcome | None) -> list[str]:
        """Lets it come to its end; what is wrong with that."""
        before, offset = self.had(), self.out.stat().st_size if self.out.exists() else 0
        last = Hit(run=self.name, kill=Kill(phase="", what="to the end"))
        process = self.lab.start(self.out)
        try:
            code = process.wait(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        self._end(process, last)
        self._look(before, offset, last)
        if code != 0:
            return [*last.faults, f"it ended with {code}"]
        found = checks.outcome(self.lab)
        if reference:
            last.faults += checks.differences(reference, found)
        if missing := [call for call in checks.succeeded(self.lab.folder) if not self._stored(call)]:
            last.faults.append(f"the store lacks the result of {', '.join(missing)}")
        last.faults += [f"{name} is left" for name in checks.leftovers(self.lab)] + checks.history_faults(
            self.lab.store
        )
        self.kill(PUT_ASIDE)
        return last.faults + self._again() + fsck(self.lab)

    def _stored(self, call: str) -> bool:
        digest = str(checks.data(self.lab.folder / "run.json")["stages"][call]["digest"])
        return (self.lab.store / "results" / digest / "entry.json").is_file()

    def _again(self) -> list[str]:
        """A further run has nothing to do."""
        before = checks.succeeded(self.lab.folder)
        code = self.lab.start(self.out).wait(timeout=LONGEST_SECONDS)
        whole = all((self.lab.folder / name).is_file() for name in ("report.html", "report.md", "verdict.json"))
        found = [] if code == 0 and whole else [f"a further run ended with {code}, its report is {whole and 'there'}"]
        return found + (["a further run did work again"] if checks.succeeded(self.lab.folder) != before else [])


@dataclass(frozen=True, kw_only=True)
class Had:
    """What a run had before a try."""

    succeeded: dict[str, str]
    saved: int
    answered: dict[str, int]


def _send(process: "subprocess.Popen[bytes]", kill: Kill, *, first: bool) -> None:
    """The signals; at a fault point the first one was sent already."""
    numbers = {"both": ["TERM", "KILL"], "runner": ["INT", "TERM", "KILL"]}.get(kill.signal, [kill.signal])
    target = _child(process.pid) if kill.tool else process.pid
    for place, number in enumerate(numbers):
        if place:
            time.sleep(kill.gap)
        if (place or first) and process.poll() is None:
            os.kill(target, signal.Signals[f"SIG{number}"])


def _child(pid: int) -> int:
    """The tool that swiftci runs; the other child watches, isolated with -I."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == pid and b"-I" not in words:
            return int(path.name)
    return pid


def fsck(where: Lab) -> list[str]:
    """`swiftci store fsck`, where there is such a command."""
    argv = where.argv("store", "fsck", "--deep")
    done = subprocess.run(argv, cwd=where.root, env=where.env(), capture_output=True, text=True)
    said = done.stdout + done.stderr
    if "No such command" in said:
        return []
    return [] if done.returncode == 0 else [f"swiftci store fsck: {said.strip()[:300]}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{', '.join(RUNS)}, full disk; all when absent")
    parser.add_argument("--model", choices=sorted(lab.MODELS), default="smollm2")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--keep", action="store_true", help="Leave the folders for a look.")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"chaos on {chosen.model}, seed {chosen.seed}, in {folder}", flush=True)
    started = time.monotonic()
    try:
        hits, ends = _all(folder, chosen.model, chosen.seed, chosen.runs or [*RUNS, "full disk"])
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(table(hits, ends, time.monotonic() - started))
    return int(any(hit.faults for hit in hits) or any(end.faults for end in ends))


def _all(folder: Path, kind: str, seed: int, names: list[str]) -> tuple[list[Hit], list[End]]:
    model = lab.model(kind, folder)
    whole = Chaos("uninterrupted", lab.make(folder / "whole", model, kind, base=True), random.Random(seed))
    ends = [_carried(whole, (), None)]
    if ends[0].faults:
        return [], ends
    reference, hits = checks.outcome(whole.lab), []
    for number, name in enumerate(name for name in names if name in RUNS):
        one = lab.make(folder / f"run-{number}", model, kind, base=any("base" in str(k) for k in RUNS[name]))
        chaos = Chaos(name, one, random.Random(f"{seed} {name}"))
        ends.append(_carried(chaos, RUNS[name], reference))
        hits += chaos.hits
    if "full disk" in names:
        for name, faults, seconds in full_disk(folder, model, kind, reference, _size(whole.lab)):
            print(f"{'✗' if faults else '✓'} {name} ({seconds:.0f} s) {'; '.join(faults)}", flush=True)
            skipped = name.endswith("skipped")
            ends.append(End(run=name, kills=0 if skipped else 1, seconds=seconds, faults=faults))
    return hits, ends


def _size(where: Lab) -> int:
    """A checkpoint's bytes."""
    return sum(path.stat().st_size for path in (where.folder / "train/checkpoint-12").iterdir())


def _carried(chaos: Chaos, kills: tuple[Kill, ...], reference: checks.Outcome | None) -> End:
    started = time.monotonic()
    for kill in kills:
        begun = time.monotonic()
        hit = chaos.kill(kill)
        how = f"{kill.phase}: {kill.what}, {kill.signal}"
        print(
            f"{'✗' if hit.faults else '✓'} {how} ({time.monotonic() - begun:.0f} s) {'; '.join(hit.faults)}", flush=True
        )
    faults = chaos.finish(reference)
    seconds = time.monotonic() - started
    print(f"{'✗' if faults else '✓'} {chaos.name}: to its end ({seconds:.0f} s) {'; '.join(faults)}", flush=True)
    return End(run=chaos.name, kills=len(chaos.hits), trained=chaos.trained, seconds=seconds, faults=faults)


if __name__ == "__main__":
    sys.exit(main())
