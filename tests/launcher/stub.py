"""A Python that makes an environment and installs into it in no time, and remembers how it was called.

Copied to where an interpreter is looked for; beside it, `calls` gets one line of JSON a call; a file `broken` makes
every installation fail, and a file `slow` makes it last.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

HOME = Path("@HOME@")


def main(argv: list[str]) -> None:
    with (HOME / "calls").open("a") as file:
        file.write(json.dumps({"argv": argv, "environ": dict(os.environ), "pid": os.getpid()}) + "\n")
    match argv:
        case ["-I", "-c", code] if "ensurepip" in code:
            return
        case ["-I", "-m", "venv", folder]:
            (Path(folder) / "bin").mkdir(parents=True)
            time.sleep(0.3 if (HOME / "slow").exists() else 0)
            shutil.copy(__file__, Path(folder) / "bin" / "python")
        case ["-I", "-m", "pip", *_]:
            if (HOME / "broken").exists():
                sys.exit("no matching distribution\nand no network")
        case ["-I", "-c", _]:
            print(Path(__file__).parents[1] / "lib")
        case ["-I", "-m", "swiftci", *arguments]:
            installed = Path(__file__).parents[1] / "lib" / "swiftci"
            found = {
                "arguments": arguments,
                "installed": sorted(path.name for path in installed.iterdir()),
                "executable": os.environ["SWIFTCI_EXECUTABLE"],
                "cwd": str(Path.cwd()),
            }
            print(json.dumps(found))
        case ["-I", launcher, *arguments]:
            sys.argv = [launcher, *arguments]
            sys.executable = __file__
            exec(compile(Path(launcher).read_text(), launcher, "exec"), {"__name__": "__main__", "__file__": launcher})


if __name__ == "__main__":
    main(sys.argv[1:])
