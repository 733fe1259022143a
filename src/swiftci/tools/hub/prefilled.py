"""Copies of repositories that the hubs' own clients left on this machine, for where a hub cannot be reached."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from swiftci.config.project import Project
from swiftci.tools.hub.fetch import Fetched
from swiftci.tools.hub.reference import Reference
from swiftci.tools.swift import hub_environment

_UNFINISHED = (".incomplete", ".part", "._____temp")


def prefilled(reference: Reference, project: Project, environ: Mapping[str, str]) -> Fetched | None:
    """The copy in the clients' caches (modelscope 1.40, huggingface_hub 1.33); None where there is none, or a part."""
    variables = dict(environ) | hub_environment(project.hub, project.cache)
    for folder in _places(reference, variables):
        files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        if files and not any(path.name.endswith(_UNFINISHED) for path in files):
            size = sum(path.stat().st_size for path in files)
            return Fetched(reference=reference, commit=None, folder=folder, files=len(files), size=size, bytes=0)
    return None


def _places(reference: Reference, variables: Mapping[str, str]) -> Iterator[Path]:
    owner, _, name = reference.id.partition("/")
    if reference.hub == "modelscope":
        root = Path(variables.get("MODELSCOPE_CACHE") or "~/.cache/modelscope").expanduser()
        for start in (root, root / "hub"):
            for written in (name, name.replace(".", "___")):
                yield start / f"{reference.kind}s" / owner / written
        return
    root = Path(variables.get("HF_HOME") or "~/.cache/huggingface").expanduser() / "hub"
    repository = root / f"{reference.kind}s--{owner}--{name}"
    if any((repository / "blobs").glob("*.incomplete")):
        return
    try:
        commit = (repository / "refs" / (reference.revision or "main")).read_text().strip()
    except OSError:
        commit = reference.revision or ""
    if commit and "/" not in commit and commit != "..":
        yield repository / "snapshots" / commit
