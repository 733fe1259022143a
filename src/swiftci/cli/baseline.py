"""swiftci baseline"""

import json
import os
import shutil
from pathlib import Path

import click

from swiftci.cli import load
from swiftci.cli.runs import named
from swiftci.spec.problem import ConfigError, Problem, printable, quoted


@click.command()
@click.argument("run")
@click.option("--to", "target", type=click.Path(path_type=Path), help="The folder; baselines/NAME when absent.")
def command(run: str, target: Path | None) -> None:
    """Write a run's scores into the repository, to be compared with where no store has them, or as an anchor.

    A run is a directory, a config's name (its local run, else the store's newest), or one that `store ls` names.
    """
    from swiftci.engine.session import open_store
    from swiftci.evidence import metric
    from swiftci.stages.baseline import COMMITTED
    from swiftci.store import record as records
    from swiftci.store.files import write_json

    root, project = load.project([])
    found = named(root, open_store(root, project, os.environ), run)
    folder = (target or root / COMMITTED / found.name).absolute()
    if folder.exists() and not ((folder / records.FILE).is_file() and _ours(folder)):
        message = f"{printable(str(folder))} is there already, and is no baseline"
        raise ConfigError([Problem(code="usage", message=message, hint="name another folder with --to")])
    with found.files() as source:
        try:
            metrics, items = metric.read(source, "candidate"), metric.read_items(source, "candidate")
            record = json.loads((source / records.FILE).read_text(encoding="utf-8"))
            if not records.of(record).succeeded("evaluate"):
                raise ValueError("its evaluation did not succeed, or is older than its training")
        except (OSError, ValueError, RecursionError) as error:
            message = f"the run {quoted(found.title)} cannot be read: {error}"
            raise ConfigError([Problem(code="no-run", message=message)]) from None
        if not metrics:
            message = f"the run {quoted(found.title)} has no scores of a trained model"
            raise ConfigError([Problem(code="no-run", message=message, hint="`swiftci store ls` shows which have")])
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        metric.write(part, "candidate", metrics, items)
        log = source / "train" / "logging.jsonl"
        if log.is_file():
            (part / "train").mkdir()
            shutil.copyfile(log, part / "train" / "logging.jsonl")
        write_json(part / records.FILE, record)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{printable(found.title)}: {len(items)} items, {size:,} bytes in {printable(str(folder))}; commit it")


def _ours(folder: Path) -> bool:
    """Whether a folder holds what this command writes and no more: never a run directory with its weights."""
    inside = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    return inside <= {"run.json", "metrics.json", "items/candidate.jsonl", "train/logging.jsonl"}
