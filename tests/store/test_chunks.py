"""Files in a bucket: in whatever order things are done, whatever somebody wrote there, nothing wrong comes back."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.store import chunks
from swiftci.store.bucket import Bucket
from swiftci.tools.objects import Remote

DIGEST = "a" * 64
CONTENTS = (b"", b"abcdefgh", b"abcdabcdabcd", b"abcdefghijk")
DAYS = 10**9
"""So late that everything kept counts as old."""


class KilledError(BaseException):
    pass


@dataclass
class World:
    """A bucket in memory, a clock, and what happens at which of the operations to come."""

    folder: Path
    days: int = 0
    count: int = 0
    at: dict[int, Callable[[], None]] = field(default_factory=dict)

    def tick(self) -> None:
        self.count += 1
        if action := self.at.pop(self.count, None):
            action()

    def bucket(self) -> Bucket:
        return Bucket("memory://bucket/runs", {})

    def keep(self, digest: str, content: bytes) -> None:
        own = self.folder / f"{digest[0]}-{content!r}"
        own.mkdir(exist_ok=True)
        (own / "w").write_bytes(content)
        self.bucket().keep(digest, {"content": content.decode()}, own, ["w"])

    def gc(self, keep: set[str]) -> None:
        self.bucket().gc(keep, time.time() + DAYS, dry=False)

    def check(self) -> None:
        """A result that is there comes back as it was kept, and everything it names is there."""
        assert self.bucket().fsck(deep=True) == []
        for digest in ("a" * 64, "b" * 64):
            found = self.bucket().find(digest)
            if found is not None:
                target = self.folder / "out"
                assert self.bucket().take(digest, target) == found
                assert (target / "w").read_bytes().decode() == found["content"]


@contextmanager
def world() -> Iterator[World]:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    real = chunks.today()
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        one = World(folder=Path(name))
        for method in ("read", "write", "sizes", "remove"):
            patch.setattr(Remote, method, ticking(one, getattr(Remote, method)))
        patch.setattr(Remote, "each", lambda _, work, jobs, __=1: (work(job) for job in list(jobs)))
        patch.setattr(chunks, "CHUNK", 4)
        patch.setattr(chunks, "today", lambda: real + timedelta(days=one.days))
        yield one


def ticking(one: World, method: Callable[..., object]) -> Callable[..., object]:
    def ticked(*args: object) -> object:
        one.tick()
        return method(*args)

    return ticked


DIGESTS = st.sampled_from(["a" * 64, "b" * 64])
KEEP = st.tuples(st.just("keep"), DIGESTS, st.sampled_from(CONTENTS))
GC = st.tuples(st.just("gc"), st.sets(DIGESTS))
SIMPLE = st.one_of(KEEP, GC, st.tuples(st.just("days"), st.integers(1, 6)))
BETWEEN = st.one_of(KEEP, GC, st.tuples(st.just("day")), st.tuples(st.just("kill")))
"""What may happen in the midst of something: a sender is not stopped for days at a time, see chunks.DAYS."""
STEPS = st.lists(st.tuples(SIMPLE, st.dictionaries(st.integers(1, 9), BETWEEN, max_size=2)), min_size=1, max_size=7)


def act(one: World, action: tuple[object, ...]) -> None:
    if action[0] == "kill":
        raise KilledError
    if action[0] in ("day", "days"):
        one.days += action[1] if len(action) > 1 else 1
    else:
        getattr(one, str(action[0]))(*action[1:])


@settings(max_examples=150)
@given(steps=STEPS)
def test_whatever_is_kept_removed_and_killed_meanwhile_nothing_wrong_is_there(
    steps: list[tuple[tuple[object, ...], dict[int, tuple[object, ...]]]],
) -> None:
    with world() as one:
        for action, between in steps:
            one.count = 0
            one.at = {at: lambda other=other: act(one, other) for at, other in between.items()}
            with suppress(KilledError):
                act(one, action)
            one.at = {}
            one.check()


def test_sender_is_not_robbed_of_a_chunk_that_it_found_there() -> None:
    with world() as one:
        one.keep("a" * 64, b"abcdefgh")
        one.gc(set())
        one.days = 1
        one.count, one.at = 0, {3: lambda: one.gc(set()), 4: lambda: one.gc(set())}
        one.keep("b" * 64, b"abcdefgh")

        assert one.bucket().find("b" * 64)
        one.check()


def test_collector_that_slept_removes_nothing_that_is_used_now() -> None:
    """Between its listing and its removing, the same content is kept once more."""
    with world() as one:
        one.keep("a" * 64, b"abcdefgh")
        one.days = 10
        one.count, one.at = 0, {6: lambda: one.keep("b" * 64, b"abcdefgh")}
        one.gc(set())

        assert one.bucket().find("b" * 64)
        one.check()


def test_upload_that_slept_sends_again_what_was_removed_meanwhile() -> None:
    with world() as one:

        def sleep() -> None:
            one.days += chunks.DAYS
            one.gc(set())

        one.at = {5: sleep}
        one.keep("a" * 64, b"abcdefghijk")

        assert one.bucket().find("a" * 64)
        one.check()


PIECE = f"chunks/2026-01-01/{'c' * 64}"
HOSTILE = {
    "parent": [{"name": "../out", "size": 0, "mode": 420, "chunks": []}],
    "inner-parent": [{"name": "a/../../out", "size": 0, "mode": 420, "chunks": []}],
    "absolute": [{"name": "/tmp/out", "size": 0, "mode": 420, "chunks": []}],
    "dot": [{"name": ".", "size": 0, "mode": 420, "chunks": []}],
    "no-name": [{"name": "", "size": 0, "mode": 420, "chunks": []}],
    "zero-byte": [{"name": "a\0b", "size": 0, "mode": 420, "chunks": []}],
    "long": [{"name": "a" * 256, "size": 0, "mode": 420, "chunks": []}],
    "surrogate": [{"name": "\ud800", "size": 0, "mode": 420, "chunks": []}],
    "number": [{"name": 7, "size": 0, "mode": 420, "chunks": []}],
    "twice": [{"name": "a", "size": 0, "mode": 420, "chunks": []}] * 2,
    "setuid": [{"name": "a", "size": 0, "mode": 0o4755, "chunks": []}],
    "sum": [{"name": "a", "size": 9, "mode": 420, "chunks": [[PIECE, 4]]}],
    "negative": [{"name": "a", "size": 0, "mode": 420, "chunks": [[PIECE, 4], [PIECE, -4]]}],
    "other-object": [{"name": "a", "size": 4, "mode": 420, "chunks": [["results/x", 4]]}],
    "chunk-parent": [{"name": "a", "size": 4, "mode": 420, "chunks": [["chunks/../chunks/x", 4]]}],
    "link-out": [{"name": "a", "link": "../../etc"}],
    "link-absolute": [{"name": "a", "link": "/etc"}],
    "text": "abc",
    "nothing": None,
    "numbers": [1, 2],
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_manifest_that_leads_elsewhere_is_no_result(files: object, tmp_path: Path) -> None:
    told: list[str] = []
    store = Bucket(f"memory://bucket/{os.getpid()}", {}, told.append)
    text = json.dumps({"schema": 1, "kept": 1.0, "entry": {}, "files": files})
    Remote(store.where, {}).write(f"results/{DIGEST}.json", text.encode())

    assert store.find(DIGEST) is None
    assert store.take(DIGEST, tmp_path / "run") is None
    assert list(tmp_path.rglob("*")) == []
    assert len(store.fsck(deep=False)) == 1
    assert len(told) == 2


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"schema": 2}', b"[" * 99_999, b"\xff"])
def test_damaged_manifest_is_no_result(text: bytes) -> None:
    store = Bucket(f"memory://bucket/{os.getpid()}", {})
    Remote(store.where, {}).write(f"results/{DIGEST}.json", text)

    assert store.find(DIGEST) is None
    assert len(store.fsck(deep=False)) == 1


def test_link_in_the_run_directory_leads_no_file_out_of_it(tmp_path: Path) -> None:
    store = Bucket(f"memory://bucket/link-{os.getpid()}", {})
    (tmp_path / "run" / "train").mkdir(parents=True)
    (tmp_path / "run" / "train" / "w").write_bytes(b"weights")
    store.keep(DIGEST, {}, tmp_path / "run", ["train"])
    (tmp_path / "outside").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "train").symlink_to("../outside")

    assert store.take(DIGEST, tmp_path / "new") is None
    assert list((tmp_path / "outside").iterdir()) == []
