"""What the torch of the tools' interpreter makes of this machine's cards; without them it trains on the processor."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

SECONDS = 60.0
"""The import takes 2 to 20 s, by the disk; a driver that hangs takes for ever."""

_PROBE = """
import importlib.util, json, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import torch
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
other = any(importlib.util.find_spec(name) for name in ("torch_npu", "torch_musa")) or torch.xpu.is_available()
print(json.dumps({
    "torch": torch.__version__, "cuda": torch.version.cuda or "", "rocm": torch.version.hip or "", "cards": cards,
    "other": other, "said": " ".join(str(one.message) for one in said if "CUDA" in str(one.message)),
}))
"""


@dataclass(frozen=True, kw_only=True)
class Torch:
    """`cuda` and `rocm` are what it was built for, `cards` how many it can use; `other` says that cards of another
    kind are served by a plugin, which is not asked. `said` is torch's own reason for having none.
    """

    torch: str
    cuda: str
    rocm: str
    cards: int
    other: bool
    said: str


def ask(python: str, environ: Mapping[str, str]) -> Torch | None:
    """Imports torch under an interpreter; None where that fails or takes too long."""
    try:
        done = subprocess.run(
            [python, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
            env=dict(environ),
            cwd="/",  # nothing of the repository's may stand in for a package
        )
        return Torch(**json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, IndexError):
        return None
