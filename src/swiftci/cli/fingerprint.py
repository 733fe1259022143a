"""swiftci fingerprint"""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from swiftci.cli import load
from swiftci.cli.output import print_json
from swiftci.cli.table import shown, terminal
from swiftci.config.load import Loaded
from swiftci.config.project import Project
from swiftci.store import fingerprint
from swiftci.store.fingerprint import Part

KEY = 48
"""Columns of a key at most, where a value is to stand beside it."""


@click.command()
@click.argument("config", type=click.Path())
@click.option("--explain", is_flag=True, help="Show each thing that decides the result, and what the store has of it.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, as in train.args.max_steps=2.",
)
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def command(config: str, explain: bool, sets: tuple[str, ...], style: str) -> None:
    """Print the digest of all that decides a result.

    What this machine does not know, such as the tools' versions where there are none, does not count.
    """
    root, project, loaded = load.one(config, sets, disk="there")
    parts = _parts(root, project, loaded)
    deferred = [part for part in parts if part.deferred]
    if style == "json":
        stages = _stages(root, project, loaded, parts)
        head = {"name": loaded.config.name, "fingerprint": fingerprint.of(parts), "known": not deferred}
        print_json({**head, "parts": [asdict(part) for part in parts], "stages": stages})
        return
    print(fingerprint.of(parts))
    if explain:
        _explain(parts, _stages(root, project, loaded, parts), terminal())
    elif deferred:
        told = f"{len(deferred)} thing{'s' * (len(deferred) != 1)} that decide{'s' * (len(deferred) == 1)} the result"
        print(f"swiftci: notice: {told} cannot be known on this machine; --explain names them", file=sys.stderr)


def _parts(root: Path, project: Project, loaded: Loaded) -> tuple[Part, ...]:
    from swiftci.engine.session import LOCAL, run_folder, versions
    from swiftci.store.digest import Digests
    from swiftci.store.files import write_text
    from swiftci.store.fingerprint import Known

    folder = run_folder(root, project, loaded.config.name, os.environ)
    if folder.is_relative_to(root / LOCAL) and not (root / LOCAL / ".gitignore").exists():
        write_text(root / LOCAL / ".gitignore", "*\n")
    known = Known(versions=versions(root, project, os.environ) or None, folder=folder)
    digests = Digests(folder / "digests.json")  # the run's own: a model's bytes are read once
    return fingerprint.parts(project, loaded.config, root, digests, known, os.environ)


def _stages(root: Path, project: Project, loaded: Loaded, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Each call whose result outlives a run, with its digest, and whether the store has it."""
    from swiftci.engine.carry import inputs_of
    from swiftci.engine.session import open_store
    from swiftci.plan.build import build
    from swiftci.spec.error import ToolError
    from swiftci.stages import BY_NAME, decided

    store, found, silent = open_store(root, project, os.environ), [], ""
    for call in build(project, loaded).calls:
        stage = BY_NAME[call.stage]
        if not stage.keeps:
            continue
        inputs = inputs_of(stage, call.inputs)
        unknown = list(dict.fromkeys(p.key for p in decided.deferred(stage, inputs, parts, loaded.config)))
        digest = None if unknown else decided.of_parts(stage, inputs, parts, loaded.config)
        one: dict[str, Any] = {"call": call.id, "digest": digest, "deferred": unknown, "kept": None, "by": ""}
        if silent:  # who waits half a minute for no answer shall not wait for it again
            one["error"] = silent
        elif store and digest:
            try:
                entry = store.find(digest)
                one["kept"] = entry is not None
                one["by"] = str(entry.get("url") or entry.get("run") or "") if entry else ""
            except ToolError as error:
                one["error"] = error.message
                silent = error.message if error.kind == "network" else ""
        found.append(one)
    return found


def _explain(parts: Sequence[Part], stages: list[dict[str, Any]], width: int) -> None:
    """The parts by the config's section, then the stages."""
    column = min(KEY, max(len(part.key) for part in parts))
    order = list(dict.fromkeys(_head(part) for part in parts))
    for head, group in groupby(sorted(parts, key=lambda part: order.index(_head(part))), key=_head):
        print(f"\n{head}")
        for part in group:
            value = f"? {part.deferred}" if part.deferred else part.value
            print(f"  {shown(part.key, column):<{column}}  {shown(value, max(20, width - column - 4))}")
    print("\nresults" if stages else "")
    for one in stages:
        print("  " + shown(f"{one['call']}: {_kept(one)}", width - 2))


def _head(part: Part) -> str:
    return part.section.partition(".")[0]


def _kept(one: dict[str, Any]) -> str:
    if one["deferred"]:
        return f"cannot be known here, for want of the {', '.join(one['deferred'])}"
    if "error" in one:
        return f"{one['digest']}; the store cannot be asked: {one['error']}"
    if one["kept"] is None:
        return f"{one['digest']}; there is no store to look in"
    by = f", made by {one['by']}" if one["by"] else ""
    return f"{one['digest']}, in the store{by}" if one["kept"] else f"{one['digest']}, not in the store"
