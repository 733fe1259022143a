"""Ends what a program leaves behind, in process groups and sessions of its own too: torchrun's workers are in theirs.

Run as a file of its own (`python leftover.py MARK`), it waits beside a program until swiftci says that all is done, or
is no longer there. It needs Python's own library alone. Linux only; elsewhere it finds nothing.
"""

import os
import signal
import sys
import time

VARIABLE = "SWIFTCI_PROGRAM"
"""What marks a program's environment, and with it that of all it starts."""
DONE = b"done"
TRIES = 100
"""Looks for processes, a tenth of a second apart: one that is just being started is found by a later one."""


def end(mark: str) -> None:
    """Kills every process of this user that carries the mark."""
    for _ in range(TRIES):
        found = _marked(f"{VARIABLE}={mark}".encode())
        if not found:
            return
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                continue  # it has just ended
        time.sleep(0.1)


def _marked(line: bytes) -> list[int]:
    found = []
    try:
        names = os.listdir("/proc")  # noqa: PTH208 -- quicker, and this file imports nothing
    except OSError:
        return []
    for name in names:
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123
                    environ = file.read()
            except OSError:
                continue  # another user's, or gone
            if line in environ.split(b"\0"):
                found.append(int(name))
    return found


def children(pid: int) -> list[int]:
    """The processes that a process started itself and that still run."""
    found = []
    try:
        names = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 -- as above
    except OSError:
        return []
    for name in names:
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if len(fields) > 1 and fields[0] != "Z" and int(fields[1]) == pid:
            found.append(int(name))
    return found


if __name__ == "__main__":
    if sys.stdin.buffer.read(len(DONE)) != DONE:
        end(sys.argv[1])
