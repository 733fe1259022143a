"""What EvalScope's benchmarks need: a data set, a judge, a sandbox.

Recorded from EvalScope by `python -m swiftci.tools.record_benchmarks`, run under its interpreter.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[1] / "known_benchmarks.json"

_SETTINGS = {
    "dataset_id": "dataset",
    "dataset_revision": "revision",
    "hf_dataset_id": "hf_dataset",
    "hf_dataset_revision": "hf_revision",
}


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark; `judge` is no, default or always, `sandbox` is no, code (it runs what the model
    wrote) or docker (it starts containers).

    `dataset` is a hub's id or, for a benchmark without a repository, some other text.
    """

    name: str
    dataset: str
    revision: str | None = None
    hf_dataset: str | None = None
    hf_revision: str | None = None
    judge: str = "no"
    sandbox: str = "no"

    def changed(self, settings: Mapping[str, Any]) -> "Benchmark":
        """The benchmark under its entry of EvalScope's `dataset_args` (1.14.1, api/benchmark/meta.py)."""
        given = {field: settings[key] for key, field in _SETTINGS.items() if isinstance(settings.get(key), str)}
        if given.get("dataset", self.dataset) != self.dataset:  # the rest belongs to the old one
            return replace(self, **{"revision": None, "hf_dataset": None, "hf_revision": None} | given)
        return replace(self, **given)

    def source(self, hub: str) -> tuple[str, str | None]:
        """The data set's id and revision on a hub, as EvalScope chooses them (1.14.1, api/dataset/hub.py)."""
        if hub == "huggingface":
            return self.hf_dataset or self.dataset, self.hf_revision or self.revision
        return self.dataset, self.revision


@cache
def _all() -> dict[str, dict[str, Any]]:
    return dict(json.loads(FILE.read_text(encoding="utf-8"))["benchmarks"])


def names() -> Collection[str]:
    """All that are recorded."""
    return _all().keys()


def version() -> str:
    """EvalScope's when they were."""
    return str(json.loads(FILE.read_text(encoding="utf-8"))["version"])


def known(name: str) -> Benchmark | None:
    """What is recorded of a benchmark; None for one that EvalScope did not have then."""
    found = _all().get(name)
    return Benchmark(name=name, **found) if found is not None else None
