"""swiftci store"""

import os
import re
import sys
import time
from pathlib import Path

import click

from swiftci.cli import load
from swiftci.cli.output import print_json
from swiftci.cli.table import WIDE, shown, table, terminal
from swiftci.config.project import Project, Storage
from swiftci.spec.exit import Exit
from swiftci.spec.problem import ConfigError, Problem, printable, quoted
from swiftci.store.kept import Store
from swiftci.store.local import HISTORY, Folder
from swiftci.tools.hub.amount import amount

DIGEST = re.compile(r"[0-9a-f]{64}")
PARTS = ("records", "results", "runs", HISTORY)
"""One of them there is in every store's folder."""

_place = click.option(
    "--path",
    "place",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Another store's folder, as OWNER/REPOSITORY below the project's `store` on the GPU machine.",
)


@click.group()
def command() -> None:
    """List, check and tidy up what the store keeps."""


@command.command()
@click.argument("name", required=False)
@_place
@click.option("--format", "style", type=click.Choice(["text", "json"]), default="text", help="How it is printed.")
def ls(name: str | None, place: Path | None, style: str) -> None:
    """List the runs that are kept, or those of a config, newest first."""
    from swiftci.cli.runs import every, kept
    from swiftci.cli.store_view import listed, listing

    _, store = _opened(place)
    found = every(store, name)
    if name and not found:
        kept(store, name)  # says what there is instead
    if style == "json":
        print_json([listed(one, store) for one in found])
    elif found:
        print(listing([listed(one, store) for one in found]))
    else:
        print(f"{printable(store.where)} keeps no runs")


@command.command()
@click.argument("run")
@_place
def show(run: str, place: Path | None) -> None:
    """Show a run in full: what decided it, what it took, what came of it, where it is.

    RUN is a config's name, for its newest, or a run as `store ls` names it: NAME/RUN, or RUN.
    """
    from swiftci.cli.runs import kept
    from swiftci.cli.store_view import whole

    _, store = _opened(place)
    print("\n".join(whole(kept(store, run), store, terminal())))


@command.command()
@click.option("--deep", is_flag=True, help="Read every byte, and compare it with its digest.")
@_place
def fsck(deep: bool, place: Path | None) -> Exit:
    """Check that what is kept is whole; changes nothing. Exit code 4 where it is not."""
    _, store = _opened(place)
    faults = store.fsck(deep=deep)
    if store.local is not None:
        from swiftci.store.fsck import leftovers

        for text in leftovers(Folder(store.local), time.time()):
            print(f"notice: {text}")
    for text in faults:
        print(f"error: {text}")
    told = f"{len(faults)} fault{'s' * (len(faults) != 1)}" if faults else "sound"
    print(f"{printable(store.where)}: {told}{'' if deep else ' (--deep reads every byte)'}")
    return Exit.TOOL if faults else Exit.DONE


@command.command()
@click.option("--dry-run", "dry", is_flag=True, help="Say what would go, and remove nothing.")
@_place
def gc(dry: bool, place: Path | None) -> Exit:
    """Remove what the policy under `store` lets go, and what killed processes left.

    What a branch's or tag's newest run or a running job needs always stays.
    """
    project, store = _opened(place)
    policy, now = project.store or Storage(path=store.where), time.time()
    if store.local is not None:
        return _clean(Folder(store.local), policy, dry=dry, now=now)

    from swiftci.store.bucket import Bucket
    from swiftci.store.retention_bucket import collect

    if policy.max_gb is not None:
        print("swiftci: notice: store.max_gb is for folders, and does nothing in a bucket", file=sys.stderr)
    found = list(collect(store, policy, dry, now)) if isinstance(store, Bucket) else []
    for rule, objects, freed in found:
        print(f"{rule}: {objects} objects, {amount(freed)} {'would go' if dry else 'removed'}")
    if not found:
        print(f"{printable(store.where)}: neither keep_days nor keep_runs is set: nothing to remove")
    return Exit.DONE


def _clean(store: Folder, policy: Storage, *, dry: bool, now: float) -> Exit:
    from swiftci.store.retention import collect

    found = collect(store, policy, dry, now)
    words = {"removed": "would go", "restored": "would come back"} if dry else {}
    rows = [[words.get(one.state, one.state), _short(one.what), one.why, amount(one.bytes)] for one in found]
    if rows:
        print(table([[shown(cell, WIDE) for cell in row] for row in rows], right=(3,)))
    freed = amount(sum(one.bytes for one in found))
    told = f"{freed} {'would be freed' if dry else 'freed'}" if found else "nothing to remove"
    print(f"{printable(store.where)}: {told}")
    return Exit.TOOL if any(one.state == "failed" for one in found) else Exit.DONE


def _short(path: str) -> str:
    """A path in a store, digests cut to what tells them apart."""
    return DIGEST.sub(lambda found: f"{found[0][:16]}…", path)


def _opened(place: Path | None) -> tuple[Project, Store]:
    """The project around the current folder, and its store, or the one in that folder."""
    from swiftci.engine.session import open_store

    root, project = load.project([])
    if place is None:
        store = open_store(root, project, os.environ)
        if store is None:
            hint = "name a folder or an address as `store:` in swiftci.yaml"
            raise ConfigError([Problem(code="usage", message="no store is set, so nothing outlives a job", hint=hint)])
        return project, store
    if not any((place / part).exists() for part in PARTS):
        below = sorted({str(path.parent) for part in PARTS for path in place.glob(f"*/*/{part}")})
        hint = f"below it: {', '.join(below)}" if below else ""
        message = f"{quoted(str(place))} holds no store"
        raise ConfigError([Problem(code="usage", message=message, hint=printable(hint))])
    return project, Folder(place.absolute())
