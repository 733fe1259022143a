"""Makes a run in MLflow beforehand: it gives ids itself, and a training resumes only a run that is there."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swiftci.spec.error import ToolError

ADDRESS = "MLFLOW_TRACKING_URI"
_SECONDS = 30
_BYTES_MAX = 1_000_000
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]+)?|\[[0-9a-fA-F:]+\](:[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run there, and the page that shows it."""

    id: str
    link: str


def create(environ: Mapping[str, str], name: str) -> Run:
    """A new run in `MLFLOW_EXPERIMENT_NAME`, else in an experiment of the config's name; raises ToolError."""
    from urllib.parse import quote

    address, credentials = _address(environ)
    experiment = environ.get("MLFLOW_EXPERIMENT_NAME") or name
    query = f"?experiment_name={quote(experiment)}"
    found = _ask(address, credentials, "experiments/get-by-name", query=query)
    if found is None:
        found = {"experiment": _ask(address, credentials, "experiments/create", {"name": experiment})}
    number = str(_part(found, "experiment", "experiment_id"))
    made = _ask(address, credentials, "runs/create", {"experiment_id": number, "run_name": name})
    run = str(_part(made, "run", "info", "run_id"))
    return Run(id=run, link=f"{address}/#/experiments/{number}/runs/{run}")


def _address(environ: Mapping[str, str]) -> tuple[str, str]:
    """The server's address without a user, and the value of an Authorization header, empty where there is none."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(environ[ADDRESS].strip())
        host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        host = ""
    if not host or not _HOST.fullmatch(host):
        raise ToolError(message=f"{ADDRESS} is no address", kind="user", hint="as in https://mlflow.example.com")
    user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD", "")
    if parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
    credentials = ""
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        credentials = f"Bearer {token}"
    elif user:
        credentials = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}", credentials


def _part(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    if data is None:
        raise ToolError(message=f"MLflow gave no {keys[-1]}", kind="network", hint=f"see {ADDRESS}")
    return data


def _ask(
    address: str, credentials: str, call: str, body: dict[str, str] | None = None, query: str = ""
) -> dict[str, Any] | None:
    """The answer; None where MLflow has no such thing. `address` is of http, the caller has seen to it."""
    import http.client
    import urllib.error
    import urllib.request

    data = json.dumps(body).encode() if body is not None else None
    try:
        request = urllib.request.Request(f"{address}/api/2.0/mlflow/{call}{query}", data=data)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        if credentials:
            request.add_unredirected_header("Authorization", credentials)
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read(_BYTES_MAX))
    except urllib.error.HTTPError as error:
        if error.code == 404 and body is None:
            return None
        raise _refused(call, f"answered {error.code}") from None
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise _refused(call, f"{type(error).__name__}: {error}") from None
    return found if isinstance(found, dict) else {}


def _refused(call: str, why: str) -> ToolError:
    hint = f"see {ADDRESS} and MLFLOW_TRACKING_TOKEN, or take mlflow out of report_to"
    return ToolError(message=f"MLflow could not be asked to {call}: {why}", kind="network", hint=hint)
