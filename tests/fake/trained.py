"""A run directory as a training leaves it, without a training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swiftci.store import record
from swiftci.store.digest import listing
from swiftci.store.record import Record, StageRecord

PROJECT = {"version": 1, "actions": "swiftci/swiftci@v1", "hub": "huggingface"}


def tensors(*sizes: int) -> bytes:
    """A whole .safetensors file with one tensor of bytes for each size."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for number, size in enumerate(sizes):
        header[f"t{number}"] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


ADAPTER = {
    "adapter_config.json": b'{"base_model_name_or_path": "model"}',
    "adapter_model.safetensors": tensors(1000, 24),
    "args.json": b"{}",
    "README.md": b"---\nbase_model: /data/model\n---\n",
    "optimizer.pt": b"o" * 5000,
    "scheduler.pt": b"s",
    "rng_state.pth": b"r",
    "rng_state_3.pth": b"r",
    "trainer_state.json": b"{}",
    "training_args.bin": b"pickle",
    "global_step4/mp_rank_00_model_states.pt": b"d",
}
MODEL = {
    **{name: data for name, data in ADAPTER.items() if not name.startswith("adapter")},
    "config.json": b"{}",
    "model.safetensors": tensors(2000),
}


def project(root: Path, **more: object) -> None:
    (root / "swiftci.yaml").write_text(json.dumps(PROJECT | more))


def run(
    folder: Path,
    name: str = "tiny",
    files: Mapping[str, bytes] = ADAPTER,
    *,
    state: str = "succeeded",
    verdict: str | None = "pass",
    started: float = 1.0,
) -> Path:
    """A run directory with a checkpoint of these files; returns the checkpoint."""
    checkpoint = folder / "train/checkpoint-4"
    for path, data in files.items():
        (checkpoint / path).parent.mkdir(parents=True, exist_ok=True)
        (checkpoint / path).write_bytes(data)
    train = StageRecord(
        state=state,
        digest="d",
        execution="e",
        started=started,
        outputs={"checkpoint": "train/checkpoint-4", "steps": 4},
        inventory={"checkpoint": listing(checkpoint)},
        error="" if state == "succeeded" else "memory ran out",
    )
    section = {"method": "sft", "gpus": 0, "args": {"model": "team/base", "dataset": "data.jsonl"}, "env": {}}
    found = Record(
        name=name,
        fingerprint="f" * 64,
        resolved={"config": {"name": name, "train": section}},
        started=started,
        commit="c" * 40,
        stages={"train": train},
    )
    record.write(folder, found)
    if verdict:
        (folder / "verdict.json").write_text(json.dumps({"verdict": verdict, "reasons": [], "exit": 0}))
    return checkpoint
