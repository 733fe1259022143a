"""A machine with too little memory or disk, and trainings that are stopped."""

import signal

from tests.corpus.record import FULL, LONG
from tests.tools.failures.cases.case import data, sft

FEW_FILES = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__")
"""
MACHINE = (
    sft(
        "cpu-memory",
        "memory",
        "an address space of 3.9 GB, batches of 512 rows",
        changes={"max_length": 1000, **data("long.jsonl"), "per_device_train_batch_size": 512, "tuner_type": "full"},
        address_space=3_900_000_000,
    ),
    sft("cpu-memory-loading", "memory", "an address space of 1.2 GB", address_space=1_200_000_000),
    sft(
        "disk-checkpoint",
        "disk",
        "a disk of 1500 kB for the checkpoints",
        changes=FULL | {"max_steps": 20, "save_steps": 5},
        disk="size=1500k",
    ),
    sft("disk-at-once", "disk", "a disk of 4 kB", disk="size=4k"),
    sft("disk-read-only", "disk", "a disk that is mounted read-only", disk="size=1m,ro"),
    sft(
        "disk-temporary",
        "disk",
        "a disk of 4 kB for TMPDIR and MODELSCOPE_CACHE",
        env={"TMPDIR": "{out}", "MODELSCOPE_CACHE": "{out}/ms"},
        changes={"output_dir": "{lab}/elsewhere"},
        disk="size=4k",
    ),
    sft(
        "open-files",
        "user",
        "ulimit -n 64",
        launch=("-c", FEW_FILES),
        changes={"dataloader_num_workers": 16},
    ),
    sft(
        "sigterm-workers",
        "preempted",
        "SIGTERM while data loader workers run",
        changes={**LONG, "dataloader_num_workers": 2},
        retry="yes",
        stop=signal.SIGTERM,
    ),
    sft(
        "loader-killed",
        "memory",
        "SIGKILL of a data loader worker",
        changes={**LONG, "dataloader_num_workers": 2},
        stop=signal.SIGKILL,
        worker=True,
    ),
)
