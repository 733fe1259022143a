"""What NVML says of this machine's cards, where its Python package (nvidia-ml-py) and its library are there.

It is asked in a process of its own: after a card has fallen off the bus, the library may crash (seen with nvitop) or
never answer, and a run must survive that. The question costs 0.1 s.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swiftci.tools.card import DEAD, Gpu, Look, User

SCRIPT = Path(__file__).with_name("nvml_script.py")
LIBRARY = "libnvidia-ml.so.1"
SECONDS = 30.0

_ABSENT = (12, 13)
"""Codes that say nothing of the cards: no library, or one without the functions that we ask."""


def look(environ: Mapping[str, str]) -> Look | None:
    """The machine's cards, all of them; None where NVML cannot be asked."""
    if importlib.util.find_spec("pynvml") is None or not _there(environ):
        return None
    command = [sys.executable, "-I", str(SCRIPT)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=True, env=dict(environ), cwd="/"
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if "error" not in answer:
        return _read(answer)
    if answer["error"] in _ABSENT:
        return None
    return Look(trouble=f"NVML says: {answer['text']}", dead=answer["error"] in DEAD)


def _there(environ: Mapping[str, str]) -> bool:
    """Whether the library is found; asked before a process is started for it."""
    import ctypes

    if any((Path(one) / LIBRARY).exists() for one in environ.get("LD_LIBRARY_PATH", "").split(":") if one):
        return True
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def _read(answer: dict[str, Any]) -> Look:
    """CUDA numbers only the cards that it can use: behind one that is lost, a card's number is not NVML's."""
    whole = not any("lost" in one for one in answer["cards"])
    cuda = answer["cuda"]
    return Look(
        cards=[_card(one, answer["driver"], whole) for one in answer["cards"]],
        driver=answer["driver"],
        cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "",
    )


def _card(one: dict[str, Any], driver: str, whole: bool) -> Gpu:
    index = str(one["index"])
    if "lost" in one:
        return Gpu(index=index, uuid="", driver=driver, lost=f"{one['lost']} (NVML code {one['code']})")
    users = one["users"]
    return Gpu(
        index=index,
        uuid=one["uuid"],
        used=one["used"] >> 20,
        total=one["total"] >> 20,
        name=one["name"],
        device=index if whole else one["uuid"],
        utilisation=one["utilisation"],
        users=None if users is None else tuple(User(pid=user["pid"], used=_mib(user["used"])) for user in users),
        driver=driver,
    )


def _mib(used: int | None) -> int | None:
    return None if used is None else used >> 20
