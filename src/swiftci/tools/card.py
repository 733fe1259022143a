"""A graphics card, and who uses it, whichever tool said so."""

import os
from dataclasses import dataclass
from pathlib import Path

from swiftci.spec.problem import printable

BUSY_PERCENT = 10
"""A card with more of its memory in use belongs to somebody."""

_INITIAL_NAMESPACE = "pid:[4026531836]"
"""The machine's own process numbers: a constant of Linux (PROC_PID_INIT_INO)."""


@dataclass(frozen=True, kw_only=True)
class User:
    """A process on a card; `used` is in MiB, None where the driver does not tell."""

    pid: int
    used: int | None = None

    def __str__(self) -> str:
        """In a container the number is the machine's, and another process here may have the same."""
        try:
            if os.readlink("/proc/self/ns/pid") != _INITIAL_NAMESPACE:  # noqa: PTH115 -- it is no path
                return f"pid {self.pid} of the machine"
            return f"pid {self.pid} {printable(Path(f'/proc/{self.pid}/comm').read_text().strip())}"
        except OSError:
            return f"pid {self.pid}"


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A card; memory in MiB, `total` 0 where it has none of its own or does not tell.

    `device` is its name for CUDA_VISIBLE_DEVICES. `utilisation`, in percent, and `users` are None where the driver does
    not tell, as under MIG and vGPU; in a container it may show no users though there are. `lost` says why the card
    cannot be used.
    """

    index: str
    uuid: str
    used: int = 0
    total: int = 0
    name: str = ""
    device: str = ""
    utilisation: int | None = None
    users: tuple[User, ...] | None = None
    driver: str = ""
    lost: str = ""

    @property
    def busy(self) -> bool:
        return self.used * 100 > self.total * BUSY_PERCENT if self.total else bool(self.users)

    @property
    def shown(self) -> str:
        """In a few words: how much of it is used, and by whom."""
        if self.lost:
            return f"GPU {self.index} cannot be used: {self.lost}"
        by = ", ".join(map(str, self.users or ()))
        amount = f"{_gb(self.used)} of {_gb(self.total)} GB used" if self.total else "used" if self.users else "free"
        return f"GPU {self.index}: {amount}" + (f" by {by}" if by else "")


@dataclass(frozen=True, kw_only=True)
class Look:
    """What this machine shows; `cards` is None where it cannot be told.

    `cuda` is the newest CUDA that the driver knows, as in `12.4`. `trouble` is what went wrong on the way, and `dead`
    whether that means that no program can use a card.
    """

    cards: list[Gpu] | None = None
    driver: str = ""
    cuda: str = ""
    trouble: str = ""
    dead: bool = False


DEAD = (9, 18)
"""Codes of NVML, and exit codes of nvidia-smi: the driver is not loaded, or is another version than its libraries."""


def _gb(mebibytes: int) -> str:
    return f"{mebibytes / 1024:.1f}".removesuffix(".0")
