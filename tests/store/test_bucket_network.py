"""The store in a bucket when a connection is cut or silent, and when a process is killed."""

import signal
import time
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.store.bucket import Bucket
from swiftci.tools import objects
from tests.store.rig import DIGEST, SIZE, Rig, contents, whole


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


def test_write_once_whose_answer_is_lost_is_known_as_ours(rig: Rig) -> None:
    store = rig.store()
    store.add("ledger/0", b"")
    rig.proxy.deaf = 1

    assert store.add("ledger/1", b"mine")
    assert rig.proxy.deaf == 0
    assert not store.add("ledger/1", b"mine")
