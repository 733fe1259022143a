"""A bucket that cannot be used: whose fault it is, and what is said of it."""

import os
import sys
import urllib.request

import pytest

from swiftci.spec.error import ToolError
from swiftci.store.bucket import Bucket
from tests.standin import s3
from tests.store.rig import DIGEST, Rig


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
