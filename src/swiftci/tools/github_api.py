"""Asks GitHub's REST API within a time that is set before: the token stays with it, what may pass is tried again."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin, urlsplit

from swiftci import __version__
from swiftci.spec.problem import quoted

if TYPE_CHECKING:  # imported with the first question
    import httpx2

SECONDS = 30.0
"""For everything together."""
WAITS: tuple[float, ...] = (1, 2)
"""Seconds before each further try."""
WAIT_MAX = 20.0
"""What a rate limit may ask for."""
ANSWER_SECONDS = 10.0
JSON_MAX_BYTES = 10_000_000
REDIRECTS_MAX = 3
_MESSAGE_BYTES = 10_000
_PASSING = (408, 500, 502, 503, 504)
T = TypeVar("T")


class NoAnswer(Exception):
    """Why there is no use in asking on, in words to print."""


class Refused(Exception):
    """This one thing is not given, in words to print."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class _Again(Exception):
    """It may pass; `after` is how many seconds the server asked for."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Api:
    """GitHub at `GITHUB_API_URL`, which is an Enterprise server's where one runs the job; questions raise `NoAnswer`
    or `Refused`, and nothing else. Its `SECONDS` count from here on.
    """

    def __init__(self, environ: Mapping[str, str], token: str) -> None:
        import httpx2

        self.root = (environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
        self._token = token
        self._until = time.monotonic() + SECONDS
        headers = {"User-Agent": f"swiftci/{__version__}", "Accept-Encoding": "identity"}
        self._http = httpx2.Client(headers=headers)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An object of the API."""
        return self.page(path, query)[0]

    def page(self, path: str, query: Mapping[str, str]) -> tuple[dict[str, Any], bool]:
        """An object of the API, and whether another page follows."""

        def once() -> tuple[dict[str, Any], bool]:
            with self._open(f"{self.root}/{path}", query) as response:
                body = b"".join(self._chunks(response, JSON_MAX_BYTES))
                more = "next" in response.links
            try:
                data = json.loads(body)
            except (ValueError, RecursionError):
                data = None
            if not isinstance(data, dict):
                raise NoAnswer(f"{_host(self.root)} sent something else than a JSON object")
            return data, more

        return self._retried(once)

    def download(self, path: str, file: Path, limit: int) -> None:
        """Writes what `path` leads to into a file; raises `Refused` where it has more than `limit` bytes."""

        def once() -> None:
            with self._open(f"{self.root}/{path}", {}) as response, file.open("wb") as target:
                for chunk in self._chunks(response, limit):
                    target.write(chunk)

        self._retried(once)

    def _retried(self, once: Callable[[], T]) -> T:
        failures = 0
        while True:
            try:
                return once()
            except _Again as error:
                if failures == len(WAITS):
                    raise NoAnswer(f"{error}, {failures + 1} times") from None
                self._pause(max(WAITS[failures], error.after), str(error))
                failures += 1

    def _pause(self, seconds: float, why: str) -> None:
        if seconds > min(WAIT_MAX, self._until - time.monotonic()):
            raise NoAnswer(f"{why}, and trying again in {seconds:.0f} s is too late")
        time.sleep(seconds)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"{_host(self.root)} did not answer within {SECONDS:.0f} s")
        return left

    @contextmanager
    def _open(self, url: str, query: Mapping[str, str]) -> "Iterator[httpx2.Response]":
        """A good answer, its body not yet read. The token goes to the API's own origin, and with no redirect
        elsewhere: an artifact lies with a storage service, whose signed address is enough.
        """
        import httpx2

        target: str | None = url
        params: Mapping[str, str] | None = query
        try:
            for _ in range(REDIRECTS_MAX + 1):
                if target is None:
                    raise NoAnswer(f"{_host(self.root)} redirects to an address that is not on the web")
                timeout = httpx2.Timeout(min(ANSWER_SECONDS, self._left()))
                headers = self._headers(target)
                request = self._http.build_request("GET", target, params=params, headers=headers, timeout=timeout)
                response = self._http.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        self._accept(response)
                        yield response
                        return
                    target, params = _target(str(request.url), response.headers["location"]), None
                finally:
                    response.close()
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _Again(f"{_host(target or url)} cannot be asked: {type(error).__name__}") from None
        except httpx2.InvalidURL:
            raise NoAnswer(f"{_host(self.root)} is no address, or redirects to none") from None
        raise NoAnswer(f"{_host(self.root)} redirects for ever")

    def _headers(self, url: str) -> dict[str, str]:
        if _origin(url) != _origin(self.root):
            return {}
        return {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def _chunks(self, response: "httpx2.Response", limit: int) -> Iterator[bytes]:
        """The body as it comes, up to so many bytes."""
        count = 0
        for chunk in response.iter_bytes():
            self._left()
            count += len(chunk)
            if count > limit:
                raise Refused(f"has more than {limit} bytes", response.status_code)
            yield chunk

    def _accept(self, response: "httpx2.Response") -> None:
        status, name = response.status_code, _host(str(response.url))
        if status == 200:
            return
        after = _rate_limit(status, response.headers)
        if after is not None:
            raise _Again(f"{name} answers {status}, its rate limit is reached", after)
        if status in _PASSING:
            raise _Again(f"{name} answers {status}", _seconds(response.headers.get("retry-after", "")) or 0.0)
        raise Refused(f"{name} answers {status}{self._message(response)}", status)

    def _message(self, response: "httpx2.Response") -> str:
        """What GitHub says to its refusal, which tells a missing permission from a firewall."""
        try:
            data = json.loads(b"".join(self._chunks(response, _MESSAGE_BYTES)))
        except (ValueError, RecursionError, Refused):
            return ""
        message = data.get("message") if isinstance(data, dict) else None
        if not isinstance(message, str):
            return ""
        return ", " + quoted(message.replace(self._token, "***"), 200)


def _rate_limit(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait where an answer speaks of a rate limit (docs.github.com, "Rate limits for the REST API")."""
    if status not in (403, 429):
        return None
    after = _seconds(headers.get("retry-after", ""))
    if after is not None:
        return after
    reset = _seconds(headers.get("x-ratelimit-reset", ""))
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(1.0, reset - time.time())
    return 60.0 if status == 429 else None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _host(url: str) -> str:
    """A server as a message shows it: a signed address is a secret too."""
    origin = _origin(url)
    return quoted((origin and origin[1]) or "GITHUB_API_URL")[1:-1]


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads; None where that is not on the web."""
    try:
        found = urljoin(url, location)
    except ValueError:
        return None
    origin = _origin(found)
    return found if origin and origin[0] in ("http", "https") else None


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port; None of what is no address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
