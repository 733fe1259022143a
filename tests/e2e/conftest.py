"""What the tests with real tools share: the tools' interpreter, and a model that they can train in seconds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-swift/bin/python"
SWIFTCI = Path(sys.executable).with_name("swiftci")

PROJECT = """\
version: 1
actions: swiftci/swiftci@0123456789abcdef0123456789abcdef01234567
trust: internal
hub: huggingface
python: {tools}
secrets: {{hub: HF_TOKEN}}
"""

CONFIG = """\
name: tiny
on: {push: [main]}
train:
  method: sft
  gpus: 0
  env: {HF_HUB_OFFLINE: "1"}
  args:
    model: model
    model_type: qwen3
    template: chatml
    dataset: model/data/train.jsonl
    torch_dtype: float32
    max_length: 256
    split_dataset_ratio: 0
    gradient_accumulation_steps: 1
    dataloader_num_workers: 0
    report_to: none
    tuner_type: full
    learning_rate: 5e-3
    max_steps: 100
    save_steps: 50
    logging_steps: 5
    per_device_train_batch_size: 16
evaluate:
  datasets: [general_qa]
  base: true
  args:
    dataset_args: {general_qa: {local_path: model/data/heldout, subset_list: [items], metric_list: [Rouge]}}
    generation_config: {max_tokens: 6}
    model_args: {precision: float32}
gate:
  - {metric: general_qa.rouge-l-recall, at_least: 0.5}
"""


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer model with its data; see tests/tiny."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    subprocess.run([TOOLS, ROOT / "tests/tiny/make_model.py", folder], check=True)
    return folder


@pytest.fixture
def repository(tmp_path: Path, tiny_model: Path) -> Path:
    """A user's repository that trains the tiny model."""
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "configs").mkdir()
    (tmp_path / "swiftci.yaml").write_text(PROJECT.format(tools=TOOLS))
    (tmp_path / "configs/tiny.yaml").write_text(CONFIG)
    return tmp_path


def swiftci(cwd: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs swiftci as a user would, in a folder."""
    return subprocess.run([SWIFTCI, *argv], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True)
