"""Unpacks a zip archive that others made: no file outside of the folder, and never more than was agreed to."""

import errno
import mmap
import re
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.hub.listing import checked, unique

BYTES_MAX = 1_000_000_000
FILES_MAX = 10_000
DEPTH_MAX = 16
"""Folders in folders: files are counted, folders are not."""
_WHERE = "the archive"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
"""What zipfile raises where bytes are not as they should be; RuntimeError where they are encrypted."""


def unpack(archive: Path, folder: Path) -> None:
    """Writes the archive's files into a new folder; raises ToolError where it is broken or hostile.

    What was written by then stays, for the caller to remove. Raises OSError where the disk refuses.
    """
    try:
        _count(archive)
        with zipfile.ZipFile(archive) as opened:
            entries = [one for one in opened.infolist() if not _is_folder(one)]
            _check(entries)
            _write(opened, entries, folder)
    except _BROKEN as error:
        raise _hostile(f"is no zip archive that can be read: {type(error).__name__}") from None
    except FileExistsError as error:  # two names that only a file system takes for one
        raise _hostile(f"lists {quoted(Path(error.filename).name)} twice") from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _hostile("has a file before its beginning") from None  # zipfile seeks there


def _count(archive: Path) -> None:
    """Counts the entries before zipfile does, which would take memory for each of any number."""
    if archive.stat().st_size == 0:
        raise zipfile.BadZipFile
    with archive.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for number, _ in enumerate(re.finditer(rb"PK\x01\x02", data)):
            if number > 2 * FILES_MAX:  # folders are entries too, and chance makes a few
                raise _hostile(f"has more than {FILES_MAX} files")


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    return entry.orig_filename.endswith("/") and stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFDIR)


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > FILES_MAX:
        raise _hostile(f"has more than {FILES_MAX} files")
    files = [checked(entry.orig_filename, entry.file_size, "", _WHERE) for entry in entries]
    unique(files, _WHERE)
    for entry in entries:
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _hostile(f"holds {quoted(entry.orig_filename)}, which is no ordinary file")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # lzma may ask for 4 GB of memory
            raise _hostile(f"packs {quoted(entry.orig_filename)} in an unusual way")
        if entry.orig_filename.count("/") > DEPTH_MAX:
            raise _hostile(f"has more than {DEPTH_MAX} folders in each other")
    if sum(file.size for file in files) > BYTES_MAX:
        raise _hostile(f"unpacks to more than {BYTES_MAX} bytes")


def _write(opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    """zipfile gives no more of a file than its size says, and checks its CRC."""
    folder.mkdir(parents=True)
    for entry in entries:
        path = folder / entry.orig_filename
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(entry) as source, path.open("xb") as target:
            shutil.copyfileobj(source, target)


def _hostile(why: str) -> ToolError:
    return ToolError(message=f"{_WHERE} {why}", kind="data")
