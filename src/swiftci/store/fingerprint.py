"""The fingerprint: one digest of all that decides a run's result."""

from dataclasses import asdict
from pathlib import Path

from swiftci.config.model import Config
from swiftci.config.project import Project
from swiftci.store.digest import Digests, of_data
from swiftci.tools.local_path import local_paths


def local_digests(config: Config, root: Path, digests: Digests, sections: tuple[str, ...]) -> dict[str, str]:
    """The content digests of the local models and data that sections name, by the text in the config.

    A section is a dotted key, such as `train` or `train.args.model`.
    """
    found = {}
    for path in local_paths(config, root):
        if any(f"{path.key}.".startswith(f"{section}.") for section in sections):
            try:
                found[path.text] = digests.of(path.path)
            except OSError:
                found[path.text] = "missing"
    return found


def fingerprint(project: Project, config: Config, root: Path, digests: Digests) -> str:
    """Of the train and evaluate sections, the hub, and the content of what they name on this machine."""
    sections = ("train", "evaluate")
    data = {name: asdict(one) if (one := getattr(config, name)) else None for name in sections}
    return of_data({**data, "hub": asdict(project.hub), "local": local_digests(config, root, digests, sections)})
