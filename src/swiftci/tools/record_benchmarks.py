"""Records what EvalScope's benchmarks need into known_benchmarks.json; runs under the interpreter that holds it."""

import importlib.metadata
import inspect
import json
import re
import sys
from pathlib import Path
from typing import Any

_JUDGE = {"rule_default": "no", "judge_default": "default", "judge_only": "always"}
_DOCKER = re.compile(r"engine='docker'|docker_image|Docker CLI")
"""How an adapter's source speaks that starts containers; EvalScope declares only the sandboxes of code benchmarks."""


def recorded() -> dict[str, Any]:
    """EvalScope's version, and of each benchmark what is not the usual."""
    import evalscope.benchmarks  # type: ignore[import-not-found]  # noqa: F401 -- fills the registry
    from evalscope.api.registry import BENCHMARK_REGISTRY  # type: ignore[import-not-found] # in the tools' interpreter

    found = {name: _one(meta) for name, meta in sorted(BENCHMARK_REGISTRY.items())}
    return {"version": importlib.metadata.version("evalscope"), "benchmarks": found}


def _one(meta: Any) -> dict[str, Any]:
    entry = {
        "dataset": meta.dataset_id,
        "revision": meta.dataset_revision,
        "hf_dataset": meta.hf_dataset_id if meta.hf_dataset_id != meta.dataset_id else None,
        "hf_revision": meta.hf_dataset_revision,
        "judge": _JUDGE[meta.data_adapter.scoring_policy.value],
        "sandbox": "code" if meta.sandbox_config else "docker" if _starts_containers(meta.data_adapter) else "no",
    }
    return {key: value for key, value in entry.items() if key == "dataset" or value not in (None, "no")}


def _starts_containers(adapter: type) -> bool:
    own = [one for one in adapter.__mro__ if one.__module__.startswith("evalscope.benchmarks")]
    folders = {Path(inspect.getfile(one)).parent for one in own}
    return any(_DOCKER.search(path.read_text()) for folder in folders for path in folder.glob("*.py"))


if __name__ == "__main__":
    text = json.dumps(recorded(), indent=0, ensure_ascii=False) + "\n"
    target = Path(__file__).with_name("known_benchmarks.json")
    if "--check" in sys.argv:
        sys.exit(0 if target.read_text() == text else "known_benchmarks.json is stale: run this without --check")
    target.write_text(text)
