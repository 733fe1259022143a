"""The rendered workflow of the tiny model, carried out by the real act on this machine.

act emulates actions/checkout; upload-artifact and download-artifact are stood in for by tests/standin, since act has
no artifact service of this version; swiftci's own actions come from a copy of this tree without .git.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from swiftci.workflow.pin import DEFAULT
from tests.e2e.conftest import ROOT, swiftci

pytestmark = pytest.mark.real

ACT = Path(sys.executable).with_name("act")
OURS = "swiftci/swiftci@0123456789abcdef0123456789abcdef01234567"
INSTALLED = ("actions", "src", "templates", "pyproject.toml", "requirements.txt")


@pytest.fixture
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a runner's checkout of our actions holds: this tree without .git."""
    folder = tmp_path_factory.mktemp("source")
    for name in INSTALLED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def act(repository: Path, source: Path, event: str = "push") -> tuple[subprocess.CompletedProcess[str], Path]:
    """Runs the repository's workflow; returns how it went and the folder of its artifacts."""
    artifacts = repository.parent / "artifacts"
    local = {OURS: source}
    for name in ("upload-artifact", "download-artifact"):
        local[f"actions/{name}@{DEFAULT[f'actions/{name}'].commit}"] = ROOT / "tests/standin" / name
    argv = [ACT, event, "-W", ".github/workflows/swiftci-tiny.yml", "--env", f"STANDIN_ARTIFACTS={artifacts}"]
    argv += [word for label in ("ubuntu-latest", "self-hosted", "gpu") for word in ("-P", f"{label}=-self-hosted")]
    argv += [word for use, path in local.items() for word in ("--local-repository", f"{use}={path}")]
    argv += ["--env", f"SWIFTCI_HOME={repository.parent / 'swiftci-home'}"]
    env = {**os.environ, "XDG_CACHE_HOME": str(repository.parent / "cache")}
    done = subprocess.run(argv, cwd=repository, env=env, capture_output=True, text=True, errors="replace")
    return done, artifacts


@pytest.fixture
def rendered(repository: Path) -> Path:
    """The repository with its workflow, committed."""
    shutil.move(repository, inner := repository.with_name("repository"))
    assert swiftci(inner, "generate", "--profile", "act").returncode == 0
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *argv], cwd=inner, check=True)
    return inner


def test_all_jobs_are_green_and_the_artifacts_are_there(rendered: Path, source: Path) -> None:
    done, artifacts = act(rendered, source)

    assert done.returncode == 0, done.stdout[-6000:]
    assert done.stdout.count("🏁  Job succeeded") == 3
    names = {(one / "NAME").read_text(): one / "files" for one in artifacts.iterdir()}
    run = json.loads((names["swiftci-tiny-1-1"] / "run.json").read_text())
    result = f"swiftci-tiny-{run['fingerprint'][:16]}"  # by which later runs find it
    assert set(names) == {"swiftci-tiny-1-1", result}
    assert [name for name, one in run["stages"].items() if one["state"] == "succeeded"] == [
        "download",
        "baseline",
        "evaluate-base",
        "train",
        "evaluate",
    ]
    assert json.loads((names[result] / "eval_results.json").read_text())["verdict"] == "pass"
    assert not list(names["swiftci-tiny-1-1"].rglob("*.safetensors"))


def test_a_mistake_in_the_config_ends_in_a_red_verdict_that_takes_no_gpu(rendered: Path, source: Path) -> None:
    config = rendered / "configs/tiny.yaml"
    config.write_text(config.read_text().replace("max_steps", "max_stpes"))

    done, artifacts = act(rendered, source)

    assert done.returncode != 0
    assert 'did you mean "max_steps"?' in done.stdout
    assert "Main Train" not in done.stdout
    assert not artifacts.exists() or not any((one / "NAME").read_text() == "tiny-1-1" for one in artifacts.iterdir())
