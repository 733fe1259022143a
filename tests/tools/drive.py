"""Runs a program by way of swiftci.tools.program, for tests that signal or kill the process that does.

Prints what came of it as JSON. Arguments: the log, and the program's argv; DRIVE_* variables say the rest.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

from swiftci.spec.error import Interrupted
from swiftci.tools import program


def main() -> None:
    log, *argv = sys.argv[1:]
    program.GRACE_SECONDS = float(os.environ.get("DRIVE_GRACE", "30"))
    deadline = os.environ.get("DRIVE_DEADLINE")
    try:
        ended = program.run(
            argv,
            log=Path(log),
            env=os.environ,
            cwd=Path.cwd(),
            deadline=time.time() + float(deadline) if deadline else None,
        )
    except Interrupted as error:
        print(json.dumps({"interrupted": error.signal_name}))
    else:
        print(json.dumps(asdict(ended)))


if __name__ == "__main__":
    main()
