"""What goes wrong on the way: what is tried again, what is gone on with, and what each failure says."""

import errno
import os
import shutil
import ssl
import subprocess
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools.hub import client, fetch
from swiftci.tools.hub.part import Part
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import WEIGHTS, Stand

Content = Callable[[Path], dict[str, bytes]]
BOTH = pytest.mark.parametrize("name", ["modelscope", "huggingface"])


def ranges(hub: Hub) -> list[str | None]:
    """What was asked of the weights, try by try."""
    return [one.headers.get("range") for one in hub.asked_cdn]


def failure(act: Callable[[], Any]) -> ToolError:
    with pytest.raises(ToolError) as caught:
        act()
    return caught.value


def parts(stand: Stand) -> list[Path]:
    return [path for path in stand.cache.rglob(".*.parts/**/*") if path.is_file()]


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
    assert found.bytes == len(WEIGHTS) - 70_000


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


@BOTH
def test_file_with_another_digest_is_fetched_once_more_and_then_refused(
    stand: Stand, hub: Hub, name: str, content: Content
) -> None:
    lie = {"Sha256": "a" * 64, "lfs": {"oid": "a" * 64, "size": len(WEIGHTS)}}
    hub.lies = {"model.safetensors": lie}
    error = failure(lambda: stand.model(name))

    assert error.kind == "data"
    message = "the hub's file model.safetensors of model team/tiny.1 is not what it says: its digest begins "
    assert str(error).startswith(message)
    assert "not aaaaaaaaaaaa" in str(error)
    assert len(hub.asked_cdn) == 2
    assert "model.safetensors" not in {path.name for path in stand.cache.rglob("*") if path.stat().st_size > 0}


def test_small_file_is_checked_by_gits_digest(stand: Stand, hub: Hub) -> None:
    hub.lies = {"config.json": {"oid": "b" * 40}}

    assert "file config.json" in str(failure(stand.model))


@BOTH
@pytest.mark.parametrize(
    ("size", "words"), [(511_000, "more than 511000 bytes"), (513_000, "has 512000 bytes, not 513000")]
)
def test_file_of_another_size_is_refused(stand: Stand, hub: Hub, name: str, size: int, words: str) -> None:
    hub.lies = {"model.safetensors": {"Size": size, "size": size}}
    error = failure(lambda: stand.model(name))

    assert error.kind == "data"
    assert words in str(error)


HOSTILE = [
    "../evil",
    "/etc/evil",
    "a/../../evil",
    "a//b",
    "./a",
    "a/.",
    "..",
    "",
    "a\x00b",
    "a\nb",
    "a\\b",
    "\u202ea",
    "x" * 256,
    7,
]


@BOTH
@pytest.mark.parametrize("path", HOSTILE, ids=repr)
def test_name_that_is_not_safe_is_refused_before_anything_is_written(
    stand: Stand, hub: Hub, name: str, path: Any
) -> None:
    hub.extra = [{"Path": path, "path": path, "Type": "blob", "type": "file", "Size": 1, "size": 1}]
    error = failure(lambda: stand.model(name))

    assert error.kind == "data"
    assert "is not safe to write" in str(error)
    assert str(error).isprintable()
    assert not stand.cache.exists()


@pytest.mark.parametrize("path", ["config.json", "config.json/inside", "model.safetensors/a/b"])
def test_name_that_is_there_twice_is_refused(stand: Stand, hub: Hub, path: str) -> None:
    hub.extra = [{"path": path, "type": "file", "size": 1}]

    assert str(failure(stand.model)).endswith(f'lists "{path.partition("/")[0]}" twice')


@BOTH
@pytest.mark.parametrize("size", [-1, None, "7", 1.5, True])
def test_size_that_is_none_is_refused(stand: Stand, hub: Hub, name: str, size: Any) -> None:
    hub.extra = [{"Path": "x", "path": "x", "Type": "blob", "type": "file", "Size": size, "size": size}]

    assert 'lists "x" without a size' in str(failure(lambda: stand.model(name)))


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
    hub.faults = [Fault("model.safetensors", rate=100_000, server="cdn")]
    began = time.monotonic()
    error = failure(lambda: stand.model(deadline=time.time() + 0.5))

    assert time.monotonic() - began < 3
    assert error.kind == "preempted"
    assert str(error).startswith("the time limit came near while model team/tiny.1 was fetched: ")
    assert parts(stand)[0].stat().st_size > 10_000


def test_nothing_listens(stand: Stand, hub: Hub) -> None:
    stand.endpoint = False
    stand.environ = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    error = failure(stand.model)

    assert (error.kind, error.exit) == ("network", 5)
    assert "http://127.0.0.1:9 cannot be reached: " in str(error)
    assert "hub.endpoint" in error.hint


@pytest.mark.parametrize(
    ("name", "status", "headers", "says"),
    [
        ("huggingface", 200, {"Content-Type": "text/html; charset=utf-8"}, "sent text/html instead of JSON"),
        ("huggingface", 302, {"Location": "ftp://elsewhere/x"}, "redirects to an address that is not on the web"),
        ("huggingface", 302, {"Location": "http://host:99999/x"}, "redirects to an address that is not on the web"),
        ("huggingface", 302, {"Location": "http://[::1/x"}, "redirects to an address that is not on the web"),
        ("huggingface", 302, {"Location": "/api/models/team/tiny.1/revision/main"}, "redirects for ever"),
        ("modelscope", 200, {}, "sent no type instead of JSON"),
        ("modelscope", 400, {}, "answered 400"),
    ],
)
def test_what_is_no_hub_is_told(
    stand: Stand, hub: Hub, name: str, status: int, headers: dict[str, str], says: str
) -> None:
    hub.faults = [Fault("tiny.1", status=status, headers=headers, times=99)]
    error = failure(lambda: stand.model(name))

    assert error.kind == "network"
    assert str(error) == f"{hub.endpoint}, asked for model team/tiny.1, {says}"
    assert "mirror" in error.hint


@pytest.mark.parametrize("endpoint", ["http://host:99999", "http://[::1", "http://a b", "ftp://host"])
def test_endpoint_that_is_no_address(stand: Stand, endpoint: str) -> None:
    stand.endpoint = False
    stand.environ = {"HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_0123456789"}
    error = failure(stand.model)

    assert error.kind == "network"
    assert endpoint in str(error)


def test_files_are_fetched_side_by_side(stand: Stand, hub: Hub) -> None:
    hub.write("models/team/tiny.1", {f"model-{number}.safetensors": WEIGHTS[:100_000] for number in range(4)})
    hub.faults = [Fault(f"model-{number}", rate=200_000, server="cdn") for number in range(4)]
    began = time.monotonic()

    assert stand.model().files == 6
    assert time.monotonic() - began < 1.5


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made with openssl")
def test_certificate_that_is_not_trusted_is_told_at_once(stand: Stand, tmp_path: Path) -> None:
    pem = tmp_path / "both.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    subprocess.run([*argv, "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], check=True, capture_output=True)
    pem.write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "crt").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stand.endpoint = False
    stand.environ = {"HF_ENDPOINT": f"https://localhost:{server.server_address[1]}"}
    error = failure(stand.model)
    server.shutdown()
    server.server_close()

    assert "shows a certificate that this machine does not trust" in str(error)
