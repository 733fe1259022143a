"""Results in a bucket, on a real S3 server."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from swiftci.spec.error import ToolError
from swiftci.store.bucket import Bucket
from swiftci.store.kept import Store
from swiftci.tools import objects
from tests.store.rig import CHUNK, DIGEST, OTHER, Rig, contents, whole


def test_result_comes_back_as_it_was(rig: Rig, tmp_path: Path) -> None:
    store: Store = rig.store()
    store.keep(DIGEST, {"state": "succeeded"}, rig.run, ["train", "not-there"])

    assert store.find(DIGEST) == {"state": "succeeded"}
    assert store.find(OTHER) is None
    assert store.take(DIGEST, tmp_path / "new") == {"state": "succeeded"}
    assert store.take(OTHER, tmp_path / "new") is None
    taken, kept = contents(tmp_path / "new"), contents(rig.run)
    assert set(taken) == set(kept) - {"run.json", "train/out", "train/up"}
    assert all(taken[name][1] == kept[name][1] for name in taken)
    assert oct(taken["train/go.sh"][0]) == "0o100755"
    assert (tmp_path / "new" / "train" / "last").readlink() == Path("checkpoint-3")
    assert store.fsck(deep=True) == []
    assert rig.told == []


def test_what_is_there_is_neither_sent_nor_fetched_again(rig: Rig, tmp_path: Path) -> None:
    store = rig.store()
    store.keep(DIGEST, {}, rig.run, ["train"])
    rig.proxy.sent = 0
    store.keep(OTHER, {}, rig.run, ["train"])
    assert rig.proxy.sent < 20_000

    store.take(DIGEST, tmp_path / "new")
    before = (tmp_path / "new" / "train" / "go.sh").stat().st_ino
    store.take(DIGEST, tmp_path / "new")
    assert (tmp_path / "new" / "train" / "go.sh").stat().st_ino == before


@pytest.mark.real
def test_two_processes_keep_the_same_at_once(rig: Rig) -> None:
    both = [rig.process(f"store.keep(DIGEST, {{'by': {number}}}, run, ['train'])") for number in (1, 2)]

    assert [process.wait() for process in both] == [0, 0]
    assert whole(rig)
    assert rig.store().find(DIGEST) in ({"by": 1}, {"by": 2})
    assert rig.store().fsck(deep=True) == []


def a_chunk(rig: Rig) -> tuple[objects.Remote, str]:
    """One of the larger chunks."""
    direct = objects.Remote(rig.url, rig.server.environ(rig.proxy.port))
    return direct, next(path for path, size in direct.sizes("chunks").items() if size == CHUNK)


def test_changed_chunk_is_found_and_not_taken(rig: Rig, tmp_path: Path) -> None:
    rig.store().keep(DIGEST, {}, rig.run, ["train"])
    direct, path = a_chunk(rig)
    direct.write(path, b"x" * CHUNK)

    assert rig.store().fsck(deep=False) == []
    assert rig.store().fsck(deep=True) == [f"{path} does not hold what its name says"]
    assert rig.store().take(DIGEST, tmp_path / "new") is None
    assert path in rig.told[0]
    assert not [name for name in contents(tmp_path / "new") if "model" in name or name.endswith(".part")]


@pytest.mark.parametrize("short", [True, False])
def test_missing_or_short_chunk_is_found_by_its_size_and_sent_again(rig: Rig, tmp_path: Path, short: bool) -> None:
    rig.store().keep(DIGEST, {}, rig.run, ["train"])
    direct, path = a_chunk(rig)
    direct.write(path, b"x") if short else direct.remove(path)

    (found,) = rig.store().fsck(deep=False)
    assert path in found
    assert rig.store().take(DIGEST, tmp_path / "new") is None
    rig.store().keep(DIGEST, {}, rig.run, ["train"])
    assert whole(rig)


def test_disk_without_room_is_seen_before_anything_is_fetched(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = rig.store()
    store.keep(DIGEST, {}, rig.run, ["train"])
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(ToolError) as caught:
        store.take(DIGEST, tmp_path / "new")

    assert caught.value.kind == "disk"
    assert contents(tmp_path / "new") == {}


def test_file_that_changes_while_it_is_kept_is_refused(rig: Rig) -> None:
    path = rig.run / "train" / "checkpoint-3" / "model.safetensors"
    store = Bucket(rig.url, rig.server.environ(rig.proxy.port), step=lambda *_: path.touch())
    with pytest.raises(ToolError, match="changed while it was kept"):
        store.keep(DIGEST, {}, rig.run, ["train"])

    assert store.find(DIGEST) is None
