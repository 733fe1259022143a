"""Looks whether this machine has what a run needs, before GPU time is spent: tools, cards, disk, addresses."""

import errno
import fcntl
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from swiftci.config.model import Config
from swiftci.config.project import URL, Project
from swiftci.spec.error import Class, ToolError
from swiftci.spec.problem import printable
from swiftci.stages.stage import Context
from swiftci.tools import gpu, interpreter, swift, torch_cuda
from swiftci.tools.address import answers
from swiftci.tools.card import Look
from swiftci.tools.hub import cache
from swiftci.tools.hub.access import access
from swiftci.tools.hub.account import account
from swiftci.tools.hub.amount import amount
from swiftci.tools.hub.reference import Hub, named
from swiftci.tools.packages import packages
from swiftci.tools.tracker import check as check_trackers
from swiftci.tools.tracker import trackers

ROOMY_BYTES = 20_000_000_000
"""With less free disk a warning is due: an adapter's checkpoint of a 7 B model and its optimizer take 1 GB."""
_LOCKLESS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at; `kind` says, of one that fails, whose business it is."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str
    hint: str = ""
    kind: Class | Literal["config"] = "user"


def failed(name: str, error: ToolError) -> Check:
    return Check(name=name, state="fail", text=error.message, hint=error.hint, kind=error.kind)


def check(context: Context) -> list[Check]:
    """What this machine has for the run. Raises ToolError for the first thing without which its GPU time is lost."""
    project, config, environ = context.project, context.loaded.config, context.environ
    training = swift.environment(project, config.train, environ)
    tools, python = versions(project, [config], context.root, environ)
    found = [tools]
    if tools.state != "fail":
        found += [address(key, url) for key, url in addresses(config)]
        found += cards([config], training, python)
        store = context.store.local if context.store else None
        found += folders(project, environ, context.folder, store, config.limits.free_disk_gb)
        found += secrets(project, ("hub",), environ) if named(config, project, context.root) else []
    for one in found:
        if one.state == "fail":
            raise ToolError(message=one.text, hint=one.hint, kind="user" if one.kind == "config" else one.kind)
    return found


def versions(
    project: Project, configs: Sequence[Config], root: Path, environ: Mapping[str, str]
) -> tuple[Check, str | None]:
    """The tools' interpreter, with what all configs need of it, and its path."""
    needs = list(dict.fromkeys(name for one in configs for name in packages(one))) or ["ms_swift", "evalscope"]
    try:
        found = interpreter.find(project.python, root, environ, *needs)
    except ToolError as error:
        return failed("tools", error), None
    shown = ", ".join(f"{name.replace('_', '-')} {version}" for name, version in found.versions.items())
    return Check(name="tools", state="ok", text=f"{found.path}: {shown}"), found.path


def cards(configs: Sequence[Config], environ: Mapping[str, str], python: str | None) -> list[Check]:
    """This machine's GPUs against what the configs ask for, and whether torch under `python` can use them."""
    count = max((config.train.cards_here for config in configs), default=0)
    seen = gpu.look(environ)
    found = [Check(name="gpu", state="warn", text=one.shown) for one in seen.cards or () if one.lost or one.busy]
    driver = f", driver {seen.driver}" if seen.driver else ""
    names = ", ".join(dict.fromkeys(one.name for one in seen.cards or () if not one.lost))
    if count == 0:
        shown = f"none is asked for; this machine shows {len(seen.cards or ())}{f' ({names})' if names else ''}{driver}"
        return [Check(name="gpus", state="ok", text=shown), *found]
    try:
        good = gpu.enough(count, environ, seen)
    except ToolError as error:
        return [failed("gpus", error), *found]
    if good is None:
        text = f"{count} asked for, and nothing here shows which there are{f': {seen.trouble}' if seen.trouble else ''}"
        hint = "with nvidia-smi, or NVML and nvidia-ml-py, cards that others use are left alone"
        return [Check(name="gpus", state="warn", text=text, hint=hint), *_torch(count, environ, python, seen)]
    free = sum(not one.busy for one in good)
    text = f"{count} asked for, {free} of {len(good)} free ({names}{driver})"
    hint = "" if free >= count else "limits.gpu_wait_minutes says how long a run waits for them"
    state: Literal["ok", "warn"] = "ok" if free >= count else "warn"
    own = {**environ, **gpu.environment(tuple(one.device for one in good))}  # a lost card may keep CUDA from starting
    return [Check(name="gpus", state=state, text=text, hint=hint), *found, *_torch(count, own, python, seen)]


def _torch(count: int, environ: Mapping[str, str], python: str | None, seen: Look) -> list[Check]:
    """Whether torch can use as many cards: one that sees none trains on the processor without a word."""
    torch = torch_cuda.ask(python, environ) if python else None
    if torch is None or torch.other:
        return []
    built = f"built for CUDA {torch.cuda}" if torch.cuda else f"for ROCm {torch.rocm}" if torch.rocm else "for no GPU"
    knows = f"; the driver knows CUDA {seen.cuda}" if seen.cuda else ""
    text = f"torch {torch.torch}, {built}, can use {torch.cards} of the {count} GPUs that are asked for{knows}"
    if torch.cards >= count:
        return [Check(name="torch", state="ok", text=text)]
    newer = torch.cuda and seen.cuda and int(torch.cuda.split(".")[0]) > int(seen.cuda.split(".")[0])
    hint = "install a newer driver, or a torch for the driver's CUDA" if newer else ""
    if not (torch.cuda or torch.rocm):
        hint = "install a torch that is built for CUDA"
    said = f": {printable(torch.said[:300])}" if torch.said else ""
    return [Check(name="torch", state="fail", text=text + said, hint=hint, kind="hardware")]


def folders(
    project: Project, environ: Mapping[str, str], run: Path, store: Path | None, least_gb: float
) -> list[Check]:
    """Free disk, and whether files can be written and locked, where runs, results and models are kept."""
    least = int(least_gb * 1e9)
    found = [_folder("run directory", run, least), _folder("cache", cache.root(project, environ), 0)]
    return found + ([_folder("store", store, 0)] if store else [])


def _folder(name: str, path: Path, least: int) -> Check:
    """The folder, or the nearest one above it that there is; nothing is left there."""
    place = next(one for one in (path, *path.absolute().parents) if os.path.isdir(one))  # noqa: PTH112 -- Path's raises
    hint = "let this user write there, or name another folder in swiftci.yaml"
    locks = True
    try:
        space = os.statvfs(place)
        with tempfile.TemporaryFile(prefix=".swiftci-", dir=place) as file:
            file.write(b".")
            file.flush()
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in _LOCKLESS:
                    raise
                locks = False
    except OSError as error:
        text = f"{path} cannot be written: {error.strerror}"
        return Check(name=name, state="fail", text=text, hint=hint, kind="disk")
    free = space.f_bavail * space.f_frsize
    text = f"{path}: {amount(free)} free"
    if free < least:
        hint = "free some disk; limits.free_disk_gb says how much a training must leave"
        return Check(name=name, state="fail", text=f"{text}, and {amount(least)} must be", hint=hint, kind="disk")
    if not locks:
        text += ", and files there cannot be locked: two jobs could write the same"
        state: Literal["warn", "fail"] = "warn" if name == "store" else "fail"
        return Check(name=name, state=state, text=text, hint="name a folder of another file system", kind="disk")
    if space.f_files and not space.f_favail:
        return Check(name=name, state="fail", text=f"{text}, but no inode", hint="delete some files", kind="disk")
    return Check(name=name, state="ok" if free >= ROOMY_BYTES else "warn", text=text)


def addresses(config: Config) -> list[tuple[str, str]]:
    """Where the evaluated model and its judges are served, if elsewhere: the config's keys, and the addresses."""
    if config.evaluate is None:
        return []
    found = [("evaluate.endpoint.url", config.evaluate.endpoint.url)] if config.evaluate.endpoint else []
    judge = config.evaluate.args.get("judge")
    models = judge.get("models") if isinstance(judge, dict) else None
    for number, one in enumerate(models if isinstance(models, list) else ()):
        url = one.get("api_url") if isinstance(one, dict) else None
        if isinstance(url, str) and URL.fullmatch(url):  # any other may hold a key, which shall not be shown
            found.append((f"evaluate.args.judge.models.{number}.api_url", url))
    return found


def address(key: str, url: str) -> Check:
    """Whether something answers there."""
    try:
        answers(url, key)
    except ToolError as error:
        return failed("address", error)
    return Check(name="address", state="ok", text=f"{key}: {url} answers")


def hubs(project: Project, configs: Sequence[Config], root: Path) -> dict[Hub, bool]:
    """The hubs of a repository: the project's, and those its configs name; True where one names something there."""
    found: dict[Hub, bool] = {"huggingface" if project.hub.name == "huggingface" else "modelscope": False}
    return found | {one.reference.hub: True for config in configs for one in named(config, project, root)}


def hub(name: Hub, project: Project, environ: Mapping[str, str], seconds: float, *, used: bool) -> Check:
    """Whether a hub, or its mirror, answers and takes the token; only a hub that is `used` can fail."""
    try:
        reached = access(name, project, environ)
        owner = account(reached, seconds)
    except ToolError as error:
        one = failed("hub", error)
        return one if used or error.kind != "network" else replace(one, state="warn")
    if reached.token is None:
        text = f"{reached.shown} answers; there is no token in {reached.variable}"
    elif owner is None:
        text = f"{reached.shown} answers, and does not say whose token is in {reached.variable}"
    else:
        text = f"{reached.shown} takes the token in {reached.variable}: it is {owner}'s"
    return Check(name="hub", state="ok", text=text)


_NEEDED_BY = {
    "hub": "private and gated models and data sets need it",
    "store": "the bucket under `store` needs it",
    "tracker": "the trackers under `report_to` need it",
    "endpoint": "the endpoint under `evaluate.endpoint` needs it",
    "judge": "the judge under `evaluate.args.judge` needs it",
    "notify": "messages to the channels under `notify` need it",
}


def secrets(project: Project, groups: Sequence[str], environ: Mapping[str, str]) -> list[Check]:
    """Whether the secrets that swiftci.yaml declares are in the environment; a workflow's step brings its own."""
    found = []
    for group, names in asdict(project.secrets).items():
        missing = [name for name in names if not environ.get(name)]
        if group not in groups or not names:
            continue
        if missing:
            text = f"{', '.join(missing)} of secrets.{group} {'is' if len(missing) == 1 else 'are'} not set here"
            found.append(Check(name="secrets", state="warn", text=text, hint=_NEEDED_BY.get(group, "")))
        else:
            found.append(Check(name="secrets", state="ok", text=f"secrets.{group}: {', '.join(names)}"))
    return found


def tracked(configs: Sequence[Config], environ: Mapping[str, str]) -> list[Check]:
    """Whether the trackers that configs report to have their keys."""
    found = {}
    for config in configs:
        own = {**environ, **config.train.env}
        try:
            check_trackers(trackers(config.train), config.train, own)
        except ToolError as error:
            found[error.message] = Check(name="tracker", state="warn", text=error.message, hint=error.hint)
    return list(found.values())
