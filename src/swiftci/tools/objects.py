"""A bucket's objects through fsspec: written whole, tried again where the network fails, refusals told in our words."""

import base64
import hashlib
import http.client
import importlib
import os
import random
import re
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from swiftci.spec.error import ToolError

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try."""
REQUEST_SECONDS = 600
"""A request that takes longer is given up: a connection that is gone silently would hold it for ever."""
AT_ONCE = 8
"""Requests for small objects at the same time."""
JSON_MAX = 64 << 20

_ADDRESS = re.compile(r"(s3|oss|memory|file)://[A-Za-z0-9._=/-]+")
_LIBRARIES = {"botocore", "aiobotocore", "aiohttp", "s3fs", "fsspec", "oss2", "ossfs", "requests", "urllib3"}
_NO_KEYS = {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"}
_EXISTS = {"PreconditionFailed", "412", "FileAlreadyExists", "ObjectAlreadyExists"}
_AGAIN = {
    "BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch", "SlowDown",
    "OperationAborted", "ConditionalRequestConflict", "TooManyRequests", "Throttling",
}  # fmt: skip
"""Refusals that another try can mend: the request came damaged, late, or at the same time as another."""
_KEYS = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "oss": ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"),
}
_HINTS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where it is not Amazon's; the key "
    "must be allowed to get, put, delete and list objects",
    "oss": "set OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET and OSS_ENDPOINT; the key must be allowed to get, put, delete "
    "and list objects",
}

A = TypeVar("A")
B = TypeVar("B")


class Remote:
    """The objects under `s3://bucket/prefix` or `oss://bucket/prefix`; names are relative to it.

    `environ` has the keys and the endpoint; where it has no keys, Amazon's own ways to find some apply. `memory://` and
    `file://` are for tests. Methods raise ToolError, of kind user, network or tool.
    """

    def __init__(self, url: str, environ: Mapping[str, str]) -> None:
        if not _ADDRESS.fullmatch(url):
            hint = "as in s3://bucket/prefix or oss://bucket/prefix; keys go into variables"
            raise ToolError(message="the store is no address of a bucket", kind="user", hint=hint)
        self.url = url.rstrip("/")
        self.scheme = url.partition(":")[0]
        self._environ = environ
        self._lock = threading.Lock()
        self._opened: tuple[int, Any] = (0, None)
        self._stopped = threading.Event()

    def read(self, path: str, limit: int = JSON_MAX) -> bytes | None:
        """An object, or as much of it as is a little over `limit`; None where there is none."""
        system, full = self._system, self._full(path)
        asked = {"timeout": REQUEST_SECONDS} if self.scheme == "s3" else {}
        try:
            data = self._tried(path, lambda: system.cat_file(full, start=0, end=limit + 1, **asked))
        except FileNotFoundError:
            return None
        except EOFError:
            return b""
        return bytes(data)

    def write(self, path: str, data: bytes) -> None:
        """Makes an object, or replaces it: readers see the old one or the new."""
        self._tried(path, lambda: self._send(path, data))

    def create(self, path: str, data: bytes) -> bool:
        """Makes an object where there is none; False where there is one.

        An answer can get lost, and the HTTP client then sends a second time by itself (aiohttp 3.14): whether what is
        there is ours says the object's own metadata.
        """
        token, tries = secrets.token_hex(16), 0

        def once() -> None:
            nonlocal tries
            tries += 1
            self._send(path, data, token)

        try:
            self._tried(path, once)
        except FileExistsError:
            if self.scheme != "s3":
                return tries > 1 and self.read(path) == data
            found = self._tried(path, lambda: self._system.metadata(self._full(path)))
            return bool(found.get("writer") == token)
        return True

    def sizes(self, folder: str) -> dict[str, int]:
        """The names of all objects under a folder, with their sizes."""
        system, root = self._system, self._full("")

        def once() -> dict[str, Any]:
            system.invalidate_cache()  # ossfs cannot do without its cache of listings
            found: dict[str, Any] = system.find(self._full(folder), detail=True)
            return found

        try:
            found = self._tried(folder, once)
        except FileNotFoundError:
            return {}
        return {name[len(root) :].lstrip("/"): int(one["size"]) for name, one in found.items() if one["type"] == "file"}

    def remove(self, path: str) -> None:
        system, full = self._system, self._full(path)
        try:
            self._tried(path, lambda: system.rm_file(full))
        except FileNotFoundError:
            return

    def each(self, work: Callable[[A], B], jobs: Iterable[A], at_once: int = AT_ONCE) -> Generator[B, None, None]:
        """What `work` gives for each job, in their order; several are worked on at the same time.

        The first failure ends it: what is under way is finished, and not tried again.
        """
        pool = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="store")
        try:
            yield from pool.map(work, jobs)
        except BaseException:
            self._stopped.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._stopped.clear()

    def _full(self, path: str) -> str:
        return f"{self._system._strip_protocol(self.url)}/{path}".rstrip("/")

    @property
    def _system(self) -> Any:
        """The filesystem; another after a fork, whose event loop is not there."""
        with self._lock:
            if self._opened[0] != os.getpid():
                self._opened = (os.getpid(), self._open())
            return self._opened[1]

    def _open(self) -> Any:
        package = {"s3": "s3fs", "oss": "ossfs"}.get(self.scheme, "fsspec")
        try:
            module = importlib.import_module(package)
        except ImportError:
            message = f"the store {self.url} needs the package {package}"
            extra = "oss" if self.scheme == "oss" else "store"
            raise ToolError(message=message, kind="user", hint=f"pip install 'swiftci[{extra}]'") from None
        return {"s3": self._s3, "oss": self._oss}.get(self.scheme, self._other)(module)

    def _s3(self, module: Any) -> Any:
        environ = self._environ
        key, secret, token = (environ.get(name) or None for name in _KEYS["s3"])
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        config = {
            "connect_timeout": 10,
            "read_timeout": 60,
            "retries": {"total_max_attempts": 1},  # we count the tries, see create
            "request_checksum_calculation": "when_required",  # other servers than Amazon's refuse it; Content-MD5 does
            "response_checksum_validation": "when_required",
        }
        system = module.S3FileSystem(
            key=key,
            secret=secret,
            token=token,
            endpoint_url=environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None,
            client_kwargs={"region_name": region} if region else {},
            config_kwargs=config,
            use_listings_cache=False,
        )
        system.retries = 1
        return system

    def _oss(self, module: Any) -> Any:
        key, secret, token = (self._environ.get(name) or None for name in _KEYS["oss"])
        endpoint = self._environ.get("OSS_ENDPOINT") or None
        if not (key and secret and endpoint):
            raise ToolError(message=f"{self.url}: keys or endpoint are missing", kind="user", hint=_HINTS["oss"])
        return module.OSSFileSystem(endpoint=endpoint, key=key, secret=secret, token=token)

    def _other(self, module: Any) -> Any:
        return module.filesystem(self.scheme, **({"auto_mkdir": True} if self.scheme == "file" else {}))

    def _send(self, path: str, data: bytes, token: str = "") -> None:
        """One try; with a token it raises FileExistsError where the object is there."""
        full, mode = self._full(path), "create" if token else "overwrite"
        if self.scheme == "s3":  # below 100 MiB s3fs makes one request of it, so that nothing is left over from a kill
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            more = {"Metadata": {"writer": token}} if token else {}
            self._system.pipe_file(full, data, mode=mode, timeout=REQUEST_SECONDS, ContentMD5=md5, **more)
        elif self.scheme == "oss":
            self._system.pipe_file(full, data, retry=1, headers={"x-oss-forbid-overwrite": "true"} if token else {})
        else:
            self._system.pipe_file(full, data, mode=mode)

    def _tried(self, path: str, once: Callable[[], B]) -> B:
        """What a call gives; raises FileNotFoundError, FileExistsError, EOFError, or ToolError."""
        for pause in (*PAUSES, None):
            try:
                return once()
            except Exception as error:
                if not _foreign(error):
                    raise
                code, status = _answer(error)
                if code in _EXISTS or isinstance(error, FileExistsError):
                    raise FileExistsError(path) from None
                if code != "NoSuchBucket" and (status == 404 or isinstance(error, FileNotFoundError)):
                    raise FileNotFoundError(path) from None
                if status == 416:  # the range begins behind the end of an empty object
                    raise EOFError(path) from None
                passing = _passing(error, code, status)
                if not passing or pause is None or self._stopped.is_set():
                    raise self._error(error, path, code, passing=passing) from None
            self._stopped.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- so that two runners do not keep step
        raise AssertionError

    def _error(self, error: Exception, path: str, code: str, *, passing: bool) -> ToolError:
        text = getattr(error.__cause__, "message", "") or str(error).strip() or f"no answer ({type(error).__name__})"
        said = self._masked(str(text))[:400]
        message = f"{self.url}/{path}: {code + ': ' if code and code not in said else ''}{said}"
        if passing:
            hint = "see whether the store can be reached from here; what was sent is kept, and another run goes on"
            return ToolError(message=message, kind="network", hint=hint)
        if code == "RequestTimeTooSkewed":
            return ToolError(message=message, kind="user", hint="this machine's clock is wrong")
        if code == "NoSuchBucket":
            return ToolError(message=message, kind="user", hint="make the bucket, or correct `store:` in swiftci.yaml")
        if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
            return ToolError(message=message, kind="user", hint="set AWS_REGION to the bucket's region")
        if isinstance(error, PermissionError) or type(error).__name__ in _NO_KEYS:
            return ToolError(message=message, kind="user", hint=_HINTS.get(self.scheme, ""))
        return ToolError(message=message, kind="tool", hint="the store refuses this; its own log may say more")

    def _masked(self, text: str) -> str:
        for name in _KEYS.get(self.scheme, ()):
            if value := self._environ.get(name):
                text = text.replace(value, "***")
        return text


def _foreign(error: Exception) -> bool:
    """Whether an exception is the network's or a library's: any other is our bug."""
    library = type(error).__module__.partition(".")[0] in _LIBRARIES
    return library or isinstance(error, OSError | http.client.HTTPException)


def _answer(error: BaseException) -> tuple[str, int]:
    """The server's code and HTTP status; 0 where it gave no answer."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return str(response.get("Error", {}).get("Code", "")), int(status)
        if isinstance(status := getattr(one, "status", None), int) and isinstance(getattr(one, "code", None), str):
            return str(one.code), max(0, status)  # type: ignore[union-attr] # oss2's; below 0 is no answer
    return "", 0


def _passing(error: Exception, code: str, status: int) -> bool:
    """Whether another try may do better."""
    if type(error).__name__ in (*_NO_KEYS, "ParamValidationError", "InvalidEndpointError"):
        return False
    if status == 0:
        return not isinstance(error, PermissionError)
    return status >= 500 or status in (408, 429) or code in _AGAIN
