"""Answers that cannot be trusted: other content than was listed, hostile names, and what is no hub at all."""

import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import BOTH, WEIGHTS, Stand, failure


@BOTH
def test_file_with_another_digest_is_fetched_once_more_and_then_refused(stand: Stand, hub: Hub, name: str) -> None:
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


ODD = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"7",
    b'"x"',
    b"[1]",
    b"[[]]",
    b'{"Data": null}',
    b'{"Data": {}}',
    b'{"Data": {"Files": "x"}}',
    b'{"Data": {"Files": [1]}}',
    b'{"Data": {"Files": [{}]}}',
    b'{"Data": {"Files": [], "LatestCommitter": 7}}',
    b'{"Success": false, "Message": "no"}',
    b'{"Code": 10010205001}',
    b'{"sha": 7}',
    b'{"sha": "../../x"}',
    b"[" * 100_000,
    b"\xff\xfe",
    b'{"Data": {"Files": [{"Path": "x", "Size": 1, "Type": []}]}, "Success": true}',
]


@BOTH
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:40]))
def test_odd_answer_is_an_error_with_a_message(stand: Stand, hub: Hub, name: str, body: bytes, pinned: bool) -> None:
    hub.faults = [Fault("/api/", status=200, body=body, times=99)]
    error = failure(lambda: stand.model(name, "a" * 40 if pinned else None))

    assert error.kind in ("network", "user", "data")
    assert "team/tiny.1" in str(error)
