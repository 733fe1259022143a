"""The repository that is trained again and again: a model, its data, a config that ends in about a minute."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".venv-swift/bin/python"
FAULT = Path(__file__).with_name("fault")
MARK = "CHAOS_LAB"
"""In the environment of everything that is started here: so is found what outlives its swiftci."""

PROJECT = f"""\
version: 1
actions: swiftci/swiftci@v0.1.0
trust: internal
python: {TOOLS}
"""

CONFIG = """\
name: chaos
train:
  method: sft
  gpus: 0
  args:
    model: model
    model_type: {model_type}
    template: chatml
    dataset: {dataset}
    split_dataset_ratio: 0
    tuner_type: lora
    lora_rank: 8
    lora_alpha: 16
    learning_rate: 5e-4
    per_device_train_batch_size: {batch}
    gradient_accumulation_steps: 1
    max_steps: 12
    save_steps: 3
    logging_steps: 1
    max_length: 256
    torch_dtype: float32
    use_cpu: true
    bf16: false
    fp16: false
    gradient_checkpointing: false
    dataloader_num_workers: 0
    report_to: none
    seed: 42
evaluate:
  datasets: [general_qa]
  base: {base}
  args:
    dataset_args: {{general_qa: {{local_path: {items}, subset_list: [{subset}], metric_list: [Rouge]}}}}
    limit: {limit}
    eval_batch_size: 1
    generation_config: {{max_tokens: 6, do_sample: false}}
    model_args: {{precision: float32}}
gate:
  - {{metric: general_qa.rouge-l-recall, at_least: 0}}
limits: {{free_disk_gb: {free}}}
"""

MODELS = {
    "tiny": {
        "model_type": "qwen3",
        "dataset": "model/data/train.jsonl",
        "items": "model/data/heldout",
        "subset": "items",
        "batch": 4,
    },
    "smollm2": {
        "model_type": "llama",
        "dataset": "data/train.jsonl",
        "items": "data/heldout",
        "subset": "tickets",
        "batch": 1,
    },
}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A repository on disk whose config is carried out; `environ` is all that swiftci gets to see."""

    root: Path
    config: str = "configs/chaos.yaml"
    name: str = "chaos"
    environ: dict[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = (sys.executable, "-m", "swiftci")

    @property
    def folder(self) -> Path:
        return self.root / ".swiftci/runs" / self.name

    @property
    def store(self) -> Path:
        return self.root / ".swiftci"

    def argv(self, *words: str) -> list[str]:
        return [*self.command, *words]

    def env(self, **more: str) -> dict[str, str]:
        return self.environ | {MARK: str(self.root)} | more

    def start(self, out: Path, **more: str) -> "subprocess.Popen[bytes]":
        """`swiftci run`, its output added to a file; in a session of its own, as a runner's step is."""
        with out.open("ab") as file:
            return subprocess.Popen(
                self.argv("run", self.config),
                cwd=self.root,
                env=self.env(**more),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def environment() -> dict[str, str]:
    """What swiftci gets: no runner's variables, the fault points on its path."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "RUNNER_", "CHAOS"))}
    return found | {"PYTHONPATH": str(FAULT), "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def make(root: Path, model: Path, kind: str, *, base: bool = False, items: int = 16, free: float = 0.0) -> Lab:
    """A repository that trains the model in that folder; the files are linked, not copied."""
    (root / "configs").mkdir(parents=True)
    (root / "model").symlink_to(model)
    (root / "data").symlink_to(ROOT / "examples/smollm2/data")
    (root / "swiftci.yaml").write_text(PROJECT)
    words = MODELS[kind] | {"base": str(base).lower(), "limit": items, "free": free}
    (root / "configs/chaos.yaml").write_text(CONFIG.format(**words))
    return Lab(root=root, environ=environment())


def model(kind: str, folder: Path) -> Path:
    """Where the model is; made where it is not there yet."""
    if kind == "smollm2":
        made = ROOT / "examples/smollm2/model"
        subprocess.run([TOOLS, "make_model.py", made], cwd=made.parent, check=True, stdout=subprocess.DEVNULL)
        return made
    made = folder / "tiny"
    if not (made / "model.safetensors").exists():
        shutil.rmtree(made, ignore_errors=True)
        subprocess.run([TOOLS, ROOT / "tests/tiny/make_model.py", made], check=True, stdout=subprocess.DEVNULL)
    return made
