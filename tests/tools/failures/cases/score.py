"""Evaluations that fail."""

from tests.corpus.record import QA
from tests.tools.failures.cases.case import score
from tests.tools.failures.cases.hub import ONLINE

LOCAL = {
    "model": "{lab}/tiny",
    "model-args": '{"precision":"float32"}',
    "api-url": None,
    "eval-type": None,
    "generation-config": '{"max_tokens":6,"do_sample":false}',
}
SCORES = (
    *(
        score(name, kind, f"an endpoint that answers {how}", serve=how, retry=retry)
        for name, how, kind, retry in (
            ("401", 401, "user", "no"),
            ("403", 403, "user", "no"),
            ("404", 404, "user", "no"),
            ("400", 400, "user", "no"),
            ("429", 429, "network", "yes"),
            ("503", 503, "network", "yes"),
            ("reset", "reset", "network", "yes"),
            ("timeout", "hang", "network", "yes"),
            ("html", "html", "tool", "no"),
            ("no-choices", 200, "tool", "no"),
        )
    ),
    score("refused", "network", "an endpoint where nothing listens", retry="yes"),
    score(
        "unknown-name",
        "network",
        "an endpoint whose name is unknown",
        changes={"api-url": "http://nowhere.invalid/v1"},
        retry="yes",
    ),
    score("unknown-argument", "user", "--no-such 3", "--no-such", "3"),
    score("bad-json", "user", "--dataset-args that is no JSON", changes={"dataset-args": "{oops"}),
    score("bad-choice", "user", "--eval-type nowhere", changes={"eval-type": "nowhere"}),
    score("hub-data", "network", "gsm8k from a hub, no network", dataset="gsm8k", settings={}, retry="yes"),
    score(
        "hub-data-hf",
        "network",
        "gsm8k from Hugging Face, no network",
        "--dataset-hub",
        "huggingface",
        dataset="gsm8k",
        settings={},
        env=ONLINE,
        retry="yes",
    ),
    score(
        "missing-folder",
        "network",
        "local_path of a missing folder",
        dataset="gsm8k",
        settings={"local_path": "{lab}/nowhere"},
        retry="yes",
    ),
    score("missing-model", "user", "--model of a missing folder", changes=LOCAL | {"model": "{lab}/nowhere"}),
    score("bad-items", "data", "items that are no JSON", settings={**QA, "local_path": "{lab}/baditems"}),
    score("items-without-query", "data", "items without a query", settings={**QA, "local_path": "{lab}/noquery"}),
    score("empty-items", "user", "no items at all", settings={**QA, "local_path": "{lab}/noitems"}),
    score(
        "unknown-metric", "user", "metric_list: [Nowhere]", settings={**QA, "metric_list": ["Nowhere"]}, changes=LOCAL
    ),
    score("memory", "memory", "an address space of 2 GB", changes=LOCAL, address_space=2_000_000_000),
    score("disk-full", "disk", "a disk of 4 kB", changes=LOCAL, disk="size=4k"),
    score("damaged-weights", "data", "model.safetensors cut in half", changes=LOCAL | {"model": "{lab}/cut"}),
)
