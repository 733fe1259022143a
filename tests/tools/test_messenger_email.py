"""Mail over TLS from the first byte or from STARTTLS on, and why it was not taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from swiftci.tools.messenger import NotSent, send
from tests.standin.mail import Mail, certificate, mail
from tests.tools.messaging import LETTER, channel

PASSWORD = "p@ss w/rd+%2F:#?"
QUOTED = "p%40ss%20w%2Frd%2B%252F%3A%23%3F"
TEAM = ("team@example.com", "li.lei@example.com")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, files: tuple[Path, Path]) -> None:
    monkeypatch.setattr("swiftci.tools.messenger.WAIT", 0.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))


@contextmanager
def served(files: tuple[Path, Path], tls: str = "at-once", *, login: bool = True) -> Iterator[tuple[Mail, str]]:
    """A server, and what the secret of its channel holds."""
    user = {"user": "ci@example.com", "password": PASSWORD} if login else {}
    with mail(files, tls=tls, **user) as found:
        scheme = "smtps" if tls == "at-once" else "smtp"
        opened = f"ci%40example.com:{QUOTED}@" if login else ""
        yield found, f"{scheme}://{opened}{found.host}:{found.port}"


def post(url: str, recipients: tuple[str, ...] = TEAM) -> None:
    to = channel("email", from_address="swiftci@example.com", recipients=recipients)
    send(to, {"TOKEN": url}, LETTER)


def refused(url: str) -> str:
    with pytest.raises(NotSent) as error:
        post(url)
    assert error.value.__suppress_context__
    assert not {PASSWORD, QUOTED} & set(str(error.value).split())
    return str(error.value)


@pytest.mark.parametrize(("tls", "login"), [("at-once", True), ("starttls", True), ("at-once", False), ("", False)])
def test_mail_reaches_everybody(tls: str, login: bool, files: tuple[Path, Path]) -> None:
    with served(files, tls, login=login) as (server, url):
        post(url)

    assert [to for to, _ in server.received] == [*TEAM]
    for to, found in server.received:
        assert found["Subject"] == LETTER.title
        assert (found["To"], "swiftci@example.com" in found["From"]) == (to, True)
        assert found.get_content_type() == "text/plain"
        assert found.get_content().split() == LETTER.text.split()


@pytest.mark.parametrize("tls", ["at-once", "starttls"])
def test_wrong_password_is_not_tried_again(tls: str, files: tuple[Path, Path]) -> None:
    with served(files, tls) as (server, url):
        server.password = "another"
        said = refused(url)

    assert said == "it does not take user and password (535)"
    assert sum(line.startswith("ehlo") for line in server.said) == (2 if tls == "starttls" else 1)


def test_password_is_never_sent_without_tls(files: tuple[Path, Path]) -> None:
    """A server that offers no STARTTLS, or somebody between who took the offer away."""
    with served(files, "") as (server, url):
        said = refused(url)

    assert said == "it cannot be reached: SMTPNotSupportedError"
    assert [line for line in server.said if line.startswith("AUTH")] == []


def test_certificate_that_nobody_vouches_for_is_not_taken(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)[0]))
    with served(files) as (server, url):
        said = refused(url)

    assert said == "its certificate is not one that this machine trusts"
    assert server.received == []


def test_another_try_goes_to_those_who_have_none_yet(files: tuple[Path, Path]) -> None:
    with served(files) as (server, url):
        server.refuse["rcpt to:<li.lei"] = ["451 4.7.1 Greylisted"]
        post(url)

    assert [to for to, _ in server.received] == [*TEAM]


def test_recipient_that_is_refused_is_named(files: tuple[Path, Path]) -> None:
    with served(files) as (server, url):
        server.refuse["rcpt to:<li.lei"] = ["550 5.1.1 User unknown"] * 2
        said = refused(url)

    assert said == "it took no mail to li.lei@example.com"
    assert [to for to, _ in server.received] == [TEAM[0]]


def test_nobody_there() -> None:
    assert refused("smtps://localhost:9") == "it cannot be reached: ConnectionRefusedError"


@pytest.mark.parametrize(
    "url",
    [
        "mailto:team@example.com",
        "https://mail.example.com",
        "smtps://",
        "smtps://ci:pass/word@mail.example.com",
        "smtps://ci:secret@mail.example.com:port",
        "smtps://ci@mail.example.com",
        "smtps://ci:secret@mail.example.com/path",
        "ci:secret@mail.example.com",
        "smtps://ci:secret%C3%BC@mail.example.com",
    ],
)
def test_secret_that_is_no_server_is_refused_and_not_shown(url: str) -> None:
    said = refused(url)

    assert said.startswith("TOKEN ")
    assert url not in said
    assert "secret" not in said
