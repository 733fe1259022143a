"""Gives a program GPUs that nobody else of us uses: what nvidia-smi shows, and a lock file per card."""

import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from swiftci.spec.error import ToolError

BUSY_PERCENT = 10
"""A card with more of its memory in use belongs to somebody."""
_QUERY = "index,uuid,memory.used,memory.total,name"
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A card as nvidia-smi shows it; memory in MiB."""

    index: str
    uuid: str
    used: int
    total: int
    name: str

    @property
    def busy(self) -> bool:
        return self.used * 100 > self.total * BUSY_PERCENT


def cards(environ: Mapping[str, str]) -> list[Gpu] | None:
    """The cards that `CUDA_VISIBLE_DEVICES` leaves to us, all where it is not set; None without nvidia-smi."""
    command = ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=dict(environ))
    except (OSError, subprocess.SubprocessError):
        return None
    found = []
    for line in done.stdout.splitlines():
        parts = [part.strip() for part in line.split(",", 4)]
        if len(parts) == 5 and parts[3].isdigit():
            used = int(parts[2]) if parts[2].isdigit() else 0
            found.append(Gpu(index=parts[0], uuid=parts[1], used=used, total=int(parts[3]), name=parts[4]))
    allowed = environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return found
    names = [name.strip() for name in allowed.split(",")]
    return [one for one in found if one.index in names or any(name and one.uuid.startswith(name) for name in names)]


def enough(count: int, environ: Mapping[str, str]) -> list[Gpu] | None:
    """The cards, at least `count` of them, or None where that cannot be told. Raises ToolError where there are less."""
    if count == 0:
        return []
    found = cards(environ)
    if found is not None and len(found) < count:
        names = ", ".join(sorted({one.name for one in found})) or "none"
        limit = environ.get("CUDA_VISIBLE_DEVICES")
        within = f" within CUDA_VISIBLE_DEVICES={limit}" if limit is not None else ""
        raise ToolError(
            message=f"{count} GPUs are asked for, and this machine shows {len(found)}{within} ({names})",
            kind="user",
            hint="lower train.gpus or a server's gpus, or name another runner in swiftci.yaml",
        )
    return found


@contextmanager
def taken(
    count: int,
    environ: Mapping[str, str],
    folder: Path,
    waiting: Callable[[str], None],
    deadline: float | None = None,
) -> Iterator[tuple[str, ...]]:
    """Holds `count` cards while inside, and gives their indexes; waits for cards that others hold.

    `folder` keeps a lock file per card: by its UUID, so that containers and machines may share it. Without nvidia-smi
    the first cards, or those of `CUDA_VISIBLE_DEVICES`, are given unseen. Raises ToolError where the machine has less,
    or they did not become free until `deadline` (seconds of time.time()).
    """
    known = enough(count, environ)
    if count == 0:
        yield ()
        return
    if known is None:
        named = environ.get("CUDA_VISIBLE_DEVICES")
        names = (
            [str(number) for number in range(count)] if named is None else [n for n in named.split(",") if n.strip()]
        )
        if len(names) < count:
            message = f"{count} GPUs are asked for, and CUDA_VISIBLE_DEVICES={named} shows {len(names)}"
            raise ToolError(message=message, kind="user", hint="lower train.gpus, or show more")
        yield tuple(names[:count])
        return
    with ExitStack() as held:
        told = False
        while True:
            got = _lock(count, known, folder)
            if got:
                for _, file in got:
                    held.enter_context(file)
                break
            if deadline is not None and time.time() > deadline:
                message = f"{count} of this machine's {len(known)} GPUs did not become free in time"
                raise ToolError(message=message, kind="capacity", hint="`nvidia-smi` shows who uses them")
            if not told:
                waiting(f"waiting for {count} of {len(known)} GPUs: others use them")
            told = True
            time.sleep(_LOOK_SECONDS)
            known = cards(environ) or known
        yield tuple(card.index for card, _ in got)


def _lock(count: int, known: list[Gpu], folder: Path) -> list[tuple[Gpu, TextIO]]:
    """The lock files of `count` free cards; none held where there are less."""
    got: list[tuple[Gpu, TextIO]] = []
    for card in known:
        if len(got) == count:
            break
        if card.busy:
            continue
        file = _open(folder, card)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
        else:
            got.append((card, file))
    if len(got) == count:
        return got
    for _, file in got:
        file.close()
    return []


def _open(folder: Path, card: Gpu) -> TextIO:
    """A card's lock file, which every user of the machine may lock."""
    path = folder / f"{card.uuid}.lock"
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o1777)
        if not path.exists():  # asked first: with O_CREAT, Linux opens nobody else's file in such a folder
            file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666)
            os.fchmod(file, 0o666)
            return os.fdopen(file, "r+")
        return os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+")
    except OSError as error:
        message = f"{path}, which says who uses the card, cannot be opened: {error.strerror}"
        hint = f"let all users of the machine write in {folder}, or name another `cache` in swiftci.yaml"
        raise ToolError(message=message, kind="user", hint=hint) from None


def environment(indexes: tuple[str, ...]) -> dict[str, str]:
    """Variables that show a program these cards alone, numbered as nvidia-smi numbers them."""
    found = {"CUDA_VISIBLE_DEVICES": ",".join(indexes)}
    return found | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if indexes else found
