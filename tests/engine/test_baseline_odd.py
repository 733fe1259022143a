"""Baselines that are damaged, or that nobody can be asked for in their name."""

import json
import shutil
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread

import pytest

from swiftci.evidence import baseline
from tests.engine.comparing import MARGIN, another
from tests.fake.repository import Repository


@pytest.fixture
def repository(compared: Repository) -> Repository:
    return compared


@pytest.mark.parametrize(
    "odd", [{"tells": {MARGIN["metric"]: 1e300}}, {"run": "../../..", "fingerprint": "x"}, {"run": 5, "verdict": [1]}]
)
def test_odd_line_of_the_history_is_passed_over(odd: dict[str, object], repository: Repository) -> None:
    history = repository.root / ".swiftci" / "history.jsonl"
    line = json.loads(history.read_text())
    history.write_text(f"{json.dumps(line)}\n{json.dumps(line | odd)}\n")
    another(repository)
    ran = repository.run()

    assert ran.code == 3, ran.text
    assert baseline.read(repository.folder) is not None


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("items/candidate.jsonl", '"index": "1"', '"index": 1'),
        ("items/candidate.jsonl", '"scores": {', '"scores": {"x": null, '),
        ("metrics.json", '"value": 1.0', '"value": null'),
    ],
)
def test_committed_baseline_of_wrong_types_is_refused(name: str, old: str, new: str, repository: Repository) -> None:
    repository.swiftci("baseline", "tiny")
    shutil.rmtree(repository.root / ".swiftci")
    path = repository.root / "baselines" / "tiny" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    another(repository)
    ran = repository.run()

    assert ran.code == 2
    assert "damaged: " in ran.text


@pytest.fixture
def endpoint() -> Iterator[str]:
    """The address of a server that is there."""
    server = HTTPServer(("127.0.0.1", 0), type("Files", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


def test_endpoint_is_never_asked_in_the_baseline_s_name(repository: Repository, endpoint: str) -> None:
    repository.config["evaluate"]["endpoint"] = {"url": endpoint, "model": "served"}
    repository.config["evaluate"]["args"]["limit"] = 12
    repository.config["evaluate"]["args"].pop("model_args", None)
    repository.config["gate"]["rules"] = []
    another(repository)
    first = repository.run()
    repository.config["gate"] |= {"rules": [MARGIN], "extend_to": 24}
    another(repository, 14)
    ran = repository.run()

    assert first.code == 0, first.text
    assert repository.called == ["train", "evaluate"]
    assert "no more items are asked: the endpoint serves one model" in ran.text
