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
fired     the file that is made when it happens; a point whose file is there stays quiet
"""

import glob
import json
import os
import re
import signal
import sys
import threading
import time


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

    def __call__(self, event: str, args: tuple) -> None:
        if self.busy or not (self.matched or event == self.point["event"]):
            return
        if self.matched:
            if threading.get_ident() == self.thread:
                self.fire(self.matched)
            return
        path = _path(event, args)
        if not path or not self.path.search(path):
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
            with open(path.partition(" > ")[0], encoding="utf-8") as file:
                return json.load(file)["stages"].get(call, {}).get("state") == state
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
            with open(_beside(path, name), "a", encoding="utf-8") as torn:
                torn.write(text)
        if name := self.point.get("cut"):
            whole = _beside(path, name)
            os.truncate(whole, os.path.getsize(whole) // 2)
        pid = os.getpid() if self.point["victim"] == "self" or within() == "swiftci" else os.getppid()
        os.write(file, f"{time.time()} {path}\n".encode())
        os.close(file)
        number = signal.Signals[f"SIG{self.point['signal']}"]
        os.kill(pid, number)
        if number is signal.SIGKILL:
            time.sleep(60)  # swiftci's end is this process's, too, in a moment: it must not do more before


def _beside(path: str, name: str) -> str:
    """A file of that name in the folder that the event is about, or that its file is in."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    return max(glob.glob(os.path.join(folder, name)), key=os.path.getmtime) if name else path


def _path(event: str, args: tuple) -> str:
    if event == "open":
        writes = isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        return os.fsdecode(args[0]) if writes and isinstance(args[0], (str, bytes)) else ""
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
                with open(file, "a", encoding="utf-8") as out:
                    out.write(f"{within()} {event} {path}\n")
            busy.on = False

    sys.addaudithook(hook)


if "CHAOS" in os.environ and json.loads(os.environ["CHAOS"])["within"] == within():
    sys.addaudithook(Fault(json.loads(os.environ["CHAOS"])))
if "CHAOS_TRACE" in os.environ and within():
    _trace(os.environ["CHAOS_TRACE"])
