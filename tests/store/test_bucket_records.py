"""Records, history and what is written once in a bucket; and cleaning up."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.store import chunks
from swiftci.store.kept import Store
from swiftci.tools import objects
from tests.store.rig import DIGEST, OTHER, Rig, contents, whole


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
