"""Data sets that ms-swift cannot train on."""

from tests.corpus.record import flags
from tests.tools.failures.cases.case import data, sft

ROWS = (
    sft("half-json", "data", "a line of JSON cut in half in the middle of a file", changes=data("half.jsonl")),
    sft("not-utf8", "data", "a file in GBK", changes=data("gbk.jsonl")),
    sft("no-known-column", "data", "rows with only an unknown column", changes=data("column.jsonl")),
    sft(
        "no-known-column-dropped",
        "data",
        "the same with --strict false",
        changes={**data("column.jsonl"), "strict": "false"},
    ),
    sft("unknown-role", "data", "a message of role teacher", changes=data("role.jsonl")),
    sft("messages-no-list", "data", "messages is a string", changes=data("string.jsonl")),
    sft(
        "too-long-dropped",
        "data",
        "every row longer than --max_length, --strict false",
        changes={"max_length": 8, "strict": "false"},
    ),
    sft("too-long-strict", "data", "rows longer than --max_length", changes=data("long.jsonl")),
    sft("empty-messages", "data", "rows whose messages are an empty list", changes=data("hollow.jsonl")),
    sft("folder-without-data", "user", "--dataset of an empty folder", changes={"dataset": "{lab}/hollow"}),
    sft(
        "dpo-without-rejected", "data", "dpo on rows without rejected_response", *flags(rlhf_type="dpo"), module="rlhf"
    ),
    sft(
        "label-out-of-range",
        "data",
        "seq_cls with a label of 7 and --num_labels 2",
        *flags(task_type="seq_cls", num_labels=2),
        changes=data("label.jsonl"),
    ),
    sft("missing-image", "data", "rows that name an image that is not there", changes=data("image.jsonl")),
    sft(
        "all-to-validation",
        "data",
        "--split_dataset_ratio 1 of one row",
        changes={**data("one.jsonl"), "split_dataset_ratio": 1.0},
    ),
)
