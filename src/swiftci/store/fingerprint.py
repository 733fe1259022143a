"""The fingerprint: one digest of all that decides a run's result, and the parts that it is made of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from swiftci.config.model import Config
from swiftci.config.project import Project
from swiftci.store.digest import Digests, of_data
from swiftci.tools import runner, swift
from swiftci.tools.data_file import media
from swiftci.tools.hub.fetched import commits
from swiftci.tools.hub.reference import named
from swiftci.tools.local_path import LocalPath, local_paths

SECTIONS = ("train", "evaluate")
"""The config's sections that decide a result; triggers, limits and rules do not."""
_INDIFFERENT = ("evaluate.base", "evaluate.serve.start_minutes", "evaluate.show")
"""Keys in them that decide none: another call's being there, how long one may take, what a report shows."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that decides a result, by the user's key for it.

    `section` is the config's key that it belongs to. Where `deferred` is not empty, the value is not known on this
    machine, and it says why.
    """

    key: str
    section: str
    value: Any = None
    deferred: str = ""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a machine knows beyond the config: tools' versions, and in which folder `downloads.json` tells commits.

    `versions` is None where the tools are on another machine, `folder` where nothing was fetched yet.
    """

    versions: Mapping[str, str] | None = None
    folder: Path | None = None


def parts(
    project: Project, config: Config, root: Path, digests: Digests, known: Known, environ: Mapping[str, str]
) -> tuple[Part, ...]:
    """Every part, in the order in which a reader of the config meets them."""
    found = [Part(key=f"hub.{key}", section="hub", value=value) for key, value in asdict(project.hub).items()]
    found += written({name: asdict(value) if (value := getattr(config, name)) else None for name in SECTIONS})
    for name, (default, _) in swift.DEFAULTS.items():
        if name not in config.train.args:
            key = f"train.args.{name}"
            found.append(Part(key=key, section=key, value=default))
    found += _contents(config, root, digests, known)
    found += _commits(project, config, root, known)
    found += _tools(project, known, environ)
    return tuple(found)


def of(found: Sequence[Part]) -> str:
    """The fingerprint of parts; one that is deferred counts as not known."""
    return of_data({part.key: part.value for part in found})


def written(sections: Mapping[str, Any]) -> Iterator[Part]:
    """What the config says that decides a result, one part a key."""
    for name in SECTIONS:
        yield from (part for part in _written(name, sections.get(name)) if part.key not in _INDIFFERENT)


def _written(section: str, value: Any) -> Iterator[Part]:
    """A section's parts, down to a tool's single arguments."""
    if not isinstance(value, dict) or not value:
        yield Part(key=section, section=section, value=value)
        return
    for name, one in value.items():
        key = f"{section}.{name}"
        if isinstance(one, dict) and one and key.count(".") < 2:
            yield from _written(key, one)
        else:
            yield Part(key=key, section=key, value=one)


def _contents(config: Config, root: Path, digests: Digests, known: Known) -> Iterator[Part]:
    seen = set()
    for path in local_paths(config, root):
        key = f"content of {path.text}"
        if (key, path.key) in seen:
            continue
        seen.add((key, path.key))
        yield _content(path, key, root, digests, known)


def _content(path: LocalPath, key: str, root: Path, digests: Digests, known: Known) -> Part:
    """A file's or folder's digest, with those of the images and the like that a data file's rows name."""
    if path.exists:
        try:
            value = digests.of(path.path)
            named = media(path.path, root) if path.data and path.path.is_file() else {}
            if named:
                value = of_data([value, {text: digests.of(one) for text, one in sorted(named.items())}])
            return Part(key=key, section=path.key, value=value)
        except OSError:
            pass  # unreadable here is as good as not there; the download stage tells a person
    if known.versions is None:
        return Part(key=key, section=path.key, deferred="it lies on the GPU machine")
    return Part(key=key, section=path.key, value="missing")


def _commits(project: Project, config: Config, root: Path, known: Known) -> Iterator[Part]:
    """Which commit of each hub repository is used: the pinned one, or the one that was fetched."""
    told = commits(known.folder, SECTIONS) if known.folder else {}
    for one in named(config, project, root):
        key = f"commit of {one.text.removeprefix('evaluate:')}"
        if one.text in told:
            yield Part(key=key, section=one.key, value=told[one.text])
        elif one.reference.pinned:
            yield Part(key=key, section=one.key, value=one.reference.revision)
        else:
            yield Part(key=key, section=one.key, deferred="only the hub knows where its branch stands")


def _tools(project: Project, known: Known, environ: Mapping[str, str]) -> Iterator[Part]:
    """An image that is pinned stands for the versions in it: so they are known without it, too."""
    image = project.container.image if project.container and runner.on_runner(environ) else ""
    if "@sha256:" in image:
        yield Part(key="image", section="tools", value=image.rpartition("@")[2])
        return
    for package in PACKAGES:
        key = f"version of {package}"
        if known.versions is None:
            yield Part(key=key, section="tools", deferred="the tools are on the GPU machine")
        else:
            yield Part(key=key, section="tools", value=known.versions.get(package))


PACKAGES = ("ms_swift", "evalscope", "torch", "transformers", "peft", "trl", "datasets")
"""The tools whose versions decide a result."""


def chosen(found: Sequence[Part], reads: Sequence[str], packages: Sequence[str]) -> tuple[Part, ...]:
    """The parts that decide a stage that reads these sections of the config and runs these packages."""
    names = {"image", *(f"version of {name}" for name in packages)}
    return tuple(
        part
        for part in found
        if part.section == "hub"
        or (part.section == "tools" and part.key in names)
        or any(_under(part.section, read) for read in reads)
    )


def _under(section: str, read: str) -> bool:
    return f"{section}.".startswith(f"{read}.")
