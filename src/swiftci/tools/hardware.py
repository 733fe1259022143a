"""What a run ran on, for its record."""

import os
import platform
import shutil
import subprocess


def describe() -> dict[str, str]:
    """Processor, cores and graphics cards, in words."""
    found = {"machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"}
    smi = shutil.which("nvidia-smi")
    if smi:
        try:
            command = [smi, "--query-gpu=name,memory.total", "--format=csv,noheader"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
            found["gpus"] = "; ".join(line.strip() for line in done.stdout.splitlines() if line.strip())
        except (OSError, subprocess.SubprocessError):
            found["gpus"] = "nvidia-smi failed"
    return found
