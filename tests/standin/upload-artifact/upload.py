"""Copies the files that the action's inputs name; see action.yml."""

import os
import shutil
import sys
from pathlib import Path

paths = [Path(line.strip()).absolute() for line in os.environ["INPUT_PATH"].splitlines() if line.strip()]
root = Path(os.path.commonpath([path.parent for path in paths]))
artifacts = Path(os.environ["STANDIN_ARTIFACTS"])
artifacts.mkdir(parents=True, exist_ok=True)
if any((one / "NAME").read_text() == os.environ["INPUT_NAME"] for one in artifacts.iterdir()):
    sys.exit(f"409: an artifact named {os.environ['INPUT_NAME']} is there already")
number = 1000 + len(list(artifacts.iterdir()))
target = artifacts / str(number)
count = 0
for path in paths:
    for file in [path] if path.is_file() else path.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(root).parts)
        if not file.is_file() or (hidden and os.environ["INPUT_HIDDEN"] != "true"):
            continue
        place = target / "files" / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        count += 1
if not count:
    sys.exit("no files were found")
(target / "NAME").write_text(os.environ["INPUT_NAME"])
with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
    outputs.write(f"artifact-id={number}\n")
print(f"{count} files of {root} as {os.environ['INPUT_NAME']}, id {number}")
