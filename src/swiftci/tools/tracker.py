"""Experiment trackers that a training reports to: one run there per run here, kept over a resume, with its link."""

import json
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.config.arguments import texts
from swiftci.config.train import Train
from swiftci.spec.error import ToolError
from swiftci.tools import mlflow

FILE = "tracker.json"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#=%+-]+(/@[A-Za-z0-9._~:/?#=%+-]+)?")
ID_LENGTH = 21
"""Lower-case letters and digits, which all of them take; SwanLab wants just so many."""


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """One tracker: its Python package, where only one has it, its key's variable, what makes it do without, and its
    link in a log.
    """

    name: str
    package: str
    key: str
    keyless: tuple[tuple[str, str], ...] = ()
    link: re.Pattern[str] | None = None


TRACKERS = (
    Tracker(
        name="swanlab",
        package="swanlab",
        key="SWANLAB_API_KEY",
        keyless=(("SWANLAB_MODE", "offline|local|disabled"),),
        link=re.compile(r"View run at (https?://\S+/runs/\S+)"),
    ),
    Tracker(
        name="wandb",
        package="wandb",
        key="WANDB_API_KEY",
        keyless=(("WANDB_MODE", "offline|dryrun|disabled"),),
        link=re.compile(r"View run .*? at:? (https?://\S+/runs/\S+)"),
    ),
    Tracker(name="mlflow", package="", key=mlflow.ADDRESS),
)
"""The key of MLflow is an address; user and password, where it wants them, are variables of their own."""


def trackers(train: Train) -> list[Tracker]:
    """Those that `report_to` names."""
    named = {word for text in texts(train.args, "report_to") for word in text.split()}
    return [one for one in TRACKERS if one.name in named]


def check(found: Sequence[Tracker], train: Train, environ: Mapping[str, str]) -> None:
    """Raises ToolError where a key is missing: the tracker would ask for it on a terminal that is not there."""
    missing = [one for one in found if not environ.get(one.key) and not _keyless(one, train, environ)]
    if missing:
        names = ", ".join(one.key for one in missing)
        raise ToolError(
            message=f"report_to names {', '.join(one.name for one in missing)}, and {names} is not set",
            kind="user",
            hint="set it here; in a workflow, name it under secrets.tracker in swiftci.yaml",
        )


def _keyless(one: Tracker, train: Train, environ: Mapping[str, str]) -> bool:
    if one.name == "swanlab" and texts(train.args, "swanlab_mode") == ["local"]:
        return True
    return any(re.fullmatch(values, environ.get(variable, "")) for variable, values in one.keyless)


def begin(
    found: Sequence[Tracker], folder: Path, fingerprint: str, name: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Variables that give the run its id and name there; reads and writes tracker.json in the run directory.

    A training that did not end keeps its id, so that what resumes it goes on in the same run. Raises ToolError where
    MLflow, which makes its ids itself, refuses or is not there.
    """
    if not found:
        return {}
    before = read(folder)
    if before.get("fingerprint") != fingerprint or before.get("ended"):
        letters = string.ascii_lowercase + string.digits
        before = {"id": "".join(secrets.choice(letters) for _ in range(ID_LENGTH)), "fingerprint": fingerprint}
    names = {one.name for one in found}
    own, run = folder / "tracker", str(before["id"])
    variables: dict[str, str] = {}
    if "wandb" in names:
        variables |= {"WANDB_RUN_ID": run, "WANDB_RESUME": "allow", "WANDB_NAME": name, "WANDB_DIR": str(own)}
    if "swanlab" in names:
        variables |= {"SWANLAB_RUN_ID": run, "SWANLAB_RESUME": "allow", "SWANLAB_LOG_DIR": str(own / "swanlog")}
    if "mlflow" in names and environ.get(mlflow.ADDRESS, "").startswith("http"):
        if "mlflow" not in before:
            made = mlflow.create(environ, name)
            before["mlflow"] = made.id
            before.setdefault("links", {})["mlflow"] = made.link
        variables["MLFLOW_RUN_ID"] = str(before["mlflow"])
    own.mkdir(parents=True, exist_ok=True)
    _write(folder, before)
    return variables


def end(found: Sequence[Tracker], folder: Path, log: Path, *, succeeded: bool) -> None:
    """Keeps the runs' addresses, as the training's log says them, and whether the training ended."""
    if found:
        data = read(folder)
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        data["links"] = data.get("links", {}) | links(found, text)
        data["ended"] = succeeded
        _write(folder, data)


def read(folder: Path) -> dict[str, Any]:
    """What tracker.json of a run directory says; empty where it is not there or damaged."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _write(folder: Path, data: dict[str, Any]) -> None:
    part = folder / f".{FILE}.part"
    part.write_text(json.dumps(data), encoding="utf-8")
    part.replace(folder / FILE)


def shown(folder: Path) -> dict[str, str]:
    """The runs' addresses that a page may show as links, by tracker."""
    kept = read(folder).get("links")
    pairs = kept.items() if isinstance(kept, dict) else ()
    return {str(name): link for name, link in pairs if isinstance(link, str) and _ADDRESS.fullmatch(link)}


def links(found: Sequence[Tracker], log: str) -> dict[str, str]:
    """The runs' addresses as a training's log says them, by tracker."""
    matches = {one.name: one.link.search(log) for one in found if one.link}
    return {name: match[1].rstrip(".,") for name, match in matches.items() if match}
