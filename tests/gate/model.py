"""A real model in a repository of its own, scored by the real EvalScope and judged, all by swiftci's commands."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swiftci.evidence import metric, verdict
from swiftci.evidence.verdict import Reason

SWIFTCI = Path(sys.executable).with_name("swiftci")
METRIC = "general_qa.rouge-l-recall"
NOISE = """
import sys, torch
from safetensors.torch import load_file, save_file
torch.manual_seed(0)
path, amount = sys.argv[1], float(sys.argv[2])
noisy = {name: one + amount * one.std() * torch.randn_like(one) for name, one in load_file(path).items()}
save_file(noisy, path, metadata={"format": "pt"})
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison and what the gate said of it, from the run directory's items and verdict.json."""

    case: str
    wanted: str
    reason: Reason
    discordant: float | None
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the gate said what it should; `not fail` is a demand, too."""
        found = self.reason.verdict
        return found in ("pass", "inconclusive") if self.wanted == "not fail" else found == self.wanted

    def __str__(self) -> str:
        one, interval = self.reason, "–"
        if one.difference is not None and one.floor is not None and one.ceiling is not None:
            interval = f"{100 * one.difference:+.1f} ({100 * one.floor:+.1f} to {100 * one.ceiling:+.1f}) points"
        differ = f"{100 * self.discordant:.1f} %" if self.discordant is not None else "–"
        more = f", {one.needed:,} items would decide" if one.needed else f": {one.text}" if one.value is None else ""
        said = one.verdict + more + ("" if self.good else f" (SHOULD BE {self.wanted})")
        return f"| {self.case} | {one.items or '–'} | {differ} | {interval} | {said} | {self.seconds:.0f} |"


HEAD = (
    "| case | items | discordant | difference (each bound 95 % sure) | verdict | seconds |\n|---|---|---|---|---|---|"
)


@dataclass(kw_only=True)
class Model:
    """The repository at `root`. `sets` override the config in every command; each command is shown as it is called."""

    root: Path
    config: str
    python: Path
    sets: dict[str, Any] = field(default_factory=dict)
    spent: float = 0.0

    def call(self, stage: str, folder: str, *arguments: str, codes: tuple[int, ...] = (0,), **sets: Any) -> None:
        """`swiftci stage`; `sets` are config keys in which `__` stands for a dot."""
        told = self.sets | {name.replace("__", "."): value for name, value in sets.items()}
        argv = ["stage", stage, "--config", self.config, "--run-dir", folder, *arguments]
        argv += [word for name, value in told.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        print("$ swiftci " + " ".join(f"'{word}'" if {" ", "{"} & {*word} else word for word in argv), flush=True)
        started = time.monotonic()
        environ = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run([SWIFTCI, *argv], cwd=self.root, env=environ, capture_output=True, text=True)
        self.spent += time.monotonic() - started
        assert done.returncode in codes, done.stdout + done.stderr

    def evaluate(self, folder: str, checkpoint: str, *arguments: str, **sets: Any) -> None:
        self.call("evaluate", folder, "--checkpoint", checkpoint, *arguments, **sets)

    def judge(self, folder: str, case: str, wanted: str, **rule: Any) -> Row:
        """Calls the gate with one rule, against what is in the run directory."""
        self.call("gate", folder, codes=(0, 3, 4), gate=[{"metric": METRIC, **rule}])
        found = verdict.read(self.root / folder)
        assert found is not None
        against = rule.get("against", "baseline")
        row = Row(
            case=case,
            wanted=wanted,
            reason=found.reasons[0],
            discordant=discordant(self.scores(folder, against), self.scores(folder, "candidate")),
            seconds=self.spent,
        )
        self.spent = 0.0
        print(f"{row}\n", flush=True)
        return row

    def scores(self, folder: str, subject: str) -> dict[str, float]:
        """By question."""
        name = METRIC.partition(".")[2]
        return {item.index: item.scores[name] for item in metric.read_items(self.root / folder, subject)}

    def damaged(self, checkpoint: str, amount: float) -> str:
        """A copy with noise in its weights, of so many times their spread."""
        name = f"{checkpoint}-damaged"
        shutil.copytree(self.root / checkpoint, self.root / name)
        (weights,) = (self.root / name).glob("*model.safetensors")
        subprocess.run([self.python, "-c", NOISE, weights, str(amount)], check=True)
        return name

    def truncated(self, folder: str, *, at_line: bool) -> str:
        """A copy of what EvalScope left in a run directory, with half of its reviews: in lines, or in bytes."""
        name = f"{folder}-{'lines' if at_line else 'bytes'}-lost"
        shutil.copytree(self.root / folder / "eval/candidate", self.root / name)
        (reviews,) = (self.root / name / "reviews/candidate").glob("*.jsonl")
        whole = reviews.read_bytes()
        lines = whole.splitlines(keepends=True)
        reviews.write_bytes(b"".join(lines[: len(lines) // 2]) if at_line else whole[: len(whole) // 2])
        return name


def discordant(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """The share of questions of which one answer is better than the other; None where there are none."""
    shared = before.keys() & after.keys()
    return sum(before[key] != after[key] for key in shared) / len(shared) if shared else None
