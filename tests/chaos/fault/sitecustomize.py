"""Fault points: ends a process at the very moment at which it is about to do something with a file.

Python runs this file at its start wherever the folder is on PYTHONPATH; without CHAOS in the environment it does
nothing. CHAOS is one point as JSON, see tests/chaos/points.py:

within    which process: `swiftci`, `swift` (ms-swift) or `evalscope`
event     Python's audit event: `open` (for writing), `os.rename`, `os.mkdir`, `os.link`, `shutil.rmtree`
path      a regular expression that its path must match; of a rename, a link: `FROM > TO`
nth       at the n-th such event of that process
journal   `CALL=STATE`, which the run.json that is being written must say
then      one event later: what was matched is done by then
tear      a file's name (a pattern; "": the path itself) and a text that is added to it: a write that was cut off
cut       a file's name: it is cut in half, another write that was cut off
victim    `self`, or `swiftci`, whose child this process is
signal    `KILL`, `TERM` or `INT`
forked    in swiftci's child, before it becomes a tool; its parent is killed, and it goes on
fired     the file that is made when it happens; a point whose file is there stays quiet
sleep     no end at all: seconds to wait at each such event, for a tool that is too quick
"""

import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path


def within() -> str:
    """Which of the processes that matter this is."""
    words = sys.orig_argv[1:3]
    if words == ["-m", "swift.cli.sft"]:
        return "swift"
    if words == ["-m", "evalscope.cli.cli"]:
        return "evalscope"
    named = words == ["-m", "swiftci"] or (words[:1] == ["-c"] and "swiftci" in words[-1])
    return "swiftci" if named else ""


class Fault:
    """The point's audit hook."""

    def __init__(self, point: dict) -> None:
        self.point = point
        self.path = re.compile(point["path"])
        self.left = int(point.get("nth", 1))
        self.matched = ""
        self.thread = 0
        self.busy = False
        self.pid = os.getpid()

    def __call__(self, event: str, args: tuple) -> None:
        if self.busy or not (self.matched or event == self.point["event"]):
            return
        if self.matched:
            if threading.get_ident() == self.thread:
                self.fire(self.matched)
            return
        path = _path(event, args)
        if not path or not self.path.search(path) or (os.getpid() != self.pid) != self.point.get("forked", False):
            return
        if "sleep" in self.point:
            time.sleep(self.point["sleep"])
            return
        self.busy = True
        try:
            fits = self.journal(path)
        finally:
            self.busy = False
        self.left -= fits
        if fits and self.left == 0:
            if self.point.get("then"):
                self.matched, self.thread = path, threading.get_ident()
            else:
                self.fire(path)

    def journal(self, path: str) -> bool:
        """Whether the record that is being put in place says what the point asks for."""
        call, _, state = self.point.get("journal", "").partition("=")
        if not call:
            return True
        try:
            record = json.loads(Path(path.partition(" > ")[0]).read_text(encoding="utf-8"))
            return record["stages"].get(call, {}).get("state") == state
        except (OSError, ValueError, KeyError):
            return False

    def fire(self, path: str) -> None:
        """Once only, even when a later process is at the same point again."""
        self.busy = True
        try:
            file = os.open(self.point["fired"], os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        if "tear" in self.point:
            name, text = self.point["tear"]
            with _beside(path, name).open("a", encoding="utf-8") as torn:
                torn.write(text)
        if name := self.point.get("cut"):
            whole = _beside(path, name)
            os.truncate(whole, whole.stat().st_size // 2)
        own = (self.point["victim"] == "self" or within() == "swiftci") and os.getpid() == self.pid
        pid = os.getpid() if own else os.getppid()
        os.write(file, f"{time.time()} {path}\n".encode())
        os.close(file)
        number = signal.Signals[f"SIG{self.point['signal']}"]
        os.kill(pid, number)
        while os.getpid() != self.pid and os.getppid() == pid:
            time.sleep(0.01)
        if number is signal.SIGKILL and os.getpid() == self.pid:
            time.sleep(60)  # swiftci's end is this process's, too, in a moment: it must not do more before


def _beside(path: str, name: str) -> Path:
    """The newest file of that name in the folder that the event is about, or that its file is in."""
    folder = Path(path) if Path(path).is_dir() else Path(path).parent
    return max(folder.glob(name), key=lambda one: one.stat().st_mtime) if name else Path(path)


def _path(event: str, args: tuple) -> str:
    if event == "open":
        writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        return os.fsdecode(args[0]) if writes and isinstance(args[0], (str, bytes)) else ""
    if event == "ctypes.dlopen":
        return str(args[0])
    names = args[: 2 if event in ("os.rename", "os.link") else 1]
    return " > ".join(os.fsdecode(name) for name in names if isinstance(name, (str, bytes, os.PathLike)))


def _trace(file: str) -> None:
    """CHAOS_TRACE names a file that gets every event a point could be at: to find new ones."""
    shown = ("open", "os.rename", "os.mkdir", "os.link", "shutil.rmtree", "os.truncate", "os.remove")
    busy = threading.local()

    def hook(event: str, args: tuple) -> None:
        if event in shown and not getattr(busy, "on", False):
            busy.on = True
            if path := _path(event, args):
                with Path(file).open("a", encoding="utf-8") as out:
                    out.write(f"{within()} {event} {path}\n")
            busy.on = False

    sys.addaudithook(hook)


if "CHAOS" in os.environ and json.loads(os.environ["CHAOS"])["within"] == within():
    sys.addaudithook(Fault(json.loads(os.environ["CHAOS"])))
if "CHAOS_TRACE" in os.environ and within():
    _trace(os.environ["CHAOS_TRACE"])
