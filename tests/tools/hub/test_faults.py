"""What goes wrong on the way: what is tried again, what is gone on with, and what each failure says."""

import errno
import os
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from swiftci.tools.hub import client, fetch
from swiftci.tools.hub.part import Part
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import BOTH, WEIGHTS, Stand, failure


def ranges(hub: Hub) -> list[str | None]:
    """What was asked of the weights, try by try."""
    return [one.headers.get("range") for one in hub.asked_cdn]


def parts(stand: Stand) -> list[Path]:
    """The weights, unfinished; the small file beside them may be there or not."""
    return list(stand.cache.rglob(".*.parts/**/model.safetensors"))


@BOTH
def test_file_that_was_cut_is_gone_on_with(stand: Stand, hub: Hub, name: str) -> None:
    hub.faults = [
        Fault("model.safetensors", cut=100_000, server="cdn"),
        Fault("model.safetensors", cut=50, server="cdn"),
    ]
    found = stand.model(name)

    assert ranges(hub) == [None, "bytes=100000-", "bytes=100050-"]
    assert (found.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert parts(stand) == []


def test_download_may_be_cut_any_number_of_times_while_it_goes_on(
    stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PROGRESS_BYTES", 50_000)
    hub.faults = [Fault("model.safetensors", cut=60_000, server="cdn", times=8)]

    assert stand.model().files == 2
    assert len(hub.asked_cdn) == 9


def test_download_that_does_not_go_on_ends(stand: Stand, hub: Hub) -> None:
    hub.faults = [Fault("model.safetensors", cut=10, server="cdn", times=99)]
    error = failure(stand.model)

    assert error.kind == "network"
    assert str(error).startswith("file model.safetensors of model team/tiny.1 could not be fetched: http://127.0.0.1")
    assert "broke off" in str(error)
    assert str(error).endswith(", 4 times")
    assert "goes on from there" in error.hint
    assert [path.stat().st_size for path in parts(stand)] == [40]


def test_what_an_earlier_try_left_is_kept(stand: Stand, hub: Hub) -> None:
    hub.faults = [Fault("model.safetensors", cut=70_000, server="cdn"), Fault("model.safetensors", status=500, times=3)]
    failure(stand.model)
    hub.requests.clear()
    found = stand.model()

    assert ranges(hub) == ["bytes=70000-"]
    assert (found.folder / "model.safetensors").read_bytes() == WEIGHTS
    assert found.bytes in (len(WEIGHTS) - 70_000, len(WEIGHTS) - 70_000 + 3)


def test_server_that_knows_no_range_is_asked_from_the_start(stand: Stand, hub: Hub) -> None:
    hub.faults = [
        Fault("model.safetensors", cut=70_000, server="cdn"),
        Fault("model.safetensors", whole=True, server="cdn"),
    ]

    assert (stand.model().folder / "model.safetensors").read_bytes() == WEIGHTS


def test_part_that_is_longer_than_the_file_is_thrown_away(stand: Stand, hub: Hub) -> None:
    place = stand.cache / "swiftci/huggingface/models/team" / hub.commit("models/team/tiny.1")
    part = place / ".tiny.1.parts/model.safetensors"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS + b"more")

    assert (stand.model().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert ranges(hub) == [None]


def test_part_that_is_whole_already_costs_no_request(stand: Stand, hub: Hub) -> None:
    place = stand.cache / "swiftci/huggingface/models/team" / hub.commit("models/team/tiny.1")
    part = place / ".tiny.1.parts/model.safetensors"
    part.parent.mkdir(parents=True)
    part.write_bytes(WEIGHTS)

    assert (stand.model().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert ranges(hub) == []


def test_part_of_something_else_is_noticed_and_fetched_anew(stand: Stand, hub: Hub) -> None:
    place = stand.cache / "swiftci/huggingface/models/team" / hub.commit("models/team/tiny.1")
    part = place / ".tiny.1.parts/model.safetensors"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"#" * 1000)

    assert (stand.model().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert ranges(hub) == ["bytes=1000-", None]


def test_refused_range_starts_anew(stand: Stand, hub: Hub) -> None:
    hub.faults = [
        Fault("model.safetensors", cut=70_000, server="cdn"),
        Fault("model.safetensors", status=416, server="cdn"),
    ]

    assert (stand.model().folder / "model.safetensors").read_bytes() == WEIGHTS
    assert ranges(hub) == [None, "bytes=70000-", None]


@BOTH
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(stand: Stand, hub: Hub, name: str, status: int) -> None:
    hub.faults = [Fault("/api/", status=status), Fault("model.safetensors", status=status, server="cdn")]

    assert stand.model(name).files == 2


def test_servers_wish_to_wait_is_granted(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client.Client, "pause", lambda _, seconds: waits.append(seconds))
    hub.faults = [
        Fault("/api/", status=429, headers={"Retry-After": "7"}),
        Fault("/api/", status=429, headers={"Retry-After": "99999"}),
        Fault("/api/", status=503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
    ]
    stand.model()

    assert waits == [7.0, client.RETRY_AFTER_MAX, 0.0]


def test_waits_grow(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client, "WAITS", (1, 2, 4, 8, 16))
    monkeypatch.setattr(client.Client, "pause", lambda _, seconds: waits.append(seconds))
    hub.faults = [Fault("/api/", status=500, times=99)]
    error = failure(stand.model)

    assert waits == [1, 2, 4, 8, 16]
    assert str(error) == f"model team/tiny.1 could not be fetched: {hub.endpoint} answered 500, 6 times"


def test_address_that_expired_is_asked_for_anew(stand: Stand, hub: Hub) -> None:
    hub.faults = [Fault("model.safetensors", status=403, server="cdn")]

    assert stand.model().files == 2


def test_full_disk_is_noticed_before_the_first_byte(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 500_000))
    error = failure(stand.model)

    assert error.kind == "disk"
    assert str(error).startswith("model team/tiny.1 needs 512.0 kB more, and ")
    assert str(error).endswith(" has 500.0 kB free")
    assert "cache:" in error.hint
    assert hub.asked_cdn == []


def test_disk_need_only_have_room_for_the_rest(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults = [
        Fault("model.safetensors", cut=500_000, server="cdn"),
        Fault("model.safetensors", status=500, times=3),
    ]
    failure(stand.model)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 20_000))

    assert stand.model().files == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_cache_that_cannot_be_written_is_named(stand: Stand) -> None:
    stand.cache.mkdir(mode=0o500)

    assert failure(stand.model).kind == "disk"


def test_disk_that_fills_up_is_told_and_nothing_runs_on(
    stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Part.write

    def full(part: Part, chunk: bytes) -> None:
        if part.size > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(part, chunk)

    monkeypatch.setattr(Part, "write", full)
    error = failure(stand.model)

    assert error.kind == "disk"
    assert str(error) == f"model team/tiny.1 cannot be written to {stand.cache}/swiftci: No space left on device"
    assert not [one for one in threading.enumerate() if one.name.startswith("fetch")]
    assert parts(stand)[0].stat().st_size > 100_000


def test_cache_that_is_a_file_is_named(stand: Stand) -> None:
    stand.cache.write_text("")
    error = failure(stand.model)

    assert (error.kind, str(error)) == (
        "disk",
        f"model team/tiny.1 cannot be written to {stand.cache}/swiftci: Not a directory",
    )


def test_time_limit_ends_a_download_and_keeps_what_is_there(
    stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "TICK_SECONDS", 0.05)
    hub.faults = [Fault("model.safetensors", rate=40_000, server="cdn")]
    began = time.monotonic()
    error = failure(lambda: stand.model(deadline=time.time() + 0.5))

    assert time.monotonic() - began < 8
    assert error.kind == "preempted"
    assert str(error).startswith("the time limit came near while model team/tiny.1 was fetched: ")
    assert parts(stand)[0].stat().st_size > 4_000


def test_files_are_fetched_side_by_side(stand: Stand, hub: Hub) -> None:
    hub.write("models/team/tiny.1", {f"model-{number}.safetensors": WEIGHTS[:100_000] for number in range(4)})
    hub.faults = [Fault(f"model-{number}", rate=100_000, server="cdn") for number in range(4)]
    began = time.monotonic()

    assert stand.model().files == 6
    assert time.monotonic() - began < 3


def test_what_is_tried_again_is_told(stand: Stand, hub: Hub) -> None:
    hub.faults = [Fault("/api/", status=503), Fault("model.safetensors", cut=10, server="cdn")]
    stand.model()

    assert stand.lines[0] == f"model team/tiny.1: {hub.endpoint} answered 503; trying again in 0 s"
    assert stand.lines[2].startswith(f"file model.safetensors of model team/tiny.1: {hub.endpoint} broke off: ")
