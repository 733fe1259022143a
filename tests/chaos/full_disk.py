"""A disk that fills up while a training saves: a tmpfs of the lab's own, made larger afterwards."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos import checks, lab
from tests.chaos.lab import Lab

LARGE = "1g"
CASES = (("full disk", 1.5, 0.0), ("disk nearly full, limits.free_disk_gb", 3.4, 1.7))
SLOWLY = {"within": "swift", "event": "open", "path": r"/logging\.jsonl$", "sleep": 4}
"""The disk is looked at every ten seconds."""
"""Name, the disk's size and the limit, in checkpoints: the second does not fit; the third would pass the limit."""


def full_disk(
    folder: Path, model: Path, kind: str, reference: checks.Outcome, size: int
) -> Iterator[tuple[str, list[str], float]]:
    """Each case with what is wrong and its seconds; `size` is a checkpoint's. Mounting needs root."""
    for number, (name, room, least) in enumerate(CASES):
        started = time.monotonic()
        one = lab.make(folder / f"disk-{number}", model, kind, free=round(least * size / 1e9, 4))
        one.store.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={int(room * size) + (2 << 20)}", "tmpfs", one.store],
            capture_output=True,
        )
        if mounted.returncode:
            yield f"{name}: skipped, mount: {mounted.stderr.decode().strip()}", [], 0.0
            continue
        try:
            faults = list(_filled(one, reference, watched=bool(least)))
        finally:
            for pid in checks.alive(one.root):
                os.kill(pid, signal.SIGKILL)
            subprocess.run(["umount", "-l", one.store], check=True)
        yield name, faults, time.monotonic() - started


def _filled(one: Lab, reference: checks.Outcome, *, watched: bool) -> Iterator[str]:
    out = one.root / "out.txt"
    code = one.start(out, **({"CHAOS": json.dumps(SLOWLY)} if watched else {})).wait(timeout=600)
    said = out.read_text(errors="replace")
    if code == 0:
        yield "the disk was not full"
    if "[disk]" not in said:
        yield f"it ended with {code} and no error of class disk: {said.strip()[-300:]}"
    if checks.crashed(said):
        yield "it ended with a traceback"
    if checks.gone(one.root) is None:
        yield "processes outlived it by 15 s"
    saved = checks.saved(one.folder)
    if not saved:
        yield "no checkpoint is left"
    if watched and "of the disk are free, so the training was stopped" not in said:
        yield f"it was not stopped before the disk was full; step {saved} is saved"
    entry = checks.data(one.folder / "run.json")["stages"].get("train", {})
    if (entry.get("state"), entry.get("kind")) != ("failed", "disk"):
        yield f"the journal says {entry}"
    if not (one.folder / "report.html").is_file():
        yield "there is no report"
    yield from checks.store_faults(one.store)
    subprocess.run(["mount", "-o", f"remount,size={LARGE}", one.store], check=True)
    offset = out.stat().st_size
    code = one.start(out).wait(timeout=600)
    said = out.read_bytes()[offset:].decode(errors="replace")
    if code != 0:
        yield f"with room again it ended with {code}: {said.strip()[-300:]}"
        return
    if saved and f"going on from step {saved} " not in said:
        yield f"with room again it did not go on from step {saved}"
    yield from checks.differences(reference, checks.outcome(one))
    yield from checks.store_faults(one.store)
    yield from checks.leftovers(one)
