"""The store in a bucket, on a real S3 server: results, records, history, and what goes wrong with a network."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from swiftci.spec.error import ToolError
from swiftci.store import chunks
from swiftci.store.bucket import Bucket
from swiftci.store.kept import Store
from swiftci.tools import objects
from tests.standin import s3

DIGEST, OTHER = "a" * 64, "b" * 64
CHUNK = 200_000
SIZE = 8 * CHUNK + 1


@pytest.fixture(scope="module")
def server() -> Iterator[s3.S3]:
    with s3.serving() as one:
        yield one


@pytest.fixture(scope="module")
def proxy(server: s3.S3) -> Iterator[s3.Proxy]:
    with s3.proxy(server.port) as one:
        yield one


@dataclass
class Rig:
    """A bucket behind a proxy, and a run directory."""

    url: str
    server: s3.S3
    proxy: s3.Proxy
    run: Path
    told: list[str] = field(default_factory=list)

    def store(self) -> Bucket:
        return Bucket(self.url, self.server.environ(self.proxy.port), self.told.append)

    def process(self, code: str) -> subprocess.Popen[bytes]:
        """Python that has this `store`, `run` and DIGEST."""
        setup = "import json, sys; from pathlib import Path; from swiftci.store import chunks, bucket\n"
        setup += f"chunks.CHUNK = {CHUNK}; DIGEST = {DIGEST!r}; run = Path(sys.argv[1])\n"
        setup += "store = bucket.Bucket(sys.argv[2], json.loads(sys.argv[3]))\n"
        environ = json.dumps(self.server.environ(self.proxy.port))
        return subprocess.Popen([sys.executable, "-c", setup + code, str(self.run), self.url, environ])


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


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def whole(rig: Rig, digest: str = DIGEST) -> bool:
    """Whether a result is there, and gives back what was kept."""
    target = rig.run.parent / f"taken-{time.time_ns()}"
    if rig.store().take(digest, target) is None:
        return False
    name = "train/checkpoint-3/model.safetensors"
    assert (target / name).read_bytes() == (rig.run / name).read_bytes()
    return True


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


def test_connection_cut_mid_upload_is_tried_again(rig: Rig) -> None:
    rig.proxy.cut, rig.proxy.cuts = SIZE // 3, 2
    rig.store().keep(DIGEST, {}, rig.run, ["train"])

    assert rig.proxy.cuts == 0
    assert whole(rig)
    assert rig.store().fsck(deep=True) == []


def test_connection_cut_for_good_leaves_no_result_and_the_next_keep_goes_on(rig: Rig) -> None:
    rig.store().find(DIGEST)
    rig.proxy.cut, rig.proxy.cuts = SIZE // 2, 1

    def cut(done: int, total: int, text: str) -> None:
        if rig.proxy.cuts == 0:
            rig.proxy.cut, rig.proxy.cuts = 0, 10**9

    store = Bucket(rig.url, rig.server.environ(rig.proxy.port), step=cut)
    with pytest.raises(ToolError) as caught:
        store.keep(DIGEST, {}, rig.run, ["train"])
    assert caught.value.kind == "network"
    assert "another run goes on" in caught.value.hint

    rig.proxy.cuts = 0
    assert rig.store().find(DIGEST) is None
    assert rig.store().fsck(deep=True) == []
    rig.proxy.sent = 0
    rig.store().keep(DIGEST, {}, rig.run, ["train"])
    assert 0 < rig.proxy.sent < 0.8 * SIZE
    assert whole(rig)
    assert store.fsck(deep=True) == []


@pytest.mark.real
def test_connection_that_goes_silent_mid_upload_is_given_up(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PAUSES", ())
    monkeypatch.setattr(objects, "REQUEST_SECONDS", 1)
    rig.proxy.hold = SIZE // 2
    with pytest.raises(ToolError) as caught:
        rig.store().keep(DIGEST, {}, rig.run, ["train"])
    rig.proxy.hold = 0

    assert caught.value.kind == "network"
    assert "no answer" in str(caught.value)
    rig.store().keep(DIGEST, {}, rig.run, ["train"])
    assert whole(rig)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.real
def test_kill_mid_keep_leaves_no_result(rig: Rig, share: float) -> None:
    rig.proxy.hold = int(share * SIZE)
    process = rig.process("store.keep(DIGEST, {}, run, ['train'])")
    while not rig.proxy.held:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    rig.proxy.hold = 0
    store = rig.store()

    assert store.find(DIGEST) is None
    assert store.fsck(deep=True) == []
    store.keep(DIGEST, {}, rig.run, ["train"])
    assert whole(rig)
    assert store.fsck(deep=True) == []


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


def test_fetch_goes_on_with_what_an_earlier_one_left(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, read, asked = rig.store(), objects.Remote.read, list[str]()
    store.keep(DIGEST, {}, rig.run, ["train"])

    def failing(self: objects.Remote, path: str, limit: int = objects.JSON_MAX) -> bytes | None:
        asked.append(path)
        if len(asked) > 6:
            raise ToolError(message="gone", kind="network")
        return read(self, path, limit)

    monkeypatch.setattr(objects.Remote, "read", failing)
    with pytest.raises(ToolError, match="gone"):
        store.take(DIGEST, tmp_path / "new")
    assert not (tmp_path / "new" / "train" / "checkpoint-3" / "model.safetensors").exists()
    first = set(asked[:6])
    asked.clear()
    monkeypatch.setattr(objects.Remote, "read", lambda *of: asked.append(of[1]) or read(*of))
    store.take(DIGEST, tmp_path / "new")

    assert set(asked) & first == {f"results/{DIGEST}.json"}
    assert not [name for name in contents(tmp_path / "new") if name.endswith(".part")]


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


def test_records_and_history(rig: Rig, tmp_path: Path) -> None:
    store: Store = rig.store()
    assert list(store.records()) == []
    assert list(store.history()) == []
    store.put("tiny", "7-1", rig.run, ["run.json", "logs"])
    store.put("tiny-2", "8", rig.run, ["run.json"])
    for number in range(3):
        store.append({"run": number})

    assert [(one.name, one.run, one.data) for one in store.records()] == [
        ("tiny", "7-1", {"name": "tiny"}),
        ("tiny-2", "8", {"name": "tiny"}),
    ]
    assert [one.run for one in store.records("tiny")] == ["7-1"]
    assert list(store.history()) == [{"run": 0}, {"run": 1}, {"run": 2}]
    store.bring("tiny", "7-1", tmp_path / "new")
    assert set(contents(tmp_path / "new")) == {"run.json"}
    with pytest.raises(ToolError, match="no whole record of tiny, run 9"):
        store.bring("tiny", "9", tmp_path / "new")


def test_object_is_written_once(rig: Rig) -> None:
    store = rig.store()

    assert store.add("ledger/1", b"mine")
    assert not store.add("ledger/1", b"mine")
    assert list(store.objects("ledger")) == [("ledger/1", b"mine")]


def test_write_once_whose_answer_is_lost_is_known_as_ours(rig: Rig) -> None:
    store = rig.store()
    store.add("ledger/0", b"")
    rig.proxy.deaf = 1

    assert store.add("ledger/1", b"mine")
    assert rig.proxy.deaf == 0
    assert not store.add("ledger/1", b"mine")


def test_server_that_overwrites_is_refused_for_what_is_written_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    send = objects.Remote._send
    monkeypatch.setattr(objects.Remote, "_send", lambda self, path, data, token="": send(self, path, data))
    with pytest.raises(ToolError, match="overwrites"):
        rig.store().add("ledger/1", b"mine")


def test_cleaning_up_removes_what_nothing_names_and_only_when_it_is_old(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, later = rig.store(), time.time() + 60
    store.keep(DIGEST, {}, rig.run, ["train"])
    store.put("tiny", "1", rig.run, ["run.json"])
    (rig.run / "other").write_bytes(b"other")
    store.keep(OTHER, {}, rig.run, ["other"])

    assert store.gc(set(), time.time() - 60, dry=False) == (0, 0)
    assert store.gc({DIGEST}, later, dry=True)[0] == 1
    assert store.gc({DIGEST}, later, dry=False)[0] == 1
    assert store.find(OTHER) is None
    now = chunks.today()
    monkeypatch.setattr(chunks, "today", lambda: now + timedelta(days=chunks.DAYS))
    assert store.gc({DIGEST}, later + 10 * 86_400, dry=False) == (1, len(b"other"))
    assert whole(rig)
    assert len(list(store.records())) == 1
    assert store.fsck(deep=True) == []


def test_nothing_is_cleaned_up_where_a_manifest_cannot_be_read(rig: Rig) -> None:
    store = rig.store()
    store.keep(DIGEST, {}, rig.run, ["train"])
    objects.Remote(rig.url, rig.server.environ(rig.proxy.port)).write(f"results/{OTHER}.json", b"")
    with pytest.raises(ToolError, match=OTHER):
        store.gc(set(), time.time() + 60, dry=False)

    assert whole(rig)
    assert [line for line in store.fsck(deep=False) if OTHER in line]


def test_missing_bucket_is_the_users(rig: Rig) -> None:
    with pytest.raises(ToolError, match="NoSuchBucket") as caught:
        Bucket("s3://nowhere-at-all/x", rig.server.environ(rig.proxy.port)).find(DIGEST)

    assert caught.value.kind == "user"


def test_server_that_is_not_there_is_the_networks(rig: Rig) -> None:
    with pytest.raises(ToolError) as caught:
        Bucket(rig.url, rig.server.environ(1)).find(DIGEST)

    assert caught.value.kind == "network"


def test_missing_keys_are_the_users(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(ToolError) as caught:
        Bucket(rig.url, {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{rig.server.port}"}).find(DIGEST)

    assert caught.value.kind == "user"
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_refused_keys_are_the_users_and_stay_secret(rig: Rig) -> None:
    def checked(calls: bytes) -> None:
        url, plain = f"http://127.0.0.1:{rig.server.port}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(url, data=calls, headers=plain)).close()

    checked(b"0")
    try:
        with pytest.raises(ToolError) as caught:
            rig.store().find(DIGEST)
    finally:
        checked(b"inf")
    shown = str(caught.value) + caught.value.hint
    assert caught.value.kind == "user"
    assert "InvalidAccessKeyId" in shown
    assert not [value for name, value in s3.KEYS.items() if name != "AWS_REGION" and value in shown]


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ossfs", None)
    with pytest.raises(ToolError, match="ossfs") as caught:
        Bucket("oss://bucket/runs", {}).find(DIGEST)

    assert "pip install 'swiftci[oss]'" in caught.value.hint


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "/data", "s3://", "s3://b/x?y"])
def test_address_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ToolError) as caught:
        Bucket(url, {})

    assert "secret" not in str(caught.value)
