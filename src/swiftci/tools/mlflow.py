"""Makes a run in MLflow beforehand: it gives ids itself, and a training resumes only a run that is there."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swiftci.spec.error import ToolError

ADDRESS = "MLFLOW_TRACKING_URI"
_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run there, and the page that shows it."""

    id: str
    link: str


def create(environ: Mapping[str, str], name: str) -> Run:
    """A new run in `MLFLOW_EXPERIMENT_NAME`, else in an experiment of the config's name; raises ToolError."""
    from urllib.parse import quote

    address = environ[ADDRESS].rstrip("/")
    experiment = environ.get("MLFLOW_EXPERIMENT_NAME") or name
    query = f"?experiment_name={quote(experiment)}"
    found = _ask(address, environ, "experiments/get-by-name", query=query)
    if found is None:
        found = {"experiment": _ask(address, environ, "experiments/create", {"name": experiment})}
    number = str(_part(found, "experiment", "experiment_id"))
    made = _ask(address, environ, "runs/create", {"experiment_id": number, "run_name": name})
    run = str(_part(made, "run", "info", "run_id"))
    return Run(id=run, link=f"{address}/#/experiments/{number}/runs/{run}")


def _part(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    if data is None:
        raise ToolError(message=f"MLflow gave no {keys[-1]}", kind="network", hint=f"see {ADDRESS}")
    return data


def _ask(
    address: str, environ: Mapping[str, str], call: str, body: dict[str, str] | None = None, query: str = ""
) -> dict[str, Any] | None:
    """The answer; None where MLflow has no such thing. `address` is of http, the caller has seen to it."""
    import urllib.error
    import urllib.request

    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"{address}/api/2.0/mlflow/{call}{query}", data=data)  # noqa: S310
    request.add_header("Content-Type", "application/json")
    if token := environ.get("MLFLOW_TRACKING_TOKEN"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    elif user := environ.get("MLFLOW_TRACKING_USERNAME"):
        both = f"{user}:{environ.get('MLFLOW_TRACKING_PASSWORD', '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(both).decode()}")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            found = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 404 and body is None:
            return None
        raise _refused(call, f"answered {error.code}") from None
    except (OSError, ValueError) as error:
        raise _refused(call, str(error)) from None
    return found if isinstance(found, dict) else {}


def _refused(call: str, why: str) -> ToolError:
    hint = f"see {ADDRESS} and MLFLOW_TRACKING_TOKEN, or take mlflow out of report_to"
    return ToolError(message=f"MLflow could not be asked to {call}: {why}", kind="network", hint=hint)
