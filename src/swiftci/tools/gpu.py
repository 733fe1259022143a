"""Gives a program GPUs that nobody else of us uses: what the machine shows, and a lock file per card."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from swiftci.spec.error import ToolError
from swiftci.spec.problem import printable
from swiftci.tools import nvidia_smi, nvml
from swiftci.tools.card import Gpu, Look

_LOOK_SECONDS = 5.0
_TELL_SECONDS = 600.0
"""A job that waits says so again, so that nobody takes it for dead."""
_HOLDER_MAX = 200


def look(environ: Mapping[str, str]) -> Look:
    """The cards that `CUDA_VISIBLE_DEVICES` leaves to us, all where it is not set; from NVML, else nvidia-smi.

    Slices of a card (`MIG-…`) are taken from that variable as they are: their memory is not looked at.
    """
    seen = nvml.look(environ) or nvidia_smi.look(environ)
    allowed = environ.get("CUDA_VISIBLE_DEVICES")
    names = [name.strip() for name in allowed.split(",")] if allowed is not None else []
    if any(name.startswith("MIG-") for name in names):
        return replace(seen, cards=[Gpu(index=one, uuid=one, device=one, name="MIG device") for one in names if one])
    if seen.cards is None or allowed is None:
        return seen
    kept = [c for c in seen.cards if c.index in names or (c.uuid and any(n and c.uuid.startswith(n) for n in names))]
    return replace(seen, cards=kept)


def cards(environ: Mapping[str, str]) -> list[Gpu] | None:
    """The cards of `look`, those that are lost among them; None where it cannot be told."""
    return look(environ).cards


def enough(count: int, environ: Mapping[str, str], seen: Look | None = None) -> list[Gpu] | None:
    """The cards that work, at least `count` of them, or None where that cannot be told; looks unless `seen` is given.

    Raises ToolError where there are less, or the driver is not running.
    """
    if count == 0:
        return []
    seen = seen or look(environ)
    if seen.dead:
        message = f"{_asked(count)}, and no program can use one: {printable(seen.trouble)}"
        hint = "`nvidia-smi` on the machine says the same; a restart, or the driver installed anew, mends it"
        raise ToolError(message=message, kind="hardware", hint=hint)
    if seen.cards is None:
        return None
    good = [one for one in seen.cards if not one.lost]
    if len(good) >= count:
        return good
    names = ", ".join(sorted({one.name for one in good})) or "none"
    limit = environ.get("CUDA_VISIBLE_DEVICES")
    within = f" within CUDA_VISIBLE_DEVICES={limit}" if limit is not None else ""
    lost = [one.shown for one in seen.cards if one.lost] or ([printable(seen.trouble)] if seen.trouble else [])
    message = "; ".join([f"{_asked(count)}, and this machine shows {len(good)}{within} ({names})", *lost])
    if lost:
        raise ToolError(message=message, kind="hardware", hint="`dmesg` tells more (Xid); a restart may bring it back")
    hint = "lower train.gpus or a server's gpus, or name another runner in swiftci.yaml"
    raise ToolError(message=message, kind="user", hint=hint)


@contextmanager
def taken(
    count: int,
    environ: Mapping[str, str],
    folder: Path,
    told: Callable[[str], None],
    deadline: float | None = None,
    *,
    minutes: int | None = None,
    holder: str = "",
) -> Iterator[tuple[str, ...]]:
    """Holds `count` cards while inside, and gives their names for CUDA_VISIBLE_DEVICES; waits for those of others.

    `folder` keeps a lock file per card: by its UUID, so that containers and machines may share it; `holder` is what
    others read of us there. Where nothing shows the cards, the first ones, or those of `CUDA_VISIBLE_DEVICES`, are
    given unseen. Raises ToolError where the machine has less, or they did not become free within `minutes`, or until
    `deadline` (seconds of time.time()).
    """
    if count == 0:
        yield ()
        return
    seen = look(environ)
    known = enough(count, environ, seen)
    if known is None:
        yield _unseen(count, environ)
        return
    for one in seen.cards or ():
        if one.lost:
            told(f"{one.shown}; it is left out")
    with ExitStack() as held:
        begun, last = time.monotonic(), float("-inf")
        while True:
            got, others = _lock(count, known, folder, holder)
            if got:
                break
            waited = time.monotonic() - begun
            if (minutes is not None and waited >= minutes * 60) or (deadline is not None and time.time() > deadline):
                raise _refused(count, len(known), others, waited)
            if begun + waited - last >= _TELL_SECONDS:
                told(f"waiting for {count} of {len(known)} GPUs; {'; '.join(others)}")
                last = begun + waited
            time.sleep(_LOOK_SECONDS)
            known = enough(count, environ) or known
        for _, file in got:
            held.enter_context(file)
        yield tuple(card.device for card, _ in got)


def _unseen(count: int, environ: Mapping[str, str]) -> tuple[str, ...]:
    named = environ.get("CUDA_VISIBLE_DEVICES")
    names = [str(number) for number in range(count)] if named is None else [n for n in named.split(",") if n.strip()]
    if len(names) < count:
        message = f"{_asked(count)}, and CUDA_VISIBLE_DEVICES={named} shows {len(names)}"
        raise ToolError(message=message, kind="user", hint="lower train.gpus, or show more")
    return tuple(names[:count])


def _refused(count: int, total: int, others: list[str], waited: float) -> ToolError:
    after = f"did not become free within {waited / 60:.0f} minutes" if waited >= 60 else "did not become free in time"
    message = f"{count} of this machine's {total} GPU{'s' * (total != 1)} {after}; {'; '.join(others)}"
    hint = "run it later, or raise limits.gpu_wait_minutes; `nvidia-smi` shows whose processes they are"
    return ToolError(message=message, kind="capacity", hint=hint)


def _asked(count: int) -> str:
    return "1 GPU is asked for" if count == 1 else f"{count} GPUs are asked for"


def _lock(count: int, known: list[Gpu], folder: Path, holder: str) -> tuple[list[tuple[Gpu, TextIO]], list[str]]:
    """The locked files of `count` free cards; none where there are less, and who has the others."""
    got: list[tuple[Gpu, TextIO]] = []
    others = []
    with _open(folder, "turn") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two jobs that want all cards would else take each other's for ever
        for card in known:
            if len(got) == count:
                break
            if card.busy:
                others.append(card.shown)
                continue
            file = _open(folder, card.uuid)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                others.append(f"GPU {card.index}: taken by {_said(file) or 'another job'}")
                file.close()
            else:
                got.append((card, file))
        if len(got) == count:
            for _, file in got:
                _say(file, holder)
            return got, []
        for _, file in got:
            file.close()
    return [], others


def _said(file: TextIO) -> str:
    """What a lock's holder wrote into it; any user of the machine may."""
    try:
        return printable(file.read(_HOLDER_MAX).strip())
    except (OSError, ValueError):
        return ""


def _say(file: TextIO, holder: str) -> None:
    with contextlib.suppress(OSError):  # a full disk does not matter here
        file.truncate(0)
        file.write((holder or f"pid {os.getpid()}")[:_HOLDER_MAX])
        file.flush()


def _open(folder: Path, name: str) -> TextIO:
    """A lock file, which every user of the machine may lock; a card's goes by its UUID."""
    path = folder / f"{name.replace('/', '_')}.lock"
    try:
        with contextlib.suppress(FileExistsError):  # another job may make it at this very moment
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


def environment(devices: tuple[str, ...]) -> dict[str, str]:
    """Variables that show a program these cards alone, numbered as nvidia-smi numbers them."""
    found = {"CUDA_VISIBLE_DEVICES": ",".join(devices)}
    return found | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if devices else found
