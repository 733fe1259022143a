"""Configs that ms-swift cannot train from."""

from tests.corpus.record import COMMON, flags
from tests.tools.failures.cases.case import sft

GRPO = {"rlhf_type": "grpo", "reward_funcs": "format", "num_generations": 2, "per_device_train_batch_size": 2}
USER = (
    sft("no-model", "user", "no --model", changes={"model": None}),
    sft("not-a-number", "user", "--max_steps ten", changes={"max_steps": "ten"}),
    sft("no-value", "user", "--lora_rank without a value", "--lora_rank"),
    sft("unknown-model-type", "user", "--model_type qwen99", changes={"model_type": "qwen99"}),
    sft("unknown-template", "user", "--template nowhere", changes={"template": "nowhere"}),
    sft("ambiguous-model-type", "user", "no --model_type", changes={"model_type": None}),
    sft("bf16-without-gpu", "user", "--torch_dtype bfloat16 on a CPU", changes={"torch_dtype": "bfloat16"}),
    sft("no-such-module", "user", "--target_modules nowhere_proj", *flags(target_modules="nowhere_proj")),
    sft("no-plugin-file", "user", "--external_plugins of a missing file", *flags(external_plugins="{lab}/none.py")),
    sft("broken-plugin", "user", "--external_plugins with a syntax error", *flags(external_plugins="{lab}/broken.py")),
    sft("no-deepspeed", "user", "--deepspeed zero2 without the package", *flags(deepspeed="zero2")),
    sft("no-flash-attn", "user", "--attn_impl flash_attn without the package", *flags(attn_impl="flash_attn")),
    sft("no-liger", "user", "--use_liger_kernel true without the package", *flags(use_liger_kernel="true")),
    sft(
        "no-vllm",
        "user",
        "grpo with --use_vllm true without the package",
        *flags(**GRPO, use_vllm="true", vllm_mode="colocate"),
        module="rlhf",
        changes={"per_device_train_batch_size": 2},
    ),
    sft("no-hqq", "user", "--quant_method hqq without the package", *flags(quant_method="hqq", quant_bits=4)),
    sft("packing-without-flash", "user", "--packing true without flash_attn", *flags(packing="true")),
    sft("unknown-optimizer", "user", "--optim nowhere", *flags(optim="nowhere")),
    sft(
        "unknown-reward",
        "user",
        "grpo with --reward_funcs nowhere",
        *flags(**{**GRPO, "reward_funcs": "nowhere"}),
        module="rlhf",
        changes={"per_device_train_batch_size": 2},
    ),
    sft("relative-path", "user", "--model of a relative path that is not there", changes={"model": "./models/none"}),
    sft("deep-path", "user", "--model a/b/c, no hub id and not there", changes={"model": "models/of/mine"}),
    sft("no-adapter", "user", "--adapters of a missing folder", *flags(adapters="{lab}/nowhere")),
    sft("empty-model-folder", "user", "--model of an empty folder", changes={"model": "{lab}/hollow"}),
    sft("damaged-weights", "data", "model.safetensors cut in half", changes={"model": "{lab}/cut"}),
    sft("no-weights", "user", "a model folder without weights", changes={"model": "{lab}/weightless"}),
    sft("broken-config-json", "data", "a model's config.json cut in half", changes={"model": "{lab}/halfconfig"}),
    sft("other-adapter", "user", "--adapters of another model's shape", *flags(adapters="{lab}/alien")),
    sft(
        "deploy-no-vllm",
        "user",
        "deploy with --infer_backend vllm without the package",
        module="deploy",
        changes={
            **dict.fromkeys(COMMON),
            "model": "{lab}/tiny",
            "model_type": "qwen3",
            "template": "chatml",
            "infer_backend": "vllm",
        },
    ),
)
