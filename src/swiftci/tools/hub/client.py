"""Asks a hub over HTTP: the token stays with it, what may pass is tried again, all else is one clear error."""

import json
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from swiftci import __version__
from swiftci.tools.hub import refusal
from swiftci.tools.hub.access import Access

if TYPE_CHECKING:  # imported when a download starts: a run with local paths must not pay for it
    import httpx2

WAITS: tuple[float, ...] = (1, 2, 4, 8, 16)
"""Seconds before each further try; a server's Retry-After may make it longer."""
RETRY_AFTER_MAX = 120.0
CONNECT_SECONDS = 15.0
READ_SECONDS = 60.0
"""How long a server may send nothing."""
REDIRECTS_MAX = 5
PROGRESS_BYTES = 1 << 20
"""A try that brought as much has not failed: a long download may be cut any number of times."""
JSON_MAX_BYTES = 200_000_000
T = TypeVar("T")

_PASSING = (408, 425, 429, 500, 502, 503, 504)


class AgainError(Exception):
    """What went wrong may pass; `after` is how many seconds the server asked for."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class StoppedError(Exception):
    """The download was stopped from outside, in the middle of this."""


class Client:
    """One hub; may be used from several threads, and stopped from another. `told` hears of what is tried again."""

    def __init__(self, access: Access, told: Callable[[str], None]) -> None:
        import httpx2

        self.access, self.told = access, told
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._http = httpx2.Client(
            timeout=httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            headers={"User-Agent": f"swiftci/{__version__}", "Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        self._http.close()

    def stop(self) -> None:
        """Ends all that is under way, in whatever thread; what was written stays."""
        self._stopped.set()
        with self._lock:
            sockets = tuple(self._sockets)
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already

    def check(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def data(self, path: str, query: Mapping[str, str], what: str) -> tuple[Any, Mapping[str, str]]:
        """A page of the hub's interface as data, with its headers; `what` names the repository in an error."""

        def once() -> tuple[Any, Mapping[str, str]]:
            with self.open(self.access.endpoint + path, what, query=query) as response:
                body = bytearray()
                for chunk in self.chunks(response):
                    body += chunk
                    if len(body) > JSON_MAX_BYTES:
                        raise refusal.no_hub(self.access, what, "sent more than a list of files can be")
                try:
                    return json.loads(body), response.headers
                except (ValueError, RecursionError):
                    kind = response.headers.get("content-type", "no type").split(";")[0][:60]
                    raise refusal.no_hub(self.access, what, f"sent {kind} instead of JSON") from None

        return self.retried(once, what)

    def retried(self, once: Callable[[], T], what: str, done: Callable[[], int] = lambda: 0) -> T:
        """The result of `once`, tried again while what is wrong may pass; `done` counts the bytes that are there."""
        failures = 0
        while True:
            self.check()
            before = done()
            try:
                return once()
            except AgainError as error:
                failures = 1 if done() - before >= PROGRESS_BYTES else failures + 1
                if failures > len(WAITS):
                    raise refusal.network(self.access, what, str(error), failures) from None
                seconds = max(WAITS[failures - 1], error.after)
                self.told(f"{what}: {self.access.shown} {error}; trying again in {seconds:.0f} s")
                self.pause(seconds)

    def pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError

    @contextmanager
    def open(
        self, url: str, what: str, *, query: Mapping[str, str] | None = None, start: int = 0
    ) -> "Iterator[httpx2.Response]":
        """A response with status 200, 206 or 416, its body not yet read; `start` is the first byte that is wanted."""
        import httpx2

        try:
            request = self._request(url, start, query)
            for _ in range(REDIRECTS_MAX + 1):
                self.check()
                response = self._http.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        self._accept(response, what)
                        yield response
                        return
                    target = _target(str(request.url), response.headers["location"])
                finally:
                    response.close()
                if target is None:
                    raise refusal.no_hub(self.access, what, "redirects to an address that is not on the web")
                request = self._request(target, start)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            self.check()  # it was cut by stop()
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                why = "shows a certificate that this machine does not trust (SSL_CERT_FILE can name another authority)"
                raise refusal.no_hub(self.access, what, why) from None
            raise AgainError(_why(error)) from None
        except httpx2.InvalidURL:
            raise refusal.no_hub(self.access, what, "is no address, or redirects to none") from None
        raise refusal.no_hub(self.access, what, "redirects for ever")

    def chunks(self, response: "httpx2.Response") -> Iterator[bytes]:
        """The body as it comes."""
        for chunk in response.iter_bytes():
            self.check()
            yield chunk

    def _headers(self, url: str, start: int) -> dict[str, str]:
        """A request's own headers; the token goes to the hub's origin alone, and never with a redirect elsewhere."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        if self.access.token and _origin(url) == _origin(self.access.endpoint):
            headers["Authorization"] = f"Bearer {self.access.token}"
            if self.access.hub == "modelscope":
                headers["Cookie"] = f"m_session_id={self.access.token}"  # older parts of the hub know only this
        return headers

    def _accept(self, response: "httpx2.Response", what: str) -> None:
        status = response.status_code
        if status in (200, 206, 416):
            return
        if status in _PASSING:
            raise AgainError(f"answered {status}", _retry_after(response.headers.get("retry-after", "")))
        if _origin(str(response.url)) != _origin(self.access.endpoint):
            raise AgainError(f"sent us to {response.url.host}, which answered {status}")  # such addresses expire
        raise refusal.refused(self.access, what, status, response.headers.get("x-error-code", ""))

    def _request(self, url: str, start: int, query: Mapping[str, str] | None = None) -> "httpx2.Request":
        extensions = {"trace": self._connected}
        return self._http.build_request(
            "GET", url, params=query, headers=self._headers(url, start), extensions=extensions
        )

    def _connected(self, event: str, info: dict[str, Any]) -> None:
        """Remembers each connection's socket, so that stop() can end a read that waits for a silent server."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if found is not None:
                with self._lock:
                    self._sockets.add(found)
            self.check()


def _why(error: Exception) -> str:
    import httpx2

    if isinstance(error, httpx2.ConnectTimeout):
        return f"cannot be reached within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx2.TimeoutException):
        return f"sent nothing for {READ_SECONDS:.0f} s"
    if isinstance(error, httpx2.ConnectError):
        return f"cannot be reached: {str(error)[:200]}"
    return f"broke off: {str(error)[:200] or type(error).__name__}"


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads; None where that is not on the web."""
    try:
        found = urljoin(url, location)
    except ValueError:
        return None
    return found if urlsplit(found).scheme in ("http", "https") and _origin(found) else None


def _origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port; None of what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts.scheme, parts.hostname or "", port or (443 if parts.scheme == "https" else 80)


def _retry_after(text: str) -> float:
    """Seconds; of a date only that there is one, which the ordinary wait serves."""
    return min(float(text), RETRY_AFTER_MAX) if text.strip().isdigit() else 0.0
