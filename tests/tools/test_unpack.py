"""Archives that others made: what is ordinary comes out as it went in, what is hostile leaves nothing outside."""

import io
import random
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftci.spec.error import ToolError
from swiftci.tools import unpack as module
from swiftci.tools.unpack import unpack

LINK = (stat.S_IFLNK | 0o777) << 16
FIFO = (stat.S_IFIFO | 0o644) << 16


def entry(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name  # as it is: the constructor would mend it
    info.external_attr = mode
    return info


def packed(*files: tuple[zipfile.ZipInfo | str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        for name, data in files:
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else entry(name), data, kind)
    return made.getvalue()


def as_if(size: int, really: int = 5000) -> bytes:
    """An archive whose file says that it unpacks to another size than it does."""
    data = bytearray(packed(("a", bytes(really))))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(data)


def with_flag(bit: int) -> bytes:
    data = bytearray(packed(("a", b"x")))
    data[data.index(b"PK\x01\x02") + 8] |= bit
    data[6] |= bit
    return bytes(data)


def with_wrong_sum() -> bytes:
    return packed(("a", b"right"), kind=zipfile.ZIP_STORED).replace(b"right", b"wrong")


def with_two_names() -> bytes:
    data = packed(("good", b"x"))
    return data.replace(b"good", b"evil", 1)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "above": (lambda: packed(("../evil", b"x")), "not safe"),
    "above from inside": (lambda: packed(("a/../../evil", b"x")), "not safe"),
    "absolute": (lambda: packed(("/tmp/evil", b"x")), "not safe"),
    "backslash": (lambda: packed(("..\\evil", b"x")), "not safe"),
    "no name": (lambda: packed(("", b"x")), "not safe"),
    "point": (lambda: packed(("a/./b", b"x")), "not safe"),
    "double slash": (lambda: packed(("a//b", b"x")), "not safe"),
    "nul": (lambda: packed(("a\x00.json", b"x")), "not safe"),
    "terminal": (lambda: packed(("a\x1b[2J", b"x")), "not safe"),
    "long name": (lambda: packed(("x" * 300, b"x")), "not safe"),
    "file with a folder's name": (lambda: packed((entry("a/", LINK), b"/etc")), "not safe"),
    "link": (lambda: packed((entry("a", LINK), b"/etc/passwd"), ("a/b", b"x")), "twice"),
    "link alone": (lambda: packed((entry("run.json", LINK), b"/etc/passwd")), "no ordinary file"),
    "pipe": (lambda: packed((entry("run.json", FIFO), b"")), "no ordinary file"),
    "twice": (lambda: packed(("a", b"x"), ("a", b"y")), "twice"),
    "file as folder": (lambda: packed(("a", b"x"), ("a/b", b"y")), "twice"),
    "bomb": (lambda: packed(("a", bytes(30_000))), "more than 20000 bytes"),
    "bomb that says less": (lambda: as_if(10, 30_000_000), "BadZipFile"),
    "bomb of many": (lambda: packed(*((f"{i}", bytes(3000)) for i in range(9))), "more than 20000 bytes"),
    "says less than it is": (lambda: as_if(10), "BadZipFile"),
    "many": (lambda: packed(*((f"{i}", b"") for i in range(12))), "more than 10 files"),
    "very many folders": (lambda: packed(*((f"{i}/", b"") for i in range(30))), "more than 10 files"),
    "deep": (lambda: packed(("a/" * 20 + "b", b"x")), "folders in each other"),
    "lzma": (lambda: packed(("a", b"x"), kind=zipfile.ZIP_LZMA), "unusual way"),
    "bzip2": (lambda: packed(("a", b"x"), kind=zipfile.ZIP_BZIP2), "unusual way"),
    "encrypted": (lambda: with_flag(1), "RuntimeError"),
    "wrong sum": (with_wrong_sum, "BadZipFile"),
    "two names": (with_two_names, "BadZipFile"),
    "cut": (lambda: packed(("a", b"x" * 100))[:-30], "BadZipFile"),
    "no archive": (lambda: b"<html>", "BadZipFile"),
    "nothing": (lambda: b"", "BadZipFile"),
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 20_000)
    monkeypatch.setattr(module, "FILES_MAX", 10)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archive_is_refused_and_writes_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    make, words = HOSTILE[name]
    archive = tmp_path / "archive.zip"
    archive.write_bytes(make())

    with pytest.raises(ToolError, match=words) as caught:
        unpack(archive, tmp_path / "in" / "files")

    assert caught.value.kind == "data"
    assert str(caught.value).isprintable()
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} <= {"archive.zip", "in"}
    assert {path.name for path in (tmp_path / "in").glob("*")} <= {"files"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert sum(path.stat().st_size for path in (tmp_path / "in").rglob("*") if path.is_file()) <= 20_000


def test_files_come_out_as_they_went_in_and_cannot_be_run(tmp_path: Path) -> None:
    files = {"run.json": b"{}", "logs/train.log": bytes(range(256)), "train/args.json": b"", "报告.md": b"x"}
    program = entry("logs/train.log", (stat.S_IFREG | 0o6777) << 16)
    archive = tmp_path / "archive.zip"
    named = [(program if name == program.filename else name, data) for name, data in files.items()]
    archive.write_bytes(packed(("logs/", b""), *named))

    unpack(archive, tmp_path / "files")

    found = {path for path in (tmp_path / "files").rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "files").as_posix(): path.read_bytes() for path in found} == files
    assert not any(path.stat().st_mode & 0o7111 for path in found)


def test_damaged_archive_is_refused_in_our_words(tmp_path: Path) -> None:
    whole = packed(("run.json", b"{}" * 50), ("logs/train.log", b"line\n" * 40), ("logs/", b""))
    chance = random.Random(4)
    archive = tmp_path / "archive.zip"
    refused = 0
    for number in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.choice((0, 1, 0x2F, 0x7F, 0xFF, chance.randrange(256)))
        archive.write_bytes(data)
        try:
            unpack(archive, tmp_path / f"{number}" / "files")
        except ToolError:
            refused += 1
    assert refused > 150
    assert {path.name for path in tmp_path.glob("*/*")} <= {"files"}
