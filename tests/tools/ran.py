"""Small real programs, run as a tool is."""

import os
import sys
from pathlib import Path
from typing import Any

from swiftci.tools import program


def run(tmp_path: Path, code: str, *arguments: str, **options: Any) -> program.Ended:
    argv = [sys.executable, "-I", "-c", code, *arguments]
    return program.run(argv, log=tmp_path / "log", env={"PATH": os.environ["PATH"]}, cwd=tmp_path, **options)


def log(tmp_path: Path) -> str:
    return (tmp_path / "log").read_text(encoding="utf-8")
