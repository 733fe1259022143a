"""The hubs' own clients against the stand-in, and the real EvalScope on what we fetched from it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftci.tools.hub import benchmarks
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import ROWS, WEIGHTS, Stand

TOOLS = Path(__file__).parents[3] / ".venv-swift/bin"
Content = Callable[[Path], dict[str, bytes]]


def environ(hub: Hub, home: Path) -> dict[str, str]:
    return {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(home),
        "HF_ENDPOINT": hub.endpoint,
        "MODELSCOPE_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_TOKEN": "hf_0123456789",
        "MODELSCOPE_API_TOKEN": "hf_0123456789",
    }


@pytest.mark.real
@pytest.mark.parametrize("kind", ["model", "dataset"])
@pytest.mark.parametrize("client", ["hf", "modelscope"])
def test_hubs_own_client_fetches_from_the_stand_in(
    hub: Hub, tmp_path: Path, content: Content, client: str, kind: str
) -> None:
    hub.token = "hf_0123456789"
    hub.page = 3
    repository = "team/tiny.1" if kind == "model" else "team/rows"
    option = "--type" if client == "hf" else "--repo-type"
    argv = [TOOLS / client, "download", repository, option, kind, "--local-dir", tmp_path / "there"]
    done = subprocess.run(argv, env=environ(hub, tmp_path), capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    files = {name: data for name, data in content(tmp_path / "there").items() if not name.startswith(".")}
    assert files == (
        {"config.json": b"{}\n", "model.safetensors": WEIGHTS}
        if kind == "model"
        else {"README.md": b"# rows\n", "data/a b.jsonl": ROWS}
    )
    assert hub.asked_cdn


def shape(hub: Hub) -> set[tuple[str, str, tuple[str, ...], bool]]:
    """What was asked, with or without a token; not how often, with which method, and by which name of the revision."""
    branches = {"master", "main", hub.commit("models/team/tiny.1"), hub.commit("datasets/team/rows")}
    found = set()
    for one in hub.requests:
        if "tiny" in one.path or "rows" in one.path:
            path = "/".join("REVISION" if part in branches else part for part in one.path.split("/"))
            found.add((one.server, path, tuple(sorted(one.query)), bool(one.token)))
    return found


@pytest.mark.real
@pytest.mark.parametrize("kind", ["model", "dataset"])
@pytest.mark.parametrize(("client", "name"), [("hf", "huggingface"), ("modelscope", "modelscope")])
def test_our_requests_are_those_of_the_hubs_own_client(
    stand: Stand, hub: Hub, tmp_path: Path, client: str, name: str, kind: str
) -> None:
    stand.environ = environ(hub, tmp_path)
    (stand.model if kind == "model" else stand.data)(name)
    ours = shape(hub)
    hub.requests.clear()
    repository = "team/tiny.1" if kind == "model" else "team/rows"
    option = "--type" if client == "hf" else "--repo-type"
    argv = [TOOLS / client, "download", repository, option, kind, "--local-dir", tmp_path / "there"]
    subprocess.run(argv, env=environ(hub, tmp_path), capture_output=True, check=True, timeout=120)

    assert shape(hub) == ours


@pytest.mark.real
def test_modelscopes_own_client_goes_on_after_a_cut_as_ours_does(stand: Stand, hub: Hub, tmp_path: Path) -> None:
    hub.faults = [Fault("model.safetensors", cut=100_000, server="cdn")]
    stand.model("modelscope")
    ours = [one.headers.get("range") for one in hub.asked_cdn]
    hub.requests.clear()
    hub.faults = [Fault("model.safetensors", cut=100_000, server="cdn")]
    argv = [TOOLS / "modelscope", "download", "team/tiny.1", "--local-dir", tmp_path / "there"]
    subprocess.run(argv, env=environ(hub, tmp_path), capture_output=True, check=True, timeout=120)

    assert [one.headers.get("range") for one in hub.asked_cdn] == ours == [None, "bytes=100000-"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """gsm8k and ceval, made up, as they lie on the hubs."""
    folder = tmp_path_factory.mktemp("made")
    script = Path(__file__).with_name("make_benchmarks.py")
    subprocess.run([TOOLS / "python", script, folder / "datasets"], check=True, timeout=120)
    return folder


def scored(argv: list[Any], env: dict[str, str], work: Path) -> dict[str, int]:
    """Runs EvalScope with its mock model; returns how many items each benchmark had."""
    base = [TOOLS / "evalscope", "eval", "--model", "mock", "--model-id", "mock", "--eval-type", "mock_llm"]
    done = subprocess.run(
        [*base, "--work-dir", work, "--no-timestamp", *argv], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    reports = {path.stem: json.loads(path.read_text()) for path in (work / "reports/mock").glob("*.json")}
    return {name: report["execution_summary"]["requested"] for name, report in reports.items()}


@pytest.mark.real
@pytest.mark.parametrize("name", ["modelscope", "huggingface"])
def test_evalscope_finds_what_was_fetched_and_asks_nobody(
    stand: Stand, hub: Hub, made: Path, tmp_path: Path, name: str
) -> None:
    hub.root = made
    folders = {}
    for benchmark in ("gsm8k", "ceval"):
        found = benchmarks.known(benchmark)
        assert found is not None
        source, revision = found.source(name)
        folders[benchmark] = stand.fetch(name, "dataset", source, revision).folder
    before = {path: path.stat().st_size for folder in folders.values() for path in folder.rglob("*")}
    hub.requests.clear()
    settings = {
        "gsm8k": {"local_path": str(folders["gsm8k"])},
        "ceval": {"local_path": str(folders["ceval"]), "subset_list": ["logic"]},
    }
    argv = ["--datasets", "gsm8k", "ceval", "--dataset-hub", name, "--dataset-args", json.dumps(settings)]
    counts = scored(argv, environ(hub, tmp_path), tmp_path / "work")

    assert counts == {"gsm8k": 3, "ceval": 2}
    assert hub.said == []
    assert {path: path.stat().st_size for folder in folders.values() for path in folder.rglob("*")} == before


@pytest.mark.real
def test_recorded_benchmarks_are_evalscopes() -> None:
    env = {"PYTHONPATH": str(Path(__file__).parents[3] / "src"), "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    argv = [TOOLS / "python", "-m", "swiftci.tools.record_benchmarks", "--check"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
