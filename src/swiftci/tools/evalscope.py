"""Drives EvalScope: an evaluate section and what it scores to an argument vector."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.config.evaluate import Evaluate
from swiftci.config.project import Project
from swiftci.tools.swift import hub_environment, words

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

DETERMINISTIC = {"do_sample": False, "max_tokens": 512}
"""Set unless a config says otherwise: any generation_config replaces EvalScope's own defaults."""


SERVED = "openai_api"
SERVED_DEFAULT = {"temperature": 0.0, "seed": 42, "max_tokens": 512}
"""What DETERMINISTIC says, in the words of an OpenAI-compatible API."""
KEY, JUDGE_KEY = "EVALSCOPE_API_KEY", "MODELSCOPE_SDK_TOKEN"
"""The variables by which EvalScope finds the key of an endpoint and of a judge, where no argument holds one."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is scored: a model folder or hub id, or an adapter on top of one; or what answers at `url` as `model`."""

    id: str
    model: str
    adapter: Path | None = None
    url: str | None = None
    keyed: bool = False


def subject(id: str, checkpoint: Path | str, base_model: str) -> Subject:
    """What a checkpoint is: an adapter if it holds adapter_config.json, else a model."""
    if isinstance(checkpoint, Path) and (checkpoint / "adapter_config.json").is_file():
        return Subject(id=id, model=base_model, adapter=checkpoint)
    return Subject(id=id, model=str(checkpoint))


def argv(
    python: str,
    evaluate: Evaluate,
    scored: Subject,
    work_dir: Path,
    root: Path,
    data: Mapping[str, Path] | None = None,
    *,
    cached: bool = False,
) -> list[str]:
    """The command; one process scores all data sets. `data` are folders of data sets that were fetched.

    With `cached` it goes on with the answers in `work_dir`.
    """
    command = [python, "-m", "evalscope.cli.cli", "eval", "--model", scored.model, "--model-id", scored.id]
    command += ["--datasets", *evaluate.datasets, "--work-dir", str(work_dir), "--no-timestamp"]
    command += ["--use-cache", str(work_dir)] if cached else []
    args: dict[str, Any] = deepcopy(dict(evaluate.args))
    if scored.url:
        command += ["--eval-type", SERVED, "--api-url", scored.url]
        command += ["--api-key", ""] if scored.keyed else []  # an empty one: it looks at KEY then
    model_args = dict(args.pop("model_args", {}))
    if scored.adapter:
        model_args = {"model_path": str(scored.adapter), "tokenizer_path": scored.model, **model_args}
    if model_args:
        command += ["--model-args", json.dumps(model_args, ensure_ascii=False)]
    generation = (SERVED_DEFAULT if scored.url else DETERMINISTIC) | dict(args.pop("generation_config", {}))
    command += ["--generation-config", json.dumps(generation)]
    if settings := _data(args.pop("dataset_args", {}), root, data or {}):
        command += ["--dataset-args", json.dumps(settings, ensure_ascii=False)]
    for name in sorted(args):
        flag = "--" + name.replace("_", "-")
        value = args[name]
        if name in SWITCHES:
            found = flag if str(value).lower() == "true" else SWITCHES[name]
            command += [found] if found else []
        else:
            command += [flag, *words(value)]
    return command


def _data(settings: dict[str, Any], root: Path, fetched: Mapping[str, Path]) -> dict[str, Any]:
    """The data sets' own arguments, local folders made absolute and fetched ones named."""
    for one in settings.values():
        if isinstance(one, dict) and isinstance(one.get("local_path"), str):
            one["local_path"] = str((root / one["local_path"]).resolve())
    for name, folder in fetched.items():
        settings.setdefault(name, {}).setdefault("local_path", str(folder))
    return settings


def environment(project: Project, inherited: Mapping[str, str]) -> dict[str, str]:
    """EvalScope's environment, but for the GPUs it is given."""
    found = dict(inherited) | hub_environment(project.hub, project.cache)
    for variable, names in ((KEY, project.secrets.endpoint), (JUDGE_KEY, project.secrets.judge)):
        key = next((inherited[name] for name in names if inherited.get(name)), None)
        found |= {variable: key} if key else {}
    return found
