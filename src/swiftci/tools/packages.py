"""Which Python packages a config needs beside torch, so that a missing one costs a second and no GPU time."""

import re

from swiftci.config.arguments import texts
from swiftci.config.model import Config
from swiftci.config.train import Train
from swiftci.tools.tracker import trackers

_TRUE = re.compile(r"^(yes|true|t|y|1)$")
_BY_VALUE = {
    ("quant_method", "bnb"): "bitsandbytes",
    ("quant_method", "hqq"): "hqq",
    ("use_vllm", "true"): "vllm",
    ("use_liger_kernel", "true"): "liger_kernel",
    ("tuner_backend", "unsloth"): "unsloth",
    ("rlhf_type", "grpo"): "msgspec",
    ("rlhf_type", "gkd"): "msgspec",
    ("reward_funcs", "accuracy"): "math_verify",
}
"""An argument's value, and the package that ms-swift imports for it (4.6.0)."""


def packages(config: Config) -> list[str]:
    """Names of distributions, ms-swift's and EvalScope's first."""
    train, evaluate = config.train, config.evaluate
    found = ["ms_swift", *(["evalscope"] if evaluate else []), *_train(train)]
    if evaluate and evaluate.serve and evaluate.serve.backend != "transformers":
        found.append(evaluate.serve.backend)
    return list(dict.fromkeys(found))


def _train(train: Train) -> list[str]:
    found = [
        name
        for (key, value), name in _BY_VALUE.items()
        if value in [_TRUE.sub("true", text.lower()) for text in texts(train.args, key)]
    ]
    found += ["deepspeed"] if "deepspeed" in train.args else []
    found += ["megatron_core", "mcore_bridge", "transformer_engine"] if train.megatron else []
    found += ["vllm"] if any(server.role == "rollout" for server in train.servers) else []
    return found + [one.package for one in trackers(train) if one.package]
