"""Drives EvalScope: an evaluate section and what it scores to an argument vector."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.config.model import Evaluate
from swiftci.config.project import Project
from swiftci.tools.swift import gpu_environment, hub_environment, words

OWNED = {
    "model": "it is the checkpoint that the run made",
    "model_id": "it names the folder of the reports",
    "datasets": "they stand under `evaluate.datasets`",
    "work_dir": "reports belong into the run directory",
    "no_timestamp": "the reports' folder must be known beforehand",
    "use_cache": "EvalScope's cache does not notice changed data or weights",
    "rerun_review": "it pairs old answers with new targets",
    "ignore_errors": "failed requests would be left out of the score",
    "dry_run": "it measures nothing and ends well",
}
"""Arguments that a config cannot set, and why."""

SWITCHES = {
    "debug": "",
    "enable_progress_tracker": "",
    "analysis_report": "",
    "stream": "",
    "use_sandbox": "",
    "collect_perf": "--no-collect-perf",
}
"""Arguments that are flags without a value, and what turns each off where it is on by default."""

HOST_CODE = ("humaneval", "humaneval_plus", "live_code_bench", "ds1000", "scicode")
"""Benchmarks that run model-written code on the machine, or score 0 without a sandbox (EvalScope 1.14.1)."""

DETERMINISTIC = {"do_sample": False, "max_tokens": 512}
"""Set unless a config says otherwise: any generation_config replaces EvalScope's own defaults."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is scored: a model folder or hub id, or an adapter on top of one."""

    id: str
    model: str
    adapter: Path | None = None


def subject(id: str, checkpoint: Path | str, base_model: str) -> Subject:
    """What a checkpoint is: an adapter if it holds adapter_config.json, else a model."""
    if isinstance(checkpoint, Path) and (checkpoint / "adapter_config.json").is_file():
        return Subject(id=id, model=base_model, adapter=checkpoint)
    return Subject(id=id, model=str(checkpoint))


def argv(python: str, evaluate: Evaluate, scored: Subject, work_dir: Path, root: Path) -> list[str]:
    """The command; one process scores all data sets."""
    command = [python, "-m", "evalscope.cli.cli", "eval", "--model", scored.model, "--model-id", scored.id]
    command += ["--datasets", *evaluate.datasets, "--work-dir", str(work_dir), "--no-timestamp"]
    args: dict[str, Any] = deepcopy(dict(evaluate.args))
    model_args = dict(args.pop("model_args", {}))
    if scored.adapter:
        model_args = {"model_path": str(scored.adapter), "tokenizer_path": scored.model, **model_args}
    if model_args:
        command += ["--model-args", json.dumps(model_args, ensure_ascii=False)]
    command += ["--generation-config", json.dumps(DETERMINISTIC | dict(args.pop("generation_config", {})))]
    for settings in args.get("dataset_args", {}).values():
        if isinstance(settings, dict) and isinstance(settings.get("local_path"), str):
            settings["local_path"] = str((root / settings["local_path"]).resolve())
    for name in sorted(args):
        flag = "--" + name.replace("_", "-")
        value = args[name]
        if name in SWITCHES:
            found = flag if str(value).lower() == "true" else SWITCHES[name]
            command += [found] if found else []
        else:
            command += [flag, *words(value)]
    return command


def environment(project: Project, gpus: int, inherited: Mapping[str, str]) -> dict[str, str]:
    return dict(inherited) | hub_environment(project.hub, project.cache) | gpu_environment(gpus, inherited)
