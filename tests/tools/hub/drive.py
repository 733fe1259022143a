"""Fetches the stand-in's model in a process of its own, for tests that kill or double it.

Arguments: the hub, its endpoint, the cache. Prints what was told, line by line, and at last how many bytes came.
"""

import signal
import sys

from swiftci.config.project import Hub, Project
from swiftci.tools.hub import fetch
from swiftci.tools.hub.reference import Reference


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job ignores
    name, endpoint, cache = sys.argv[1:]
    fetch.TICK_SECONDS = 0.05

    def line(text: str) -> None:
        print(text, flush=True)

    project = Project(actions="a/b@c", cache=cache, hub=Hub(name=name, endpoint=endpoint))
    fetcher = fetch.Fetcher(project=project, environ={}, step=lambda *_: None, line=line)
    reference = Reference(hub="huggingface" if name == "huggingface" else "modelscope", kind="model", id="team/tiny.1")
    found = fetcher.fetch(reference)
    fetcher.close()
    line(f"{found.bytes} bytes to {found.folder}")


if __name__ == "__main__":
    main()
