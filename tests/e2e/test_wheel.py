"""A wheel, installed in an empty environment, does what the README says from another folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.real


def test_init_check_and_generate_work_from_a_wheel(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "-q", wheel], check=True)
    repository = tmp_path / "somewhere else"
    repository.mkdir()

    for argv in (["init"], ["check"], ["generate"], ["generate", "--check"], ["plan", "configs/example.yaml"]):
        done = subprocess.run([tmp_path / "venv/bin/swiftci", *argv], cwd=repository, capture_output=True, text=True)

        assert done.returncode == 0, (argv, done.stdout, done.stderr)
    assert (repository / ".github/workflows/swiftci-example.yml").is_file()
