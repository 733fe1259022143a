"""The download stage: what it fetches, says and writes down."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swiftci.spec.error import ToolError
from swiftci.spec.problem import ConfigError
from swiftci.stages import download
from swiftci.stages.stage import Context
from swiftci.tools.hub import client
from swiftci.tools.hub.fetched import fetched
from tests.fake.repository import CONFIG, Repository, wait_for
from tests.stages.stand import Heard, context
from tests.standin.hub import Fault, Hub, serving

WEIGHTS = b"w" * 200_000


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(client, "WAITS", (0.0,))
    monkeypatch.setenv("NO_PROXY", "*")
    with serving(tmp_path / "hub") as found:
        found.write("models/team/tiny", {"config.json": b"{}", "model.safetensors": WEIGHTS})
        found.write("datasets/team/rows", {"rows.jsonl": b"{}\n"})
        found.write(
            "datasets/AI-ModelScope/gsm8k", {"README.md": b"#", "test.jsonl": b"{}\n", "dataset_infos.json": b"{}"}
        )
        yield found


def stage(repository: Repository, hub: Hub, **args: Any) -> Context:
    repository.project["hub"] = {"name": "modelscope", "endpoint": hub.endpoint}
    repository.config["train"]["args"] |= args
    repository.write()
    return context(repository)


def heard(found: Context) -> Heard:
    assert isinstance(found.progress, Heard)
    return found.progress


def test_run_with_local_paths_asks_nobody(repository: Repository, hub: Hub) -> None:
    found = stage(repository, hub)
    done = download.run(download.Inputs(), found)

    assert hub.said == []
    assert (done.checked, done.repositories, done.fetched_bytes) == (3, 0, 0)
    assert not (found.folder / "downloads.json").exists()
    assert fetched(found.folder) == {}


def test_model_data_and_benchmark_are_fetched_and_written_down(
    repository: Repository, hub: Hub, tmp_path: Path
) -> None:
    repository.config["evaluate"]["datasets"] = ["general_qa", "gsm8k"]
    found = stage(repository, hub, model="team/tiny", dataset=["team/rows#20", "data/train.jsonl"])
    done = download.run(download.Inputs(), found)

    where = fetched(found.folder)
    cache = Path(repository.environ["HOME"]) / ".cache/swiftci/modelscope"
    assert list(where) == ["team/tiny", "team/rows#20", "evaluate:gsm8k"]
    assert where["team/tiny"] == cache / "models/team" / hub.commit("models/team/tiny") / "tiny"
    assert sorted(path.name for path in where["evaluate:gsm8k"].iterdir()) == ["README.md", "test.jsonl"]
    assert (done.checked, done.repositories) == (2, 3)
    assert done.fetched_bytes == 2 + len(WEIGHTS) + 3 + 4
    assert json.loads((found.folder / "downloads.json").read_text())["team/rows#20"] == {
        "key": "train.args.dataset",
        "hub": "modelscope",
        "kind": "dataset",
        "id": "team/rows",
        "revision": None,
        "commit": hub.commit("datasets/team/rows"),
        "folder": str(where["team/rows#20"]),
        "files": 1,
        "bytes": 3,
    }


def test_progress_says_what_is_fetched(repository: Repository, hub: Hub) -> None:
    found = stage(repository, hub, model="team/tiny")
    download.run(download.Inputs(), found)
    commit = hub.commit("models/team/tiny")[:12]

    assert heard(found).lines[-2:] == [
        "fetching model team/tiny: 2 files, 200.0 kB",
        f"team/tiny at {commit}: 2 files, 200.0 kB, 200.0 kB fetched",
    ]
    done, total, text = heard(found).steps[-1]
    assert (done, total) == (1, 1)
    assert text.startswith("MB of team/tiny, ")
    assert text.endswith("/s")


def test_second_run_says_that_the_cache_had_it(repository: Repository, hub: Hub) -> None:
    download.run(download.Inputs(), stage(repository, hub, model="team/tiny"))
    again = context(repository)
    done = download.run(download.Inputs(), again)

    assert done.fetched_bytes == 0
    assert heard(again).lines[-1].endswith("200.0 kB, as it was in the cache")


def test_project_names_the_cache(repository: Repository, hub: Hub, tmp_path: Path) -> None:
    repository.project["cache"] = str(tmp_path / "shared")
    found = stage(repository, hub, model="team/tiny")
    download.run(download.Inputs(), found)

    assert fetched(found.folder)["team/tiny"].is_relative_to(tmp_path / "shared/swiftci/modelscope/models/team")


def test_repository_that_is_named_twice_is_fetched_once(repository: Repository, hub: Hub) -> None:
    found = stage(repository, hub, dataset=["team/rows#1", "team/rows#2"])

    assert download.run(download.Inputs(), found).repositories == 1
    assert len(set(fetched(found.folder).values())) == 1
    assert len([one for one in hub.said if "/repo/tree" in one]) == 1


def test_text_that_means_two_repositories_is_refused(repository: Repository, hub: Hub) -> None:
    hub.write("datasets/team/tiny", {"rows.jsonl": b"{}\n"})
    found = stage(repository, hub, model="team/tiny", dataset="team/tiny")

    with pytest.raises(ToolError, match=r"train\.args\.model and train\.args\.dataset, and means two repositories"):
        download.run(download.Inputs(), found)


def test_failure_names_the_key(repository: Repository, hub: Hub) -> None:
    found = stage(repository, hub, model="team/tinny")

    with pytest.raises(ToolError) as caught:
        download.run(download.Inputs(), found)
    assert str(caught.value).startswith("train.args.model: ModelScope has no model team/tinny")


def test_missing_local_path_is_told_before_anything_is_fetched(repository: Repository, hub: Hub) -> None:
    found = stage(repository, hub, model="team/tiny", dataset="data/none.jsonl")

    with pytest.raises(ConfigError):
        download.run(download.Inputs(), found)
    assert hub.said == []


@pytest.mark.parametrize("text", ["[]", '{"a": 1}', "{", '{"a": {}}'])
def test_damaged_list_of_downloads_is_noticed(tmp_path: Path, text: str) -> None:
    (tmp_path / "downloads.json").write_text(text)

    with pytest.raises(ValueError, match=r".+"):
        fetched(tmp_path)


def test_token_never_reaches_what_is_written(repository: Repository, hub: Hub) -> None:
    hub.token = repository.environ["MODELSCOPE_API_TOKEN"] = "ms-0123456789"
    found = stage(repository, hub, model="team/tiny")
    download.run(download.Inputs(), found)
    hub.token = "changed"

    with pytest.raises(ToolError) as caught:
        download.run(download.Inputs(), found)
    cache = Path(repository.environ["HOME"]) / ".cache"
    written = [path for folder in (found.folder, cache) for path in folder.rglob("*") if path.is_file()]
    assert not any(b"ms-0123456789" in path.read_bytes() for path in written)
    assert "ms-0123456789" not in repr(caught.value) + str(heard(found).lines)


def test_run_that_is_stopped_in_a_download_goes_on_with_it(repository: Repository, hub: Hub) -> None:
    stage(repository, hub, model="team/tiny")
    hub.faults = [Fault("model.safetensors", rate=100_000, server="cdn")]
    process = repository.start("run", CONFIG, "--until", "download")
    wait_for(lambda: any(path.stat().st_size > 30_000 for path in _parts(repository)))
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)

    assert process.returncode == 130
    assert repository.states == {"download": "interrupted"}
    there = _parts(repository)[0].stat().st_size
    ran = repository.run("--until", "download")
    assert ran.code == 0, ran.text
    assert f"team/tiny at {hub.commit('models/team/tiny')[:12]}: 2 files, 200.0 kB, " in ran.out
    assert [one.headers.get("range") for one in hub.asked_cdn] == [None, f"bytes={there}-"]


def test_error_of_a_run_says_what_to_do(repository: Repository, hub: Hub) -> None:
    stage(repository, hub, model="team/tinny")
    ran = repository.run("--until", "download")

    assert ran.code == 4
    assert f"train.args.model: ModelScope has no model team/tinny, or not for everybody (404 from {hub.endpoint})" in (
        ran.text
    )
    assert "secrets.hub" in ran.text


def test_network_that_fails_has_its_own_exit_code(
    repository: Repository, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swiftci.tools.retry.FIRST_SECONDS", 0)
    stage(repository, hub, model="team/tiny")
    hub.faults = [Fault("/api/", status=503, times=99)]

    assert repository.run("--until", "download").code == 5


def _parts(repository: Repository) -> list[Path]:
    cache = Path(repository.environ["HOME"]) / ".cache/swiftci"
    return [path for path in cache.rglob("model.safetensors") if ".tiny.parts" in str(path)]
