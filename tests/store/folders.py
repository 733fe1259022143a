"""What the tests of the store in a folder share."""

from pathlib import Path

from swiftci.store.local import Folder

A, B = "a" * 64, "b" * 64
RUN = '{"schema": 1, "name": "tiny"}'


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leftovers(store: Folder) -> list[str]:
    return [path.name for path in store.root.rglob("*.part")]
