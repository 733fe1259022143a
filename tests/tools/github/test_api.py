"""What trouble with GitHub, its storage or the network becomes, and where the token goes."""

import time
from dataclasses import replace

import pytest

from swiftci.tools import github_api
from tests.standin.hub import Fault
from tests.tools.github.conftest import MAIN, NAME, Stand


def test_token_goes_to_the_api_and_not_to_the_storage(stand: Stand) -> None:
    stand.keep(7)
    stand.found()

    assert stand.github.said == [
        f"api GET /actions/artifacts?name={NAME}&per_page=100&page=1",
        "api GET /actions/runs/1007",
        "api GET /git/ref/heads/main",
        f"api GET /compare/{MAIN[0]}...{MAIN[0]}?per_page=1",
        "api GET /actions/artifacts/7/zip",
        "storage GET /7?se=2026&sig=signed",
    ]
    assert {(one.server, one.headers.get("authorization")) for one in stand.github.requests} == {
        ("api", "Bearer ghs_secret"),
        ("storage", None),
    }


def test_token_is_kept_from_another_port_and_another_scheme(stand: Stand) -> None:
    place = stand.github.storage.replace("localhost", "127.0.0.1")
    stand.github.faults = [Fault("zip", status=302, headers={"Location": f"{place}/7?sig=signed"})]
    stand.keep(7)

    assert stand.found().artifact == 7
    assert "authorization" not in stand.github.requests[-1].headers


def test_pages_are_followed_where_the_server_does_not_filter(stand: Stand) -> None:
    stand.github.filters, stand.github.page = False, 10
    for number in range(100, 130):
        stand.keep(number, name="coverage")
    stand.keep(7)

    assert stand.found().artifact == 7
    assert [text.rpartition("=")[2] for text in stand.github.said if "actions/artifacts?" in text] == list("1234")


def test_pages_have_an_end(stand: Stand) -> None:
    stand.github.filters, stand.github.page = False, 1
    for number in range(100, 120):
        stand.keep(number, name="coverage")

    assert stand.why() == f"no earlier run kept {NAME}"
    assert len(stand.github.requests) == 5


@pytest.mark.parametrize("at", ["/actions/artifacts", "/runs/", "/ref/", "/compare/", "/zip", "storage "])
def test_passing_failure_is_tried_again(stand: Stand, at: str) -> None:
    stand.github.faults = [Fault(at, times=2, status=502)]
    stand.keep(7)

    assert stand.found().artifact == 7


def limit(status: int, **headers: str) -> Fault:
    body = b'{"message": "API rate limit exceeded for installation"}'
    return Fault("/actions/artifacts", times=9, status=status, headers=headers, body=body)


HTML = {"Content-Type": "text/html"}
NEED = "; the job needs `permissions: {actions: read, contents: read}`"
DENIED = b'{"message": "Resource not accessible by integration"}'
TROUBLES: dict[str, tuple[Fault, str]] = {
    "server": (Fault("/actions/artifacts", times=9, status=500), "127.0.0.1 answers 500, 3 times"),
    "storage": (Fault("storage", times=9, status=503), "localhost answers 503, 3 times"),
    "permission": (
        Fault("/actions", status=403, body=DENIED),
        f'127.0.0.1 answers 403, "Resource not accessible by integration"{NEED}',
    ),
    "unseen": (Fault("/actions", status=404), f"127.0.0.1 answers 404{NEED}"),
    "echo": (Fault("/actions", status=403, body=b'{"message": "no\\u001b ghs_secret"}'), f'403, "no\\x1b ***"{NEED}'),
    "teapot": (Fault("/actions", status=418), "127.0.0.1 answers 418"),
    "firewall": (Fault("storage", status=403), "artifact 7 localhost answers 403"),
    "run": (Fault("/runs/", status=404), "artifact 7 127.0.0.1 answers 404"),
    "page": (Fault("/actions", status=200, headers=HTML, body=b"<html>"), "something else than a JSON object"),
    "list": (Fault("/actions", status=200, body=b"[]"), "something else than a JSON object"),
    "depth": (Fault("/actions", status=200, body=b"[" * 99_999), "something else than a JSON object"),
    "nothing": (Fault("/actions", status=200, body=b"{}"), f"no earlier run kept {NAME}"),
    "no list": (Fault("/actions", status=200, body=b'{"artifacts": 7}'), f"no earlier run kept {NAME}"),
    "no entries": (Fault("/actions", status=200, body=b'{"artifacts": [7, null, {}]}'), f"no earlier run kept {NAME}"),
    "ref": (Fault("/ref/", status=200, body=b'{"object": []}'), "is of a commit that is not on"),
    "circle": (Fault("/zip", times=9, status=302, headers={"Location": "zip"}), "redirects for ever"),
    "off the web": (Fault("/zip", status=302, headers={"Location": "file:///etc/passwd"}), "not on the web"),
    "no address": (Fault("/zip", status=302, headers={"Location": "http://[x/"}), "not on the web"),
    "limit until later": (limit(403, **{"Retry-After": "600"}), "its rate limit is reached, and trying again in 600 s"),
    "limit a little too long": (limit(429, **{"Retry-After": "22"}), "trying again in 22 s is too late"),
    "limit until reset": (
        limit(403, **{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}),
        "its rate limit is reached, and trying again in",
    ),
    "limit that says nothing": (limit(429), "its rate limit is reached, and trying again in 60 s is too late"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_a_reason_and_no_error(stand: Stand, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(github_api.time, "sleep", waited.append)
    fault, words = TROUBLES[name]
    stand.github.faults = [replace(fault)]
    stand.keep(7)

    assert words in stand.why()
    assert not any(waited)


@pytest.mark.parametrize(
    "headers", [{"Retry-After": "1"}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}], ids=["after", "reset"]
)
def test_short_rate_limit_is_waited_for(stand: Stand, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(github_api.time, "sleep", waited.append)
    stand.github.faults = [Fault("/actions/artifacts", status=403, headers=headers)]
    stand.keep(7)

    assert stand.found().artifact == 7
    assert waited == [1.0]


def test_silent_server_is_not_waited_for_long(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_api, "ANSWER_SECONDS", 0.1)
    stand.github.faults = [Fault("/actions/artifacts", times=9, wait=0.5)]
    began = time.monotonic()

    assert stand.why() == "127.0.0.1 cannot be asked: ReadTimeout, 3 times"
    assert time.monotonic() - began < 2


def test_everything_together_has_an_end(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_api, "SECONDS", 0.3)
    stand.github.faults = [Fault("/runs/", times=99, wait=0.1)]
    for number in range(1, 60):
        stand.keep(number, path="another")

    assert "127.0.0.1" in stand.why()
    assert len(stand.github.requests) < 20
    monkeypatch.setattr(github_api, "SECONDS", 0)
    assert stand.why() == "127.0.0.1 did not answer within 0 s"


def test_download_larger_than_was_said_is_refused(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftci.tools.github_artifact.PACKED_BYTES_MAX", 100)
    stand.keep(7, bytes(5000), entry={"size_in_bytes": 10})

    assert "artifact 7 has more than 100 bytes" in stand.why()


@pytest.mark.parametrize("token", ["", "a\nb", "é", "a b"])
def test_token_that_no_header_carries_is_not_sent(stand: Stand, token: str) -> None:
    assert stand.why(token) == "there is no token to ask GitHub with"
    assert stand.github.requests == []


def test_wrong_token_is_said(stand: Stand) -> None:
    assert stand.why("other") == f'127.0.0.1 answers 401, "Bad credentials"{NEED}'


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nothing", "http://[", "http://a b/"])
def test_address_that_leads_nowhere_is_a_reason(stand: Stand, url: str) -> None:
    stand.environ["GITHUB_API_URL"] = url

    assert "cannot be asked" in (said := stand.why()) or "is no address" in said
