"""What the leaderboard's workflow does, job by job: look models up on a hub, measure each, rank what the store has."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftci.tools.hub import client
from tests.fake.repository import Ran, Repository, outputs, runner_environ
from tests.standin.hub import Hub, serving

MODELS = ("Qwen/Qwen3-8B", "Qwen/Qwen3-4B")
WEIGHTS = {"config.json": b'{"architectures": ["Qwen3ForCausalLM"]}', "model.safetensors": b"w" * 5000}


@pytest.fixture
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(client, "WAITS", (0.0,))
    with serving(tmp_path / "hub") as found:
        for number, name in enumerate(MODELS):
            found.write(f"models/{name}", WEIGHTS)
            found.created[name] = f"2025-04-0{number + 1}T00:00:00.000Z"
        found.head_known = True
        found.link_host = request.param
        yield found


@pytest.fixture
def board(repository: Repository, hub: Hub, tmp_path: Path) -> Repository:
    """A repository with a leaderboard, on a runner."""
    repository.project |= {
        "hub": {"name": hub.link_host, "endpoint": hub.endpoint},
        "store": {"path": str(tmp_path / "store"), "shared": True},
        "leaderboard": {"families": ["Qwen/Qwen3-*"], "config": "configs/tiny.yaml"},
    }
    repository.config["train"]["args"]["dataset"] = "owner/a-data-set-that-no-evaluation-needs"
    repository.write()
    repository.environ |= {**runner_environ(tmp_path / "runner"), "NO_PROXY": "*"}
    return repository


def said(repository: Repository) -> dict[str, str]:
    """The outputs of the last step."""
    path = Path(repository.environ["GITHUB_OUTPUT"])
    found = outputs(path.read_text())
    path.write_text("")
    return found


def week(repository: Repository, run: str) -> list[Ran]:
    """One run of the workflow."""
    repository.environ["GITHUB_RUN_ID"] = run
    done = [repository.swiftci("leaderboard", SWIFTCI_LOOKUP="true")]
    for one in json.loads(said(repository)["models"]):
        common = {"SWIFTCI_SET": one["set"], "GITHUB_JOB": "measure"}
        done.append(repository.stage("download", **common, SWIFTCI_SCOPE="evaluate"))
        done.append(repository.stage("evaluate", **common, SWIFTCI_CHECKPOINT=one["model"]))
        done.append(repository.stage("cleanup", **common))
    done.append(repository.swiftci("leaderboard", SWIFTCI_LOOKUP="", SWIFTCI_TO=".swiftci/site"))
    assert [one.code for one in done] == [0] * len(done), "\n".join(one.text for one in done)
    return done


def ranked(repository: Repository) -> list[dict[str, object]]:
    data = json.loads((repository.root / ".swiftci/site/leaderboard.json").read_text())
    return [one for benchmark in data["benchmarks"] for one in benchmark["models"]]


@pytest.mark.parametrize("hub", ["modelscope"], indirect=True)
def test_models_are_found_measured_kept_and_ranked(board: Repository, hub: Hub) -> None:
    week(board, "101")

    assert said(board)["site"] == str(board.root / ".swiftci/site")
    assert [(one["rank"], one["model"]) for one in ranked(board)] == [(1, "Qwen/Qwen3-4B"), (1, "Qwen/Qwen3-8B")]
    assert {one["commit"] for one in ranked(board)} == {hub.commit(f"models/{name}") for name in MODELS}
    scored = [call["argv"] for call in board.calls if call["call"] == "evaluate"]
    assert [Path(argv[argv.index("--model") + 1]).name for argv in scored] == ["Qwen3-4B", "Qwen3-8B"]
    assert "train" not in board.called
    assert not any("a-data-set-that-no-evaluation-needs" in text for text in hub.said)


@pytest.mark.parametrize("hub", ["huggingface"], indirect=True)
def test_what_was_measured_is_not_measured_again_until_the_model_changes(board: Repository, hub: Hub) -> None:
    week(board, "101")
    board.forget()
    week(board, "102")

    assert "evaluate" not in board.called
    assert len(ranked(board)) == 2
    page = next(path for path in (board.root / ".swiftci/site/models").glob("Qwen-Qwen3-8B-*.html"))
    assert page.read_text().count("/actions/runs/101") == 1
    assert "/actions/runs/102" not in page.read_text()

    hub.write("models/Qwen/Qwen3-8B", {"model.safetensors": b"v" * 5000})
    week(board, "103")

    assert board.called.count("evaluate") == 1
    assert {"101", "103"} == {run for run in ("101", "102", "103") if f"/actions/runs/{run}" in page.read_text()}


def test_without_a_leaderboard_nothing_is_looked_up(repository: Repository) -> None:
    done = repository.swiftci("leaderboard", "--lookup")

    assert done.code == 2
    assert "swiftci.yaml has no `leaderboard`" in done.err


@pytest.mark.parametrize("hub", ["modelscope"], indirect=True)
def test_hub_without_such_models_gives_an_empty_matrix(board: Repository) -> None:
    board.project["leaderboard"] |= {"families": ["Qwen/Llama-*"]}
    board.write()

    done = board.swiftci("leaderboard", "--lookup")

    assert (done.code, done.out) == (0, "[]\n")
    assert said(board)["models"] == "[]"
    assert "the hub has no model Qwen/Llama-*" in done.err
