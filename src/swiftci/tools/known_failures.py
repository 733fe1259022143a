"""How ms-swift, EvalScope, vLLM, torch and the hubs' clients say what went wrong.

From what ms-swift 4.6.0 and EvalScope 1.14.1 said when they were made to fail, and from public issues about what needs
a GPU: tests/tools/failures holds both. Rows that tell a cause stand before those that tell what came of it.
"""

from typing import NamedTuple

from swiftci.spec.error import Class


class Known(NamedTuple):
    """One way to fail.

    `pattern` is looked for in an error's line, and in the four lines above too if it holds a line break. In `message`,
    `{0}` is the first group that matched, `{last}` the whole line, `{said}` the line without the exception's name. A
    GPU's memory needs no `hint`: GPU_MEMORY has it. `transient`: as in Failure.
    """

    pattern: str
    kind: Class
    message: str
    hint: str = ""
    transient: bool | None = None


TRAIN_MEMORY = (
    "change under train.args, in this order, until it fits: per_device_train_batch_size: 1 (with as much more of "
    "gradient_accumulation_steps, the result stays), gradient_checkpointing: true, use_liger_kernel: true, attn_impl: "
    "flash_attn; on several GPUs deepspeed: zero2, then zero3; then a smaller max_length; then tuner_type: lora, then "
    "quant_method: bnb with quant_bits: 4; last deepspeed: zero3_offload, which is slow, or more GPUs"
)
GRPO_MEMORY = (
    "change under train.args, in this order, until it fits: a lower vllm_gpu_memory_utilization, sleep_level: 1, "
    "offload_optimizer: true, offload_model: true, per_device_train_batch_size: 1 (with as much more of "
    "gradient_accumulation_steps), a smaller max_completion_length, a smaller num_generations; then tuner_type: lora; "
    "or a rollout server on GPUs of its own"
)
EVALUATE_MEMORY = (
    "change under evaluate.args, in this order, until it fits: eval_batch_size: 1, a smaller "
    "generation_config.max_tokens, model_args.precision: bfloat16; or let evaluate.serve answer with vllm; last, a "
    "larger GPU"
)
MEGATRON_MEMORY = (
    "change under train.args, in this order, until it fits: micro_batch_size: 1, recompute_granularity: full, a larger "
    "tensor_model_parallel_size with sequence_parallel: true, then a larger pipeline_model_parallel_size; then a "
    "smaller max_length; then tuner_type: lora; last optimizer_cpu_offload: true, which is slow, or more GPUs"
)
FRAGMENTED = (
    "much is reserved but unused: first set PYTORCH_CUDA_ALLOC_CONF: expandable_segments:True under train.env; then "
)
CPU_MEMORY = (
    "change, in this order, until it fits: per_device_train_batch_size: 1 (with as much more of "
    "gradient_accumulation_steps, the result stays) or, in an evaluation, eval_batch_size: 1; a smaller max_length; "
    "fewer dataloader_num_workers; deepspeed without offload; then a container's limit, or a larger machine"
)
HOST_MEMORY = (
    "this is the machine's memory, not a GPU's. Change, in this order, until it fits: fewer dataloader_num_workers, a "
    "smaller dataset_num_proc, streaming: true, on a CPU per_device_train_batch_size: 1 and a smaller max_length, "
    "deepspeed without offload; then a container's limit, or a larger machine"
)
SERVE_MEMORY = (
    "the model's server asks for more than is free. Change, in this order: a smaller vllm_max_model_len; a "
    "higher vllm_gpu_memory_utilization if the GPU does nothing else; a larger vllm_tensor_parallel_size, on more GPUs"
)
GPU_MEMORY = (
    (r"[/ (]evalscope\b", EVALUATE_MEMORY),
    (r"grpo_trainer", GRPO_MEMORY),
    (r"\(EngineCore|\(VllmWorker|/vllm/|swift/cli/(?:deploy|rollout)\.py", SERVE_MEMORY),
    (r"swift/(?:cli/_)?megatron/", MEGATRON_MEMORY),
    (r"", TRAIN_MEMORY),
)
"""What to change, by what the log says that ran."""
CARD_MEMORY = (
    "another program holds the GPU's memory (`nvidia-smi` names it): end it, take another GPU, or lower "
    "vllm_gpu_memory_utilization"
)
KILLED_MEMORY = "the kernel does this when memory runs out (`dmesg` tells). " + HOST_MEMORY[0].upper() + HOST_MEMORY[1:]
SHARED_MEMORY = (
    "shared memory is too small: add --shm-size=16g to container.options, or lower dataloader_num_workers; 0 needs none"
)
_DISK = "free some disk, or point `store:` at a larger one; `cache:` and TMPDIR may be what is full"
_DRIVER = "this torch and this driver do not fit: update the driver, or use an image with an older CUDA"
_CARD = "the GPU or its driver is at fault: `nvidia-smi` and `dmesg` tell; reset it or take it out of use"
STOPPED = "something else on the machine stopped it"
MAY_TELL = "`nvidia-smi` and `dmesg` may tell"
_AGAIN = "often passes; if it comes back at the same step, raise ddp_timeout, or look at `dmesg` and the network"

MEMORY = (
    Known(
        r"No available memory for the cache blocks|larger than the (?:available KV cache|maximum number of tokens)",
        "memory",
        "the GPU has no room for the KV cache: {said}",
        SERVE_MEMORY,
    ),
    Known(r"Free memory on device .*less than desired", "memory", "the GPU is in use: {said}", CARD_MEMORY),
    Known(
        r"[Oo]ut of shared memory|insufficient shared memory|creating shared memory segment|/dev/shm\S* .*No space left"
        r"|No space left on device.*/dev/shm|unable to (?:open|allocate|write to) (?:the )?"
        r"(?:file </torch_|shared memory)",
        "memory",
        "shared memory ran out: {last}",
        SHARED_MEMORY,
    ),
    Known(r"DefaultCPUAllocator: (.*)", "memory", "the machine's memory ran out: {0}", CPU_MEMORY),
    Known(
        r"can't allocate memory|Cannot allocate memory|^MemoryError|std::bad_alloc"
        r"|Unable to allocate [\d.]+ \w+ for an array|mmap.* failed|unable to mmap",
        "memory",
        "the machine's memory ran out: {last}",
        HOST_MEMORY,
    ),
    Known(r"DataLoader worker .*Killed", "memory", "the machine's memory ran out: {last}", HOST_MEMORY),
    Known(
        r"(Tried to allocate .* is free)\..* and [1-9][\d.]* GiB is reserved by PyTorch but unallocated",
        "memory",
        "the GPU's memory ran out: {0}",
        FRAGMENTED + TRAIN_MEMORY,
    ),
    Known(
        r"(Tried to allocate (?:[^(]*? is free|[\d.]+ \w+ \([^)]*\)))",
        "memory",
        "the GPU's memory ran out: {0}",
    ),
    Known(
        r"OutOfMemoryError|(?:CUDA|NPU|XPU|MPS) out of memory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|[Cc]uda (?:failure|error).*out of memory",
        "memory",
        "the GPU's memory ran out: {said}",
    ),
)
DISK = (
    Known(r"No space left on device|Disk quota exceeded|os error 28", "disk", "the disk is full: {last}", _DISK),
    Known(
        r"iostream error|inline_container\.cc.*unexpected pos|Not enough free disk space",
        "disk",
        "a checkpoint could not be written, as when the disk is full: {last}",
        _DISK,
    ),
    Known(r"Read-only file system", "disk", "the disk cannot be written: {said}", "`mount` and `dmesg` tell why"),
)
HARDWARE = (
    Known(
        r"device-side assert triggered|Assertion `.*` failed|(Target \S+ is out of bounds)",
        "data",
        "an index is out of range, as a label that is not below num_labels, or a token beyond the vocabulary ({last})",
        "see the labels of the data set and num_labels; CUDA_LAUNCH_BLOCKING: 1 under train.env shows where",
    ),
    Known(
        r"driver on your system is too old|driver version is insufficient|no kernel image|forward compatibility"
        r"|Error 803|unsupported display driver",
        "hardware",
        "the GPU's driver does not fit: {said}",
        _DRIVER,
        transient=False,
    ),
    Known(
        r"system not yet initialized",
        "hardware",
        "the GPUs are not ready: {said}",
        "start nvidia-fabricmanager, in the driver's version",
        transient=False,
    ),
    Known(
        r"busy or unavailable",
        "capacity",
        "a GPU is in use: {said}",
        "`nvidia-smi` shows who uses it, and whether its compute mode lets two programs in",
    ),
    Known(
        r"ECC error|Xid|fallen off the bus|CUDA error: unknown error|unspecified launch failure|GPU is lost"
        r"|Unable to determine the device|hardware stack error",
        "hardware",
        "a GPU failed: {said}",
        _CARD,
        transient=False,
    ),
    Known(
        r"illegal memory access|illegal instruction|misaligned address",
        "tool",
        "a kernel went wrong: {said}",
        "try another attn_impl, or without use_liger_kernel; CUDA_LAUNCH_BLOCKING: 1 under train.env shows where",
    ),
    Known(
        r"DistStoreError.*waiting for clients|Timed out after \d+ seconds waiting for clients",
        "network",
        "the other machines did not come: {said}",
        "see their jobs, and whether head in swiftci.yaml can be reached from them",
    ),
    Known(
        r"client socket has timed out|DistNetworkError.*connect|failed to connect to .*master",
        "network",
        "the first machine was not reached: {said}",
        "see head in swiftci.yaml: its address, its port, and a firewall between",
    ),
    Known(
        r"EADDRINUSE|[Aa]ddress already in use|failed to listen on any local network address",
        "user",
        "the port is in use: {said}",
        "two trainings meet there: give head in swiftci.yaml another port",
    ),
)
CONSEQUENCES = (
    Known(
        r"remote process exited|ncclRemoteError|Connection (?:closed|reset) by peer|Broken pipe|recvValue failed",
        "network",
        "a worker lost the others: {said}",
        "the other machines' logs tell which failed first",
    ),
    Known(
        r"Watchdog caught collective|watchdog hang|Process group watchdog thread terminated",
        "hardware",
        "the GPUs waited for each other too long: {said}",
        _AGAIN,
        transient=True,
    ),
    Known(
        r"Fatal Python error: (.*)",
        "tool",
        "Python itself broke down: {0}",
        "a package may be built for another version: try the image, or other versions",
    ),
    Known(r"NCCL", "hardware", "the GPUs could not talk to each other: {said}", _AGAIN, transient=True),
    Known(r"CUDA error", "hardware", "{said}", MAY_TELL, transient=False),
    Known(
        r"DataLoader worker .*killed by signal: (\w+)",
        "memory",
        "a data loader's worker was ended: {said}",
        HOST_MEMORY,
    ),
    Known(r"See root cause above", "tool", "{said}", "the log names the cause further up"),
    Known(
        r"KeyboardInterrupt|got signal: \d+",
        "preempted",
        "was interrupted ({last})",
        STOPPED,
        transient=True,
    ),
)
"""What is seen where another process failed first, or what tells little: only where nothing else fits."""
