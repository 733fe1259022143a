"""Trackers: one run there per run here, kept over a resume."""

import socket
import threading
from pathlib import Path

import pytest

from swiftci.config.arguments import Arguments
from swiftci.config.train import Train
from swiftci.spec.error import ToolError
from swiftci.tools import tracker
from tests.standin import mlflow


def trackers(*names: str) -> list[tracker.Tracker]:
    return tracker.trackers(Train(args=Arguments(report_to=list(names))))


def test_only_trackers_that_need_something_count() -> None:
    assert [one.name for one in trackers("tensorboard", "wandb", "none")] == ["wandb"]
    assert tracker.trackers(Train()) == []


def test_id_is_kept_until_the_training_ended_and_only_for_the_same_work(tmp_path: Path) -> None:
    found = trackers("wandb", "swanlab")
    first = tracker.begin(found, tmp_path, "f1", "n", {})
    again = tracker.begin(found, tmp_path, "f1", "n", {})
    assert first == again
    assert first["WANDB_RUN_ID"] == first["SWANLAB_RUN_ID"]
    assert len(first["WANDB_RUN_ID"]) == 21

    assert tracker.begin(found, tmp_path, "f2", "n", {}) != first
    other = tracker.begin(found, tmp_path, "f2", "n", {})
    tracker.end(found, tmp_path, tmp_path / "none.log", succeeded=True)
    assert tracker.begin(found, tmp_path, "f2", "n", {}) != other


def test_failed_training_keeps_its_id(tmp_path: Path) -> None:
    found = trackers("wandb")
    first = tracker.begin(found, tmp_path, "f", "n", {})
    tracker.end(found, tmp_path, tmp_path / "none.log", succeeded=False)

    assert tracker.begin(found, tmp_path, "f", "n", {}) == first


def test_mlflow_run_is_made_once_and_gone_on_with(tmp_path: Path) -> None:
    with mlflow.server("token") as server:
        environ = {"MLFLOW_TRACKING_URI": server.url + "/", "MLFLOW_TRACKING_TOKEN": "token"}
        first = tracker.begin(trackers("mlflow"), tmp_path, "f", "my model", environ)
        again = tracker.begin(trackers("mlflow"), tmp_path, "f", "my model", environ)

        assert first == again == {"MLFLOW_RUN_ID": next(iter(server.runs))}
        assert server.experiments == ["my model"]
        assert tracker.shown(tmp_path) == {"mlflow": f"{server.url}/#/experiments/1/runs/{first['MLFLOW_RUN_ID']}"}


@pytest.mark.parametrize("environ", [{}, {"MLFLOW_TRACKING_TOKEN": "wrong"}])
def test_mlflow_that_refuses_is_told_and_its_token_is_not(tmp_path: Path, environ: dict[str, str]) -> None:
    with mlflow.server("token") as server, pytest.raises(ToolError, match="answered 401") as error:
        tracker.begin(trackers("mlflow"), tmp_path, "f", "n", environ | {"MLFLOW_TRACKING_URI": server.url})
    assert "wrong" not in str(error.value)
    with pytest.raises(ToolError, match="MLflow could not be asked"):
        tracker.begin(trackers("mlflow"), tmp_path, "f", "n", {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("name", "environ", "refused"),
    [
        ("swanlab", {}, True),
        ("swanlab", {"SWANLAB_API_KEY": "k"}, False),
        ("swanlab", {"SWANLAB_MODE": "offline"}, False),
        ("wandb", {}, True),
        ("wandb", {"WANDB_MODE": "offline"}, False),
        ("wandb", {"WANDB_MODE": "online"}, True),
        ("mlflow", {}, True),
        ("mlflow", {"MLFLOW_TRACKING_URI": "http://m"}, False),
    ],
)
def test_missing_key_is_refused(name: str, environ: dict[str, str], refused: bool) -> None:
    found, train = trackers(name), Train(args=Arguments(report_to=name))
    if refused:
        with pytest.raises(ToolError, match="is not set"):
            tracker.check(found, train, environ)
    else:
        tracker.check(found, train, environ)


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("wandb: 🚀 View run qwen at: https://wandb.ai/team/p/runs/abc123\n", {"wandb": "https://wandb.ai/team/p/runs/abc123"}),
        (
            "swanlab: 🚀 View run at https://swanlab.cn/@team/p/runs/abc123\n",
            {"swanlab": "https://swanlab.cn/@team/p/runs/abc123"},
        ),
        ("nothing", {}),
    ],
)  # fmt: skip
def test_link_is_read_from_the_log(log: str, expected: dict[str, str]) -> None:
    assert tracker.links(trackers("wandb", "swanlab"), log) == expected


@pytest.mark.parametrize("link", ["javascript:alert(1)", 'https://x/"onclick=', "https://x/ a", "https://x/](b)", 3])
def test_address_that_is_none_is_not_shown(tmp_path: Path, link: object) -> None:
    tracker._write(tmp_path, {"links": {"wandb": link}})

    assert tracker.shown(tmp_path) == {}


def test_password_in_an_address_is_sent_and_written_nowhere(tmp_path: Path) -> None:
    with mlflow.server(basic="Basic dTpzM2NyZXRwdw==") as server:
        address = server.url.replace("://", "://u:s3cretpw@")
        tracker.begin(trackers("mlflow"), tmp_path, "f", "n", {"MLFLOW_TRACKING_URI": address})

        assert server.refused == 0
        assert "s3cretpw" not in (tmp_path / "tracker.json").read_text()
        assert tracker.shown(tmp_path)["mlflow"].startswith(server.url)


@pytest.mark.parametrize("address", ["http://x y/", "http://[bad", "http://", "http://h:port"])
def test_address_of_mlflow_that_is_none_is_a_mistake_and_no_bug(tmp_path: Path, address: str) -> None:
    with pytest.raises(ToolError, match="is no address"):
        tracker.begin(trackers("mlflow"), tmp_path, "f", "n", {"MLFLOW_TRACKING_URI": address})


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b""])
def test_mlflow_that_speaks_no_http_is_told(tmp_path: Path, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        threading.Thread(target=once, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ToolError, match="MLflow could not be asked"):
            tracker.begin(trackers("mlflow"), tmp_path, "f", "n", {"MLFLOW_TRACKING_URI": address})
