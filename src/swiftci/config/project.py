"""The project: what swiftci.yaml says once for a whole repository."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from swiftci.config.budget import Budget, check_pools
from swiftci.config.leaderboard import Leaderboard, check_store
from swiftci.config.notify import Channel, check_channels
from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, quoted

FILE = "swiftci.yaml"
HOME = "swiftci/swiftci"
"""The repository that publishes our composite actions."""

NAME_MAX = 255
"""Bytes that a file's name may have."""

_ACTIONS = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+@[A-Za-z0-9._/-]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]*:[0-9a-fA-F:]+")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BUCKET = re.compile(r"(s3|oss)://[A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9](/[A-Za-z0-9._=-]+)*/?")
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")
"""An address without user, password or query: those would be secrets in a file."""


@dataclass(frozen=True, kw_only=True)
class Runner(Section):
    """Where a job runs."""

    SHORTHAND: ClassVar[str | None] = "labels"

    labels: tuple[str, ...] = option("Labels a runner must have, or a scale set's name.", default=())
    group: str | None = option("The runner group to take a runner from.", default=None)
    exclusive: str | None = option(
        "A name shared by runners that share one card: their jobs wait for each other.", default=None
    )

    @property
    def names(self) -> tuple[str, ...]:
        """Labels and group: what a pool's price goes by."""
        return (*self.labels, *((self.group,) if self.group else ()))

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        if not {"labels", "group"} & set(node.entries):
            message = "a runner needs labels or a group"
            problems.append(Problem(code="missing-key", message=message, position=node.position))
        labels = node.entries.get("labels")
        if labels and labels.kind == "list" and not labels.items:
            problems.append(Problem(code="wrong-value", message="labels is an empty list", position=labels.position))


@dataclass(frozen=True, kw_only=True)
class Runners(Section):
    """The machines there are."""

    gpu: Runner = option("Runner of the jobs that train and evaluate.", default=Runner(labels=("self-hosted", "gpu")))
    cpu: Runner = option("Runner of the short jobs.", default=Runner(labels=("ubuntu-latest",)))


@dataclass(frozen=True, kw_only=True)
class Container(Section):
    """The image that GPU jobs run in."""

    SHORTHAND: ClassVar[str | None] = "image"

    image: str = option("Image, pinned by digest: `name@sha256:…`.")
    options: str | None = option("Options for `docker create`, such as `--gpus all --shm-size=16g`.", default=None)


@dataclass(frozen=True, kw_only=True)
class Hub(Section):
    """Where models and data sets come from."""

    SHORTHAND: ClassVar[str | None] = "name"

    name: str = option("The hub.", default="modelscope", choices=("modelscope", "huggingface"))
    endpoint: str | None = option("Address of a mirror.", default=None)


@dataclass(frozen=True, kw_only=True)
class Storage(Section):
    """Where runs are kept, and for how long their weights are."""

    SHORTHAND: ClassVar[str | None] = "path"

    path: str = option("Folder on the GPU machine, or `s3://bucket/prefix`, `oss://bucket/prefix`.")
    shared: bool = option("Whether every GPU runner sees this folder; of an address that is sure.", default=False)
    keep_runs: int | None = option("Trainings of a config whose weights are kept; all when absent.", default=None)
    keep_days: int | None = option("Days that weights are kept; for ever when absent.", default=None)
    max_gb: int | None = option("Gigabytes that all kept weights may take; the oldest go first.", default=None)

    @property
    def remote(self) -> bool:
        return "://" in self.path

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        path = node.entries.get("path")
        if path and path.kind == "scalar" and path.text and path.value is not None:
            if "://" in path.text and not _BUCKET.fullmatch(path.text):
                shown = "store" if "@" in path.text else f"store {quoted(path.text)}"  # before an @ a key may stand
                message = f"{shown} is no address of a bucket"
                hint = "as in s3://bucket/prefix or oss://bucket/prefix, or an absolute path; keys are secrets.store"
                problems.append(Problem(code="wrong-value", message=message, position=path.position, hint=hint))
            elif "://" not in path.text and not path.text.startswith("/"):
                hint = "it is mounted into the container by that path"
                message = f"store should be an absolute path, found {quoted(path.text)}"
                problems.append(Problem(code="wrong-value", message=message, position=path.position, hint=hint))
        for key in ("keep_runs", "keep_days", "max_gb"):
            item = node.entries.get(key)
            if item and type(item.value) is int and item.value < 1:
                message = f"store.{key} should be 1 or more, found {item.describe}"
                problems.append(Problem(code="wrong-value", message=message, position=item.position))


@dataclass(frozen=True, kw_only=True)
class Head(Section):
    """The machine that leads a training on several: its process 0, its evaluation, its checkpoints."""

    address: str = option("Its address, as the other machines reach it.")
    port: int = option("A port that is free on it and open between the machines.", default=29500)
    runner: Runner = option("Labels of the runner on that very machine.")

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        address, port = node.entries.get("address"), node.entries.get("port")
        if address and address.kind == "scalar" and address.text and not _HOST.fullmatch(address.text):
            message = f"head.address {quoted(address.text)} is no host name and no IP address"
            problems.append(Problem(code="wrong-value", message=message, position=address.position))
        if port and type(port.value) is int and not 1 <= port.value <= 65535:
            message = f"head.port should be 1 to 65535, found {port.describe}"
            problems.append(Problem(code="wrong-value", message=message, position=port.position))


@dataclass(frozen=True, kw_only=True)
class Secrets(Section):
    """Names of secrets, by group; a step gets only the groups its stage declares."""

    hub: tuple[str, ...] = option("Tokens for the hub, such as MODELSCOPE_API_TOKEN or HF_TOKEN.", default=())
    store: tuple[str, ...] = option(
        "Keys of the bucket under `store`, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.", default=()
    )
    tracker: tuple[str, ...] = option(
        "Keys for the trackers under `report_to`, such as SWANLAB_API_KEY or WANDB_API_KEY.", default=()
    )
    endpoint: tuple[str, ...] = option(
        "Key of the endpoint under `evaluate.endpoint`; EvalScope gets it as EVALSCOPE_API_KEY.", default=()
    )
    judge: tuple[str, ...] = option(
        "Key of the judge under `evaluate.args.judge`; EvalScope gets it as MODELSCOPE_SDK_TOKEN.", default=()
    )
    notify: tuple[str, ...] = option(
        "What opens the channels under `notify`, such as DINGTALK_TOKEN; their keys name these.", default=()
    )

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        for item in node.walk():
            if item.kind != "scalar" or not item.text:
                continue
            if not _SECRET.fullmatch(item.text) or item.text.upper().startswith("GITHUB_"):
                hint = "a secret's name has letters, digits and _; it is set in the repository's settings"
                message = f"{quoted(item.text, 12)} cannot be a secret's name"
                problems.append(Problem(code="wrong-value", message=message, position=item.position, hint=hint))


def _is_pattern(text: str) -> bool:
    """Whether every version of pathlib takes the text as a pattern of files below a folder."""
    parts = PurePosixPath(text).parts
    if not parts or text.startswith("/") or len(text.encode()) > NAME_MAX:
        return False
    return not any(part == ".." or ("**" in part and part != "**") for part in parts)


@dataclass(frozen=True, kw_only=True)
class Project(Section):
    """What holds for every config of a repository."""

    version: int = option("Version of this file's format.", default=1)
    configs: str = option("Pattern of the config files.", default="configs/**/*.yaml")
    actions: str = option("Where the composite actions come from: `owner/repository@ref`.")
    trust: str | None = option(
        "May a pull request reach the GPU: `internal` (from branches of this repository and forks its members "
        "approve) or `public` (never).",
        default=None,
        choices=("internal", "public"),
    )
    required: bool = option(
        "Make the check `swiftci NAME` report on every pull request, so that branch protection can require it.",
        default=False,
    )
    runners: Runners = option("Which runner carries out what.", default=Runners())
    head: Head | None = option("The machine that leads a training on several (`train.nodes`).", default=None)
    environment: str | None = option("GitHub environment of the jobs that see secrets, or none.", default=None)
    container: Container | None = option("Image that GPU jobs run in, or none for the machine's own.", default=None)
    store: Storage | None = option("Where runs are kept; the workspace when absent.", default=None)
    cache: str | None = option("Folder on the GPU machine that keeps models and data sets.", default=None)
    hub: Hub = option("Where models and data sets come from.", default=Hub())
    budget: Budget | None = option("What GPU time costs, and how much may be spent.", default=None)
    notify: tuple[Channel, ...] = option("Who is told how runs went.", default=())
    leaderboard: Leaderboard | None = option("A page that ranks models, kept up to date.", default=None)
    secrets: Secrets = option("Names of the repository's secrets, by group.", default=Secrets())
    python: str | None = option(
        "The interpreter that has ms-swift and EvalScope; the one on PATH when absent.", default=None
    )
    index_url: str | None = option("Package index that the actions install swiftci's dependencies from.", default=None)
    language: str = option("Language of reports.", default="en", choices=("en", "zh"))

    def runner(self, nodes: int) -> Runner:
        """The runner that a training on so many machines is led from."""
        return self.head.runner if self.head and nodes > 1 else self.runners.gpu

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        version = node.entries.get("version")
        if version and version.kind == "scalar" and isinstance(version.value, int) and version.value != 1:
            problems.append(
                Problem(
                    code="wrong-value",
                    message=f"version {version.text} is not known",
                    position=version.position,
                    hint="write version: 1",
                )
            )
        check_pools(node, Runners().gpu.labels, problems)
        check_store(node, problems)
        check_channels(node, problems)
        pattern = node.entries.get("configs")
        if pattern and pattern.kind == "scalar" and pattern.text and not _is_pattern(pattern.text):
            hint = "as in configs/**/*.yaml, relative to swiftci.yaml"
            message = f"configs {quoted(pattern.text)} cannot be a pattern of files in this repository"
            problems.append(Problem(code="wrong-value", message=message, position=pattern.position, hint=hint))
        actions = node.entries.get("actions")
        if actions and actions.kind == "scalar" and actions.text and not _ACTIONS.fullmatch(actions.text):
            hint = f"as in {HOME}@v1, or with a commit after the @"
            message = f"actions should be owner/repository@ref, found {actions.describe}"
            problems.append(Problem(code="actions-owner", message=message, position=actions.position, hint=hint))
        cache = node.entries.get("cache")
        if cache and cache.kind == "scalar" and cache.value is not None and cache.text not in ("", "none"):
            if "://" in cache.text:
                message = f"cache {quoted(cache.text)} is an address; models lie in folders"
                problems.append(
                    Problem(code="unsupported", message=message, position=cache.position, hint="name a folder")
                )
            elif not cache.text.startswith("/"):
                hint = "it is mounted into the container by that path"
                message = f"cache should be an absolute path, found {quoted(cache.text)}"
                problems.append(Problem(code="wrong-value", message=message, position=cache.position, hint=hint))
        for path in ("index_url", "hub.endpoint"):
            url = node.at(path)
            if url is None or url.kind != "scalar" or url.value is None or url.text in ("", "none"):
                continue
            if not URL.fullmatch(url.text):
                hint = "as in https://pypi.example.com/simple, without user, password or query"
                message = f"{path} should be an address, found {quoted(url.text)}"
                problems.append(Problem(code="wrong-value", message=message, position=url.position, hint=hint))
