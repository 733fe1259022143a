"""Hubs that are not reached, or refuse."""

from tests.tools.failures.cases.case import sft

ONLINE = {"HF_HUB_OFFLINE": "0", "HF_HUB_DOWNLOAD_TIMEOUT": "2", "HF_HUB_ETAG_TIMEOUT": "2"}
MODELSCOPE = {"USE_HF": "0"}
HUB = (
    sft("hf-offline", "network", "--model of a hub id, HF_HUB_OFFLINE=1", changes={"model": "Qwen/Qwen3-0.6B"}),
    sft(
        "hf-unreachable",
        "network",
        "--model of a hub id, no network",
        changes={"model": "Qwen/Qwen3-0.6B"},
        env=ONLINE,
        retry="yes",
    ),
    sft(
        "hf-data-unreachable",
        "network",
        "--dataset of a hub id, no network",
        changes={"dataset": "AI-ModelScope/alpaca-gpt4-data-en"},
        env=ONLINE,
        retry="yes",
    ),
    sft(
        "ms-unreachable",
        "network",
        "--model of a ModelScope id, no network",
        changes={"model": "Qwen/Qwen3-0.6B"},
        env=MODELSCOPE,
        retry="yes",
    ),
    sft(
        "ms-data-unreachable",
        "network",
        "--dataset of a ModelScope id, no network",
        changes={"dataset": "AI-ModelScope/alpaca-gpt4-data-en"},
        env=MODELSCOPE,
        retry="yes",
    ),
    sft(
        "proxy-refused",
        "network",
        "a proxy where nothing listens",
        changes={"model": "Qwen/Qwen3-0.6B"},
        env=ONLINE | {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"},
        retry="yes",
    ),
    *(
        sft(
            f"hf-{name}",
            kind,
            f"a hub that answers {how}",
            changes={"model": "Qwen/Qwen3-0.6B"},
            env=ONLINE | {"HF_ENDPOINT": "http://127.0.0.1:{port}"},
            serve=how,
            retry=retry,
        )
        for name, how, kind, retry in (
            ("reset", "reset", "network", "yes"),
            ("401", 401, "user", "no"),
            ("403", 403, "user", "no"),
            ("404", 404, "user", "no"),
            ("429", 429, "network", "yes"),
            ("503", 503, "network", "yes"),
        )
    ),
)
