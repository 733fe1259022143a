"""Records the tools' own argument names into known_arguments.json; runs under the interpreter that holds them."""

import argparse
import dataclasses
import importlib.metadata
import json
import sys
from pathlib import Path


def recorded() -> dict[str, dict[str, object]]:
    """Trainer or command to its tool's version and argument names."""
    from evalscope.arguments import add_argument  # type: ignore[import-not-found] # in the tools' interpreter
    from swift.arguments import SftArguments  # type: ignore[import-not-found] # likewise

    parser = argparse.ArgumentParser()
    add_argument(parser)
    names = sorted({action.dest for action in parser._actions} - {"help"})
    return {
        "sft": {
            "version": importlib.metadata.version("ms_swift"),
            "names": sorted(f.name for f in dataclasses.fields(SftArguments)),
        },
        "eval": {"version": importlib.metadata.version("evalscope"), "names": names},
    }


if __name__ == "__main__":
    text = json.dumps(recorded(), indent=0) + "\n"
    target = Path(__file__).with_name("known_arguments.json")
    if "--check" in sys.argv:
        sys.exit(0 if target.read_text() == text else "known_arguments.json is stale: run this without --check")
    target.write_text(text)
