"""An S3 server on the loopback, moto's, in its own process; and a proxy in front of it that cuts connections."""

import contextlib
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTESTING", "AWS_SECRET_ACCESS_KEY": "not-so-secret", "AWS_REGION": "us-east-1"}

_SERVER = """
import logging
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class S3:
    """A running server; it keeps everything in memory."""

    port: int

    def environ(self, port: int | None = None) -> dict[str, str]:
        """The variables that a user would set; `port` is a proxy's."""
        return {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}"}

    def make(self, bucket: str) -> None:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("PUT", f"/{bucket}")
        assert connection.getresponse().status == 200
        connection.close()


@contextmanager
def serving() -> Iterator[S3]:
    process = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield S3(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@dataclass
class Proxy:
    """Passes bytes on to a port; everything may be changed while it does.

    `sent` counts what clients sent; what comes after `hold` bytes of it waits. After `cut` more bytes of it, a
    connection is reset, `cuts` times. `deaf` loses the next so many answers: it is reset instead.
    """

    target: int
    port: int = 0
    sent: int = 0
    hold: int = 0
    cut: int = 0
    cuts: int = 0
    deaf: int = 0
    _since: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """As it was at first."""
        with self._lock:
            self.sent = self.hold = self.cut = self.cuts = self.deaf = self._since = 0

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            back = threading.Thread(target=self._pump, args=(server, client, self._mutes), daemon=True)
            back.start()
            self._pump(client, server, self._cuts)
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, ends: Callable[[bytes], bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if ends(data):
                    _reset(source)
                    _reset(sink)
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    @property
    def held(self) -> bool:
        return bool(self.hold) and self.sent > self.hold

    def _cuts(self, data: bytes) -> bool:
        with self._lock:
            self.sent += len(data)
            self._since += len(data)
            if self.cuts and self._since >= self.cut:
                self._since = 0
                self.cuts -= 1
                return True
        while self.held:
            time.sleep(0.005)
        return False

    def _mutes(self, data: bytes) -> bool:
        with self._lock:
            if self.deaf and b" 100 " not in data[:20]:  # that only asks for the body
                self.deaf -= 1
                return True
            return False


def _reset(end: socket.socket) -> None:
    """Ends both ways at once, as a network does that is gone."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    listener = socket.create_server(("127.0.0.1", 0))
    one = Proxy(target=target, port=listener.getsockname()[1])
    threading.Thread(target=one.serve, args=(listener,), daemon=True).start()
    try:
        yield one
    finally:
        listener.close()
