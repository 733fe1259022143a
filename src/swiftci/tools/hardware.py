"""What a run ran on, for its record."""

import os
import platform

from swiftci.tools import nvidia_smi, nvml


def describe() -> dict[str, str]:
    """Processor, cores and graphics cards, in words; all cards of the machine, whoever may use them."""
    found = {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"}
    seen = nvml.look(os.environ) or nvidia_smi.look(os.environ)
    shown = [one.lost or f"{one.name}, {one.total} MiB" for one in seen.cards or ()]
    if shown or seen.trouble:
        found["gpus"] = "; ".join(shown) or seen.trouble
    return found | ({"driver": seen.driver} if seen.driver else {})
