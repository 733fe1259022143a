"""As much of an MLflow server as a training asks for: experiments, runs, parameters and metrics, kept in memory."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Mlflow:
    """A running stand-in; `runs` by id, `metrics` as (run, key, value)."""

    url: str = ""
    token: str = ""
    experiments: list[str] = field(default_factory=list)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    metrics: list[tuple[str, str, float]] = field(default_factory=list)
    refused: int = 0

    def answer(self, call: str, asked: dict[str, Any]) -> dict[str, Any] | None:
        """What a call gives; None is a 404."""
        if call == "experiments/get-by-name":
            name = asked["experiment_name"]
            return self.experiment(name) if name in self.experiments else None
        if call == "experiments/create":
            self.experiments.append(asked["name"])
            return {"experiment_id": str(len(self.experiments))}
        if call == "experiments/get":
            return self.experiment(self.experiments[int(asked["experiment_id"]) - 1])
        if call == "runs/create":
            run = f"{len(self.runs) + 1:032x}"
            info = {"run_id": run, "run_uuid": run, "experiment_id": asked["experiment_id"], "status": "RUNNING"}
            info |= {
                "run_name": asked.get("run_name", ""),
                "artifact_uri": "mlflow-artifacts:/1",
                "lifecycle_stage": "active",
            }
            self.runs[run] = {"info": info, "data": {}}
            return {"run": self.runs[run]}
        if call == "runs/get":
            found = self.runs.get(asked["run_id"])
            return {"run": found} if found else None
        if call in ("runs/log-batch", "runs/log-metric"):
            rows = asked.get("metrics", [asked] if call.endswith("metric") else [])
            self.metrics += [(asked["run_id"], row["key"], row["value"]) for row in rows]
            return {}
        if call == "runs/update":
            self.runs[asked["run_id"]]["info"]["status"] = asked.get("status", "")
            return {"run_info": self.runs[asked["run_id"]]["info"]}
        return {}

    def experiment(self, name: str) -> dict[str, Any]:
        number = str(self.experiments.index(name) + 1)
        return {
            "experiment": {
                "experiment_id": number,
                "name": name,
                "lifecycle_stage": "active",
                "artifact_location": "mlflow-artifacts:/1",
            }
        }


@contextmanager
def server(token: str = "", basic: str = "") -> Iterator[Mlflow]:
    """Serves while inside; where there is a `token`, or the header `basic`, nobody is answered without it."""
    found = Mlflow(token=token)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.handle_call(json.loads(self.rfile.read(length) or b"{}"))

        def do_GET(self) -> None:
            self.handle_call({key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()})

        def handle_call(self, asked: dict[str, Any]) -> None:
            wanted = f"Bearer {token}" if token else basic
            if wanted and self.headers.get("Authorization") != wanted:
                found.refused += 1
                return self.reply(401, {"error_code": "UNAUTHENTICATED"})
            call = urlsplit(self.path).path.partition("/mlflow/")[2]
            answer = found.answer(call, asked)
            missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": f"no {call}"}
            return self.reply(200, answer) if answer is not None else self.reply(404, missing)

        def reply(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        http.shutdown()
        http.server_close()
