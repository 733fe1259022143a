"""A fake NVML at the edge of its shared library: compiled here, loaded by the real nvidia-ml-py."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("libnvidia-ml.c")
A100 = "card 81920 {used} 0 NVIDIA A100-SXM4-80GB"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine's cards; `environ` shows them, and no nvidia-smi."""

    folder: Path
    library: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": str(self.folder),
            "LD_LIBRARY_PATH": str(self.library),
            "FAKE_NVML": str(self.folder / "nvml.txt"),
        }

    def show(self, *lines: str) -> None:
        (self.folder / "nvml.txt").write_text("".join(f"{line}\n" for line in lines))

    def cards(self, *used: int) -> None:
        self.show(*(A100.format(used=one) for one in used))


def build(folder: Path) -> Path:
    """Compiles the library into a folder; skips the test where that cannot be done."""
    pytest.importorskip("pynvml", reason="nvidia-ml-py, of the extra `gpu`, is not installed")
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("there is no C compiler to build the fake NVML with")
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", SOURCE]
    subprocess.run(command, check=True)
    return folder
