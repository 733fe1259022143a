"""A whole run with the real tools whose model, data and benchmark are on a hub: it asks the hub once, at its start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standin.hub import Hub

REPOSITORY = Path(__file__).parents[3]
TOOLS = REPOSITORY / ".venv-swift/bin/python"
SWIFTCI = Path(sys.executable).with_name("swiftci")

PROJECT = """\
version: 1
actions: swiftci/swiftci@0123456789abcdef0123456789abcdef01234567
trust: internal
hub: {{name: modelscope, endpoint: "{endpoint}"}}
python: {tools}
cache: {cache}
"""

CONFIG = """\
name: tiny
train:
  gpus: 0
  args:
    model: team/tiny-0.1
    model_revision: {revision}
    model_type: qwen3
    template: chatml
    dataset: team/saws#20
    torch_dtype: float32
    max_length: 256
    split_dataset_ratio: 0
    dataloader_num_workers: 0
    report_to: none
    tuner_type: lora
    max_steps: 2
    per_device_train_batch_size: 4
evaluate:
  datasets: [gsm8k]
  args:
    generation_config: {{max_tokens: 6}}
    model_args: {{precision: float32}}
"""


@pytest.mark.real
def test_run_asks_the_hub_in_its_first_stage_alone(hub: Hub, tmp_path: Path) -> None:
    made = tmp_path / "made"
    subprocess.run([TOOLS, REPOSITORY / "tests/tiny/make_model.py", made], check=True, capture_output=True)
    subprocess.run([TOOLS, Path(__file__).with_name("make_benchmarks.py"), hub.root / "datasets"], check=True)
    hub.write("datasets/team/saws", {"train.jsonl": (made / "data/train.jsonl").read_bytes()})
    shutil.copytree(made, hub.root / "models/team/tiny-0.1", ignore=shutil.ignore_patterns("data"))
    root = tmp_path / "repository"
    (root / "configs").mkdir(parents=True)
    project = PROJECT.format(endpoint=hub.endpoint, tools=TOOLS, cache=tmp_path / "cache")
    (root / "swiftci.yaml").write_text(project)
    (root / "configs/tiny.yaml").write_text(CONFIG.format(revision=hub.commit("models/team/tiny-0.1")))

    def run(*argv: str) -> str:
        environ = {**os.environ, "HOME": str(tmp_path), "NO_PROXY": "*"}
        command = [SWIFTCI, "run", "configs/tiny.yaml", *argv]
        done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("--until", "download")
    asked = len(hub.requests)
    out = run()

    assert "verdict: pass" in out
    lists = [one.path for one in hub.requests[asked:]]  # what is not pinned may have moved
    assert lists == [f"/api/v1/datasets/{name}/repo/tree" for name in ("team/saws", "AI-ModelScope/gsm8k")]
