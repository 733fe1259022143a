"""What the tests of `swiftci store` share: a store to fill."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import Record, StageRecord

PROJECT = "actions: swiftci/swiftci@v1\n"
A, B, F = "a" * 64, "b" * 64, "f" * 64
START = 1_794_744_000.0


class Store:
    """A store to fill."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self.work = root.parent / "work"

    def run(self, run: str, *, name: str = "tiny", started: float = START, train: str = A, **more: Any) -> None:
        """Keeps a record, with its small files."""
        shutil.rmtree(self.work, ignore_errors=True)
        outputs = {"checkpoint": "train/checkpoint-10", "steps": 10, "loss": 0.5}
        stage = StageRecord(
            state="succeeded", digest=train, execution="x", started=started, seconds=90, outputs=outputs
        )
        one = Record(
            name=name, fingerprint=F, resolved=resolved(name), started=started, run=run, stages={"train": stage}
        )
        one.verdict, one.gpu_seconds, one.ref, one.commit = "pass", 5400.0, "refs/heads/main", "0123456789abcdef"
        records.write(self.work, one)
        (self.work / "run.json").write_text(json.dumps(asdict(one) | more))
        write(self.work, "verdict.json", {"reasons": [{"verdict": "pass", "text": "it is good enough"}]})
        write(self.work, "metrics.json", {"metrics": [metric("qa.f1", 0.25), metric("qa.em", 0.75)]})
        self.folder.put(name, f"{F[:16]}-{run}", self.work, records.SMALL)

    def result(self, digest: str, *, kept: float = START) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
        (self.work / "train/checkpoint-10").mkdir(parents=True)
        (self.work / "train/checkpoint-10/weights").write_bytes(b"w" * 1_500_000)
        entry = {"digest": digest, "stage": "train", "name": "tiny", "kept": kept}
        self.folder.keep(digest, entry, self.work, ["train"])


def resolved(name: str) -> dict[str, Any]:
    config = {
        "name": name,
        "train": {"args": {"model": "Qwen/Qwen3-8B", "max_steps": "10"}, "env": {}},
        "evaluate": None,
    }
    return {"config": config | {"gate": {"rules": [{"metric": "qa.em"}]}}, "path": "configs/tiny.yaml", "project": {}}


def metric(key: str, value: object) -> dict[str, Any]:
    dataset, _, name = key.partition(".")
    return {"subject": "candidate", "dataset": dataset, "subset": None, "metric": name, "value": value, "items": 4}


def write(folder: Path, name: str, data: object) -> None:
    (folder / name).write_text(json.dumps(data))
