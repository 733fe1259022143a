"""Uploads a folder to a repository on a hub, through the hub's own client under the tools' interpreter."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swiftci.spec.error import ToolError
from swiftci.spec.problem import printable
from swiftci.tools import output, program
from swiftci.tools.hub.access import ENDPOINT_VARIABLE, TOKEN_VARIABLES, Access

SCRIPT = Path(__file__).with_name("upload_script.py")
_NETWORK = ("Connect", "Network", "Timeout", "Transport", "Protocol", "SSL", "Offline", "RetryError")
"""Parts of the names of the errors that clients raise where a hub cannot be reached."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What to upload, and where to; `revision` None is the hub's default branch, `name` the run's."""

    access: Access
    repository: str
    folder: Path
    name: str
    revision: str | None = None
    public: bool = False


@dataclass(frozen=True, kw_only=True)
class Uploaded:
    """Where it is now; `commit` is empty where the hub did not say it."""

    address: str
    commit: str
    private: bool


def upload(
    python: str,
    asked: Upload,
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path,
    tick: Callable[[], None],
    echo: Callable[[str], None] | None,
) -> Uploaded:
    """Creates the repository where it is not there, and commits the folder's files.

    Raises ToolError where the hub refuses, or is not reached, or the repository is public or another model's.
    """
    hub, token = asked.access.hub, asked.access.token or ""
    env = {
        **env,
        ENDPOINT_VARIABLE[hub]: asked.access.endpoint,
        TOKEN_VARIABLES[hub][0]: token,
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    job = {
        "hub": hub,
        "endpoint": asked.access.endpoint,
        "shown": asked.access.shown,
        "repository": asked.repository,
        "folder": str(asked.folder),
        "name": asked.name,
        "revision": asked.revision,
        "public": asked.public,
    }
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="swiftci-push-") as folder:
        told, answer = Path(folder) / "job.json", Path(folder) / "result.json"
        told.write_text(json.dumps(job), encoding="utf-8")
        argv = [python, "-I", str(SCRIPT), str(told), str(answer)]  # -I: the script's folder is no place to import from
        ended = program.run(argv, log=log, env=env, cwd=cwd, secrets=(token,), tick=tick, echo=echo)
        try:
            result = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            result = {}
    if "address" in result and ended.returncode == 0:
        return Uploaded(address=result["address"], commit=result["commit"], private=result["private"])
    raise _refused(asked, result, ended, log)


def _refused(asked: Upload, result: dict[str, Any], ended: program.Ended, log: Path) -> ToolError:
    access, where = asked.access, f"{asked.repository} on {asked.access.shown}"
    status = result.get("status", 0)
    said = printable(output.mask(str(result.get("error", "")).strip().split("\n")[0], (access.token or "",)))
    if "refused" in result:
        return ToolError(message=f"nothing was uploaded to {where}: {printable(result['refused'])}", kind="user")
    if status == 401:
        message, hint = f"{access.shown} does not take the token in {access.variable}", "make a new one that may write"
    elif status == 403:
        message = f"the account of the token in {access.variable} may not write to {where}"
        hint = "the token may be for reading only, or the owner may be another account or organisation"
    elif status == 404:
        message, hint = f"{where} is not there for this account: {said}", "look for a typing mistake in it"
    elif result.get("kind") in ("ModuleNotFoundError", "ImportError"):
        message = f"the tools' interpreter has no client for this hub: {said}"
        hint = "pip install -U modelscope huggingface_hub there"
    elif status >= 500 or (not status and any(part in str(result.get("kind")) for part in _NETWORK)):
        message = f"{access.shown} could not be reached: {said}"
        hint = "what was uploaded is not seen before its commit, so the same command starts over"
        return ToolError(message=message, kind="network", hint=hint, log=log)
    else:
        message, hint = f"the upload to {where} failed: {said or 'its client died'}", ""
    kind = "user" if status in (401, 403, 404) else "tool"
    tail = () if status else ended.tail[-15:]
    return ToolError(message=message, kind=kind, hint=hint, returncode=ended.returncode, tail=tail, log=log)  # type: ignore[arg-type] # two of its words
