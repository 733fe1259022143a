"""downloads.json: what a run fetched, by the text that its config names it by."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what fetches is needed by the download stage alone
    from swiftci.tools.hub.fetch import Fetched
    from swiftci.tools.hub.reference import Named

FILE = "downloads.json"


def fetched(folder: Path) -> Mapping[str, Path]:
    """Of each text in the config that names a hub's repository, where that lies; nothing where none was fetched.

    A benchmark's data set goes by `evaluation_key`. Raises ValueError where the file is damaged.
    """
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(data, dict) or not all(isinstance(one, dict) and "folder" in one for one in data.values()):
        raise ValueError(f"{FILE} is damaged")
    return {text: Path(str(one["folder"])) for text, one in data.items()}


def commits(folder: Path, sections: Sequence[str]) -> dict[str, str]:
    """The commits that were fetched for sections of the config, such as `train.args.model`, by the text in it.

    Where a hub gives no commit, the folder stands for it, whose name is of its content.
    """
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {
        text: str(one.get("commit") or one.get("folder"))
        for text, one in data.items()
        if any(f"{one.get('key')}.".startswith(f"{section}.") for section in sections)
    }


def entry(named: "Named", found: "Fetched") -> dict[str, Any]:
    """One text's entry."""
    return {
        "key": named.key,
        "hub": found.reference.hub,
        "kind": found.reference.kind,
        "id": found.reference.id,
        "revision": found.reference.revision,
        "commit": found.commit,
        "folder": str(found.folder),
        "files": found.files,
        "bytes": found.size,
    }
