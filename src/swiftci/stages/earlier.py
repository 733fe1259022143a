"""The baseline's weights, brought from the store where it has to be measured anew."""

import json
import shutil
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.evidence import baseline
from swiftci.evidence.baseline import BASELINE
from swiftci.spec.error import ToolError
from swiftci.stages.stage import Context
from swiftci.store import record as records

WEIGHTS = "baseline-weights"
"""The run directory's folder for them; they do not travel."""
_MADE = "made.json"


def wanted(folder: Path) -> str:
    """The digest of the training whose weights are to be measured; "" where there is no need."""
    try:
        found = baseline.read(folder)
    except ValueError:
        return ""
    return found.weights if found and found.differs else ""


def bring(context: Context) -> bool:
    """Brings the weights into the run directory; False, with a line that says why, where that is needless or fails."""
    digest = wanted(context.folder)
    if not digest or context.loaded.config.gate.on_changed_evaluation != "evaluate":
        return False
    if why := fetch(context, digest):
        context.progress.line(f"the baseline cannot be measured anew: {why}")
        return False
    return True


def fetch(context: Context, digest: str) -> str:
    """Brings the weights of that training; why it could not be done, "" where it is."""
    why = _brought(context, digest) if digest else "it is not known where the baseline's weights are"
    if why:
        remove(context.folder)
    return why


def checkpoint(folder: Path) -> Path:
    """The brought checkpoint."""
    made = json.loads((folder / WEIGHTS / _MADE).read_text(encoding="utf-8"))
    return folder / WEIGHTS / str(made["checkpoint"])


def remove(folder: Path) -> None:
    shutil.rmtree(folder / WEIGHTS, ignore_errors=True)


def _brought(context: Context, digest: str) -> str:
    """Why it could not be done; "" where it is."""
    target = context.folder / WEIGHTS
    remove(context.folder)
    then = records.read(context.folder / BASELINE)
    model = texts(context.loaded.config.train.args, "model")[0]
    try:
        before = then.resolved["config"]["train"]["args"]["model"] if then else None
    except (TypeError, LookupError):
        before = None
    if before != model:
        return f"it is of the model {before}, not of {model}"
    if context.store is None:
        return "there is no store that holds its weights"
    try:
        target.mkdir()
        entry = context.store.take(digest, target)
    except (ToolError, OSError) as error:
        return str(error)
    made = str((entry or {}).get("outputs", {}).get("checkpoint", ""))
    path = (target / made).resolve()
    if not made or not path.is_dir() or not path.is_relative_to(target.resolve()):
        return f"{context.store.where} no longer holds its weights"
    (target / _MADE).write_text(json.dumps({"checkpoint": made}), encoding="utf-8")
    return ""
