"""Brings a run's model home: its checkpoint without a training's leftovers, or an adapter merged into its base."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from swiftci.config.arguments import texts
from swiftci.engine.find import Run, held, secret_values
from swiftci.evidence import metric, verdict
from swiftci.spec.error import ToolError
from swiftci.spec.problem import ConfigError, Problem
from swiftci.stages.stage import Progress
from swiftci.store import weights
from swiftci.store.digest import listing
from swiftci.store.files import write_json
from swiftci.tools import failure, gpu, interpreter, output, program, swift
from swiftci.tools.hub.amount import amount
from swiftci.tools.hub.fetched import fetched
from swiftci.tools.local_path import exists, local

LINEAGE = "swiftci.json"
"""Beside the weights: which run they are from, and what was measured."""


def is_adapter(run: Run) -> bool:
    return (run.checkpoint / "adapter_config.json").is_file()


def bring(run: Run, target: Path, merged: bool, environ: Mapping[str, str], progress: Progress) -> None:
    """Writes a run's weights into a new folder, whole or not at all.

    Raises ToolError where the checkpoint is not what the record says, or the tools fail; ConfigError where `target`
    exists or lies in the run directory.
    """
    if target.resolve().is_relative_to(run.folder.resolve()):
        message = f"{target} lies in the run directory itself"
        raise ConfigError([Problem(code="usage", message=message, hint="name a folder outside of it")])
    with held(run), weights.whole(target) as part:
        found = verified(run)
        if merged and is_adapter(run):
            _merge(run, part, environ, progress)
        else:
            _copy(found, part, progress)
        _portable(run, part)
        write_json(part / LINEAGE, lineage(run, merged))


def verified(run: Run) -> list[weights.File]:
    """The checkpoint's files; names and sizes are those that the train stage left."""
    recorded = run.record.stages["train"].inventory.get("checkpoint")
    if recorded is None:
        message = f"the record in {run.folder} does not say what its checkpoint holds"
        raise ToolError(message=message, kind="data", hint="an older swiftci wrote it: train anew, or copy it by hand")
    if recorded != listing(run.checkpoint):
        message = f"{run.checkpoint} is not what the training left: files are missing, cut off or new"
        hint = "`swiftci run` trains it anew; nothing that the record does not vouch for is given out"
        raise ToolError(message=message, kind="data", hint=hint)
    return weights.files(run.checkpoint)


def _copy(found: list[weights.File], part: Path, progress: Progress) -> None:
    total = sum(one.size for one in found)
    weights.need(part, total)
    done = 0

    def moved(size: int) -> None:
        nonlocal done
        done += size
        progress.step(0, 0, f"{amount(done)} of {amount(total)}")

    weights.copy(found, part, moved)
    progress.line(f"{len(found)} files, {amount(total)}, read back and compared")


def _portable(run: Run, part: Path) -> None:
    """Names the repositories that the run fetched as its config does, where files name their folders here."""
    texts = {str(folder): text.partition("#")[0] for text, folder in fetched(run.folder).items()}
    for path in (part / name for name in ("args.json", "adapter_config.json")):
        if texts and path.is_file():
            try:
                data = json.loads(path.read_text(encoding="utf-8"))
            except (ValueError, RecursionError):
                continue  # a tool that needs it will say so
            write_json(path, _renamed(data, texts))


def _renamed(data: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(data, dict):
        return {key: _renamed(value, texts) for key, value in data.items()}
    if isinstance(data, list):
        return [_renamed(value, texts) for value in data]
    return texts.get(data, data) if isinstance(data, str) else data


def base_model(run: Run, train: Mapping[str, object]) -> str:
    """The base model as a tool is given it: a folder here, or a hub id. Raises ToolError where it is gone."""
    text = str(train["model"])
    path = fetched(run.folder).get(text)
    if path is None or not exists(path):
        path = local(text, run.root, data=False)
    if path is None:
        return text
    if not exists(path):
        message = f"the base model {path} is not on this machine"
        hint = "the run's config names it relative to its own repository: go there, or put it in that place"
        raise ToolError(message=message, kind="user", hint=hint)
    return str(path.resolve())


def _merge(run: Run, part: Path, environ: Mapping[str, str], progress: Progress) -> None:
    """Merges on the CPU, which needs memory for the model once and takes no card from a training."""
    train = run.train
    base = base_model(run, train.args)
    if exists(Path(base)):
        wider = 2 if texts(train.args, "torch_dtype") == ["float32"] else 1  # it is saved as it was trained
        weights.need(part, wider * sum(path.stat().st_size for path in Path(base).glob("*.safetensors")))
    environ = run.environ(environ)
    python = interpreter.find(run.project.python, run.root, environ, "ms_swift").path
    argv = [python, "-m", swift.MODULES["export"], "--model", base, "--adapters", str(run.checkpoint.resolve())]
    argv += ["--merge_lora", "true", "--output_dir", str(part)]
    log = run.log("merge")
    log.unlink(missing_ok=True)
    progress.line("merging the adapter into its base model")
    secrets = secret_values(environ)
    ended = program.run(
        argv,
        log=log,
        env=swift.environment(run.project, train, environ) | gpu.environment(()),
        cwd=run.root,
        secrets=secrets,
        echo=progress.echo,
        tick=lambda: progress.step(0, 0, f"{amount(_size(part))} written"),
    )
    if ended.returncode != 0 or not part.is_dir():
        shown = tuple(output.mask(word, secrets) for word in argv)
        raise failure.error("`swift export` failed", ended.returncode, ended.tail, shown, log)
    kept = {one.name for one in weights.files(part)}
    for path in [path for path in part.rglob("*") if path.is_file() and path.relative_to(part).as_posix() not in kept]:
        path.unlink()
    progress.line(f"merged: {amount(_size(part))}")


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError:
        return 0  # the tool renames while it writes


def lineage(run: Run, merged: bool) -> dict[str, object]:
    """What tells these weights from any others."""
    record = run.record
    adapter = is_adapter(run)
    try:
        scores = metric.whole(metric.read(run.folder, "candidate"))
        judged = verdict.read(run.folder)
    except (OSError, ValueError, RecursionError) as error:
        raise ToolError(message=f"the results in {run.folder} are damaged: {error}", kind="data") from None
    model = texts(run.train.args, "model")
    return {
        "schema": 1,
        "name": record.name,
        "kind": "model" if not adapter else "merged" if merged else "adapter",
        "fingerprint": record.fingerprint,
        "commit": record.commit,
        "run": record.url,
        "base": model[0] if model else None,
        "metrics": {key: one.value if math.isfinite(one.value) else None for key, one in sorted(scores.items())},
        "verdict": judged.verdict if judged else None,
        "swiftci": record.swiftci,
        "versions": dict(record.versions),
    }
