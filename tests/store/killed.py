"""Work that is cut off, as if by SIGKILL, at each of its changes to a disk."""

import os
import sys
from collections.abc import Callable

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree"}


def killed(work: Callable[[], object], moment: int) -> bool:
    """Does some work in another process, which ends just before its so-manyth change; whether it came to that."""
    child = os.fork()
    if child == 0:
        left = moment

        def audit(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            left -= event in _CHANGES or (event == "open" and _writes(arguments[2]))
            if left == 0:
                os._exit(9)

        try:
            sys.addaudithook(audit)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
