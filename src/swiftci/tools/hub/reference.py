"""Which repositories of a hub a config names, by the rules of ms-swift and EvalScope."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from swiftci.config.arguments import texts
from swiftci.config.model import Config
from swiftci.config.project import Project
from swiftci.tools.hub import benchmarks
from swiftci.tools.local_path import DATA_ARGUMENTS, MODEL_ARGUMENTS, exists, local

Hub = Literal["modelscope", "huggingface"]
Kind = Literal["model", "dataset"]

_TEXT = re.compile(
    r"(?:(hf|ms)::)?([A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*)([:#].*)?", re.I
)
"""A data set or model as ms-swift reads it: `[hf::|ms::]owner/name`, then a subset or subfolder and a count."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DEFAULT = {"modelscope": "master", "huggingface": "main"}
"""The branch each hub has; ms-swift takes the one for the other (4.6.0, hub/hub.py)."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A repository on a hub; `revision` None is the hub's default branch."""

    hub: Hub
    kind: Kind
    id: str
    revision: str | None = None

    @property
    def asked(self) -> str:
        """The revision to ask the hub for."""
        if self.revision in (None, *_DEFAULT.values()):
            return _DEFAULT[self.hub]
        return str(self.revision)

    @property
    def pinned(self) -> bool:
        """Whether the revision is a commit, which never changes."""
        return is_commit(self.asked)

    def __str__(self) -> str:
        what = "data set" if self.kind == "dataset" else "model"
        return f"{what} {self.id}" + (f" at {self.asked[:12]}" if self.revision else "")


@dataclass(frozen=True, kw_only=True)
class Named:
    """A reference and the text that a config names it by; `key` is where, such as `train.args.model`."""

    text: str
    key: str
    reference: Reference


def is_commit(text: str) -> bool:
    return bool(_COMMIT.fullmatch(text))


def is_id(text: str) -> bool:
    """Whether a text is `owner/name`, and nothing else."""
    found = _TEXT.fullmatch(text)
    return found is not None and found[2] == text


def named(config: Config, project: Project, root: Path) -> list[Named]:
    """Every repository of a hub that a config names, in its order."""
    return [*_trained(config, project, root), *_evaluated(config, project)]


def argument(text: str, folder: Path) -> str:
    """What a tool is given for `text` once its repository lies in `folder`: subset, subfolder and count stay."""
    found = _TEXT.fullmatch(text)
    return f"{folder}{(found[3] or '') if found else ''}"


def evaluation_key(benchmark: str) -> str:
    """The text that a benchmark's data set goes by."""
    return f"evaluate:{benchmark}"


def _trained(config: Config, project: Project, root: Path) -> Iterator[Named]:
    args = config.train.args
    own = _hub(texts(args, "use_hf"), project)
    for name in (*MODEL_ARGUMENTS, *DATA_ARGUMENTS):
        data = name in DATA_ARGUMENTS
        revisions = texts(args, f"{name}_revision")
        for text, revision in zip_longest(texts(args, name), revisions):
            if text is None:
                break
            found = _TEXT.fullmatch(text)
            if found is None or local(text, root, data=data) is not None or (found[1] and not data):
                continue
            if exists(root / found[2]):
                continue  # ms-swift looks here first: a local folder with a subset or subfolder
            hub: Hub = own if not found[1] else "huggingface" if found[1].lower() == "hf" else "modelscope"
            kind: Kind = "dataset" if data else "model"
            reference = Reference(hub=hub, kind=kind, id=found[2], revision=revision or None)
            yield Named(text=text, key=f"train.args.{name}", reference=reference)


def _evaluated(config: Config, project: Project) -> Iterator[Named]:
    """The data sets of benchmarks that EvalScope would fetch; it knows more benchmarks than those with a repository."""
    if config.evaluate is None:
        return
    hub = next(iter(texts(config.evaluate.args, "dataset_hub")), project.hub.name)
    if hub not in ("modelscope", "huggingface"):
        return  # EvalScope's third choice: local
    settings = config.evaluate.args.get("dataset_args")
    for name in config.evaluate.datasets:
        own = settings.get(name) if isinstance(settings, dict) else None
        own = own if isinstance(own, dict) else {}
        found = benchmarks.known(name)
        if found is None or own.get("local_path"):
            continue
        source, revision = found.changed(own).source(hub)
        if _TEXT.fullmatch(source):
            reference = Reference(hub=_named_hub(hub), kind="dataset", id=source, revision=revision)
            yield Named(text=evaluation_key(name), key="evaluate.datasets", reference=reference)


def _hub(use_hf: list[str], project: Project) -> Hub:
    """The hub of a training: ms-swift's own argument wins over the project's key."""
    word = use_hf[0].lower() if use_hf else ""
    if word:
        return "huggingface" if word in ("true", "t", "yes", "y", "1") else "modelscope"
    return _named_hub(project.hub.name)


def _named_hub(name: str) -> Hub:
    return "huggingface" if name == "huggingface" else "modelscope"
