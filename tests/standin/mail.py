"""A mail server on the loopback that keeps what it gets: RFC 5321, STARTTLS (RFC 3207), AUTH PLAIN and LOGIN (4954)."""

import base64
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import BinaryIO


@dataclass
class Mail:
    """The running server. `refuse` has replies by what begins a client's line, each given so often."""

    host: str = "localhost"
    port: int = 0
    certificate: Path = Path()
    user: str = ""
    password: str = ""
    refuse: dict[str, list[str]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    received: list[tuple[str, EmailMessage]] = field(default_factory=list)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody signed, and its key."""
    key, found = folder / "key.pem", folder / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = [*made, "-keyout", str(key), "-out", str(found), *named]
    subprocess.run(command, check=True, capture_output=True)
    return found, key


@contextmanager
def mail(files: tuple[Path, Path], *, tls: str = "", user: str = "", password: str = "") -> Iterator[Mail]:
    """Serves while inside; `tls` is `at-once`, `starttls` or none. Users have to log in, and over TLS only."""
    found = Mail(certificate=files[0], user=user, password=password)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError, EOFError):
                _Talk(found, self.request, context, tls).run()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


class _Talk:
    """One client's session."""

    def __init__(self, kept: Mail, connection: socket.socket, context: ssl.SSLContext, tls: str) -> None:
        self.kept, self.connection, self.context, self.tls = kept, connection, context, tls
        self.safe = tls == "at-once"
        self.known = not kept.user
        self.recipient = ""
        if self.safe:
            self.connection = context.wrap_socket(connection, server_side=True)
        self.file: BinaryIO = self.connection.makefile("rb")

    def say(self, text: str) -> None:
        self.connection.sendall(text.encode() + b"\r\n")

    def line(self) -> str:
        data = self.file.readline()
        if not data:
            raise EOFError
        text = data.decode().rstrip("\r\n")
        self.kept.said.append(text)
        return text

    def run(self) -> None:
        self.say("220 localhost ESMTP")
        while (text := self.line()).upper() != "QUIT":
            refusal = next(
                (given for begin, given in self.kept.refuse.items() if text.lower().startswith(begin) and given), None
            )
            self.say(refusal.pop(0)) if refusal else self.answer(text)
        self.say("221 bye")

    def answer(self, text: str) -> None:
        verb = text.replace(":", " ").partition(" ")[0].upper()
        if verb in ("EHLO", "HELO"):
            offers = ["STARTTLS"] if self.tls == "starttls" and not self.safe else []
            offers += ["AUTH PLAIN LOGIN"] if self.kept.user and self.safe else []
            self.say("\r\n".join(f"250-{one}" for one in ["localhost", *offers]) + "\r\n250 8BITMIME")
        elif verb == "STARTTLS":
            self.say("220 go ahead")
            self.connection = self.context.wrap_socket(self.connection, server_side=True)
            self.file, self.safe = self.connection.makefile("rb"), True
        elif verb == "AUTH":
            self.known = self.safe and self.credentials(text) == (self.kept.user, self.kept.password)
            self.say("235 welcome" if self.known else "535 5.7.8 Authentication credentials invalid")
        elif verb == "MAIL" and not self.known:
            self.say("530 5.7.0 Authentication required")
        elif verb == "RCPT":
            self.recipient = text.partition("<")[2].partition(">")[0]
            self.say("250 ok")
        elif verb == "DATA":
            self.say("354 go on")
            self.kept.received.append((self.recipient, self.message()))
            self.say("250 queued")
        else:
            self.say("250 ok")

    def credentials(self, text: str) -> tuple[str, str]:
        kind, _, first = text.partition(" ")[2].partition(" ")
        if kind == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
            return user, password
        if not first:
            self.say("334 " + base64.b64encode(b"Username:").decode())
            first = self.line()
        self.say("334 " + base64.b64encode(b"Password:").decode())
        return base64.b64decode(first).decode(), base64.b64decode(self.line()).decode()

    def message(self) -> EmailMessage:
        lines = []
        while (data := self.file.readline()) != b".\r\n":
            lines.append(data[1:] if data.startswith(b"..") else data)
        found = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found
