"""Stores to test: one in a folder, one in a bucket, one to clean up."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftci.store import chunks
from swiftci.store.local import Folder
from swiftci.tools import objects
from tests.standin import s3
from tests.store.folders import RUN, write
from tests.store.kit import Kit
from tests.store.rig import CHUNK, SIZE, Rig


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory with a checkpoint, logs, and what nobody keeps."""
    folder = tmp_path / "run"
    write(folder, {"train/checkpoint-1/weights": "old weights", "logs/train.log": "log", "run.json": RUN, ".lock": ""})
    return folder


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


@pytest.fixture(scope="package")
def server() -> Iterator[s3.S3]:
    with s3.serving() as one:
        yield one


@pytest.fixture(scope="package")
def proxy(server: s3.S3) -> Iterator[s3.Proxy]:
    with s3.proxy(server.port) as one:
        yield one


@pytest.fixture
def rig(server: s3.S3, proxy: s3.Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(objects, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(chunks, "CHUNK", CHUNK)
    server.make(bucket := f"b{time.time_ns()}")
    run = tmp_path / "run"
    (run / "train" / "checkpoint-3").mkdir(parents=True)
    (run / "train" / "checkpoint-3" / "model.safetensors").write_bytes(os.urandom(SIZE))
    (run / "train" / "last").symlink_to("checkpoint-3")
    (run / "train" / "out").symlink_to("/etc/passwd")
    (run / "train" / "up").symlink_to("../../run.json")
    (run / "train" / "empty").touch()
    (run / "train" / "go.sh").write_text("x")
    (run / "train" / "go.sh").chmod(0o777)
    (run / "run.json").write_text('{"name": "tiny"}')
    proxy.reset()
    return Rig(url=f"s3://{bucket}/team/runs", server=server, proxy=proxy, run=run)
