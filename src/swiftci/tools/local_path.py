"""Which of a config's values are files and folders of this machine, by the rules of ms-swift and EvalScope."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from swiftci.config.arguments import texts
from swiftci.config.model import Config

MODEL_ARGUMENTS = ("model", "adapters", "ref_model", "reward_model", "teacher_model")
DATA_ARGUMENTS = ("dataset", "val_dataset")

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(:[\w./-]+)?")
_FILE = re.compile(r"/|\.\w{1,10}$")
"""What looks like a path: a prompt, a plugin, a DeepSpeed configuration; any that exists decides the result."""
_DATA_FILE = re.compile(r".*\.(jsonl?|csv|tsv|txt|parquet|arrow)")


@dataclass(frozen=True, kw_only=True)
class LocalPath:
    """A path that a config names; `key` is where, such as `train.args.model`."""

    key: str
    text: str
    path: Path
    section: str
    data: bool

    @property
    def exists(self) -> bool:
        return exists(self.path)


def local(text: str, root: Path, *, data: bool) -> Path | None:
    """The path a model or data set argument means, absolute; None for a hub id or a registered name."""
    if data:
        text = text.split("#", 1)[0]
        if text.startswith(("hf::", "ms::")):
            return None
    path = root / os.path.expanduser(text)  # noqa: PTH111 -- Path's raises where there is no such user
    if text.startswith(("/", "./", "../", "~")) or exists(path):
        return path
    if data:
        return path if _DATA_FILE.fullmatch(text) else None
    return None if _HUB_ID.fullmatch(text) else path


def exists(path: Path) -> bool:
    """Whether there is such a file or folder; False where there cannot be."""
    return os.path.exists(path)  # noqa: PTH110 -- Path's raises where the name is too long


def local_paths(config: Config, root: Path) -> list[LocalPath]:
    """Every local path that a config names, in its order."""
    found = []
    for name in (*MODEL_ARGUMENTS, *DATA_ARGUMENTS):
        data = name in DATA_ARGUMENTS
        for text in texts(config.train.args, name):
            path = local(text, root, data=data)
            if path:
                key = f"train.args.{name}"
                found.append(LocalPath(key=key, text=text, path=path, section="train", data=data))
    for name in config.train.args:
        if name not in (*MODEL_ARGUMENTS, *DATA_ARGUMENTS):
            found += _named_files(f"train.args.{name}", texts(config.train.args, name), root)
    found += _registered(config, root)
    for dataset, text in evaluation_folders(config).items():
        key = f"evaluate.args.dataset_args.{dataset}.local_path"
        found.append(LocalPath(key=key, text=text, path=root / text, section="evaluate", data=False))
    return found


def _registered(config: Config, root: Path) -> list[LocalPath]:
    """The files of data sets that `custom_dataset_info` registers; their paths are relative to it (ms-swift 4.6.0)."""
    found = []
    for text in texts(config.train.args, "custom_dataset_info"):
        info = root / os.path.expanduser(text)  # noqa: PTH111 -- as above
        try:
            entries = json.loads(info.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue  # itself, or one written into the argument; ms-swift says what is wrong with it
        named = (
            [one.get("dataset_path") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
        )
        for name in (name for name in named if isinstance(name, str) and name and "\0" not in name):
            path = info.parent / os.path.expanduser(name)  # noqa: PTH111 -- as above
            key = "train.args.custom_dataset_info"
            found.append(LocalPath(key=key, text=name, path=path, section="train", data=True))
    return found


def _named_files(key: str, values: list[str], root: Path) -> list[LocalPath]:
    """The values that are files or folders here."""
    paths = [(text, root / os.path.expanduser(text)) for text in values if _FILE.search(text)]  # noqa: PTH111 -- as above
    return [
        LocalPath(key=key, text=text, path=path, section="train", data=False) for text, path in paths if exists(path)
    ]


def evaluation_folders(config: Config) -> dict[str, str]:
    """The `local_path` of each data set that has one, as written."""
    args = config.evaluate.args.get("dataset_args") if config.evaluate else None
    if not isinstance(args, dict):
        return {}
    return {
        name: one["local_path"]
        for name, one in args.items()
        if isinstance(one, dict) and isinstance(one.get("local_path"), str)
    }
