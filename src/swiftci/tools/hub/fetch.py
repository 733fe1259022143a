"""Fetches a repository into the cache: several files at once, each gone on with where it was left."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from swiftci.config.project import Project
from swiftci.spec.error import Busy, ToolError
from swiftci.tools.hub import cache, huggingface, modelscope
from swiftci.tools.hub.access import access
from swiftci.tools.hub.amount import amount
from swiftci.tools.hub.client import Client, StoppedError
from swiftci.tools.hub.listing import File, Listing, wanted
from swiftci.tools.hub.part import Part, download
from swiftci.tools.hub.reference import Reference

AT_ONCE = 4
"""Files fetched at the same time; the hubs' own clients have 4 and 8."""
TICK_SECONDS = 0.5
RATE_SECONDS = 10.0
"""The shown speed is that of so many seconds."""

_HUBS = {"modelscope": modelscope, "huggingface": huggingface}


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A repository in the cache; `bytes` is what this call fetched of it, `size` what it has."""

    reference: Reference
    commit: str | None
    folder: Path
    files: int
    size: int
    bytes: int


@dataclass(kw_only=True)
class Fetcher:
    """Fetches for one run.

    `step` is told megabytes done, their total, and a few words; `line`, what a reader wants to keep, also from the
    threads that fetch. `deadline` is in seconds of time.time().
    """

    project: Project
    environ: Mapping[str, str]
    step: Callable[[int, int, str], None]
    line: Callable[[str], None]
    deadline: float | None = None
    _clients: dict[str, Client] = field(default_factory=dict)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def fetch(self, reference: Reference) -> Fetched:
        """The repository, whole and in the cache; one that is pinned and there costs no request."""
        root = cache.root(self.project, self.environ)
        if reference.pinned:
            place = cache.Place.of(root, reference, reference.asked)
            if files := place.whole():
                return _fetched(reference, reference.asked, place, files, 0)
        try:
            return self._fetch(reference, root)
        except OSError as error:
            message = f"{reference} cannot be written to {root}: {error.strerror or error}"
            hint = "free some disk, or point `cache:` in swiftci.yaml at a folder that this user may write"
            raise ToolError(message=message, kind="disk", hint=hint) from None

    def _fetch(self, reference: Reference, root: Path) -> Fetched:
        client = self._client(reference)
        full = _HUBS[reference.hub].listing(client, reference)
        listing = Listing(commit=full.commit, files=wanted(reference.kind, list(full.files)))
        place = cache.Place.of(root, reference, listing.state)
        if place.whole() is None:
            return self._alone(client, reference, listing, place)
        return _fetched(reference, listing.commit, place, listing.files, 0)

    def _client(self, reference: Reference) -> Client:
        if reference.hub not in self._clients:
            self._clients[reference.hub] = Client(access(reference.hub, self.project, self.environ), self.line)
        return self._clients[reference.hub]

    def _alone(self, client: Client, reference: Reference, listing: Listing, place: cache.Place) -> Fetched:
        """Fetches while no other process does; after waiting for one, there may be nothing left to do."""
        waited = False
        while True:
            try:
                with place.locked():
                    missing = 0
                    if place.whole() is None:
                        place.check_disk(reference, listing)
                        missing = place.missing_bytes(listing)
                        self._files(client, reference, listing, place)
                        place.complete(reference, listing)
                    return _fetched(reference, listing.commit, place, listing.files, missing)
            except Busy:
                if not waited:
                    self.line(f"another job fetches {reference}; waiting for it")
                waited = True
                self._check_deadline(reference, "waiting for another job")
                time.sleep(TICK_SECONDS)

    def _files(self, client: Client, reference: Reference, listing: Listing, place: cache.Place) -> None:
        meter = _Meter(listing.size)
        todo = [file for file in listing.files if not place.has(file)]
        meter.moved(listing.size - sum(file.size for file in todo))
        meter.begin()
        self.line(f"fetching {reference}: {len(todo)} files, {amount(place.missing_bytes(listing))}")
        pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="fetch")
        futures: set[Future[None]] = set()
        try:
            for file in sorted(todo, key=lambda one: -one.size):
                futures.add(pool.submit(_file, client, reference, listing, place, file, meter))
            waiting = futures
            while waiting:
                done, waiting = wait(waiting, TICK_SECONDS, FIRST_EXCEPTION)
                for one in done:
                    one.result()
                self.step(*meter.shown(reference))
                self._check_deadline(reference, f"{amount(meter.done)} of {amount(meter.total)} are here, and are kept")
        except BaseException:
            client.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _check_deadline(self, reference: Reference, where: str) -> None:
        if self.deadline is not None and time.time() > self.deadline:
            message = f"the time limit came near while {reference} was fetched: {where}"
            raise ToolError(message=message, kind="preempted", hint="raise limits.job_minutes, or run again")


def _file(
    client: Client, reference: Reference, listing: Listing, place: cache.Place, file: File, meter: "_Meter"
) -> None:
    """One file, in a thread of the pool."""
    client.check()
    address = _HUBS[reference.hub].address(client.access.endpoint, reference, listing.commit, file.path)
    try:
        with Part(place.parts / file.path, file, meter.moved, client.check) as part:
            download(client, address, part, f"file {file.path} of {reference}")
            part.keep(place.folder / file.path)
    except StoppedError:
        return  # another thread's failure, or a signal, is what gets told


def _fetched(
    reference: Reference, commit: str | None, place: cache.Place, files: tuple[File, ...], new: int
) -> Fetched:
    size = sum(file.size for file in files)
    return Fetched(reference=reference, commit=commit, folder=place.folder, files=len(files), size=size, bytes=new)


class _Meter:
    """Counts bytes of all threads."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._lock = threading.Lock()
        self._marks: list[tuple[float, int]] = []

    def moved(self, count: int) -> None:
        with self._lock:
            self.done += count

    def begin(self) -> None:
        """What came until now was there before."""
        self._marks = [(time.monotonic(), self.done)]

    def shown(self, reference: Reference) -> tuple[int, int, str]:
        """Megabytes done and in all, and how fast."""
        now = time.monotonic()
        self._marks.append((now, self.done))
        while len(self._marks) > 2 and now - self._marks[0][0] > RATE_SECONDS:
            del self._marks[0]
        since, before = self._marks[0]
        rate = amount(max(0, self.done - before) / max(now - since, 0.001))
        total = -(-self.total // 1_000_000)
        done = self.done // 1_000_000 if self.done < self.total else total
        return done, total, f"MB of {reference.id}, {rate}/s"
