"""Which artifacts of earlier workflow runs are believed, and how one is brought."""

import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.github_api import Api, NoAnswer, Refused
from swiftci.tools.github_event import at, event, is_number
from swiftci.tools.pull_request import COMMIT
from swiftci.tools.unpack import unpack

PACKED_BYTES_MAX = 200_000_000
OWN_EVENTS = ("push", "workflow_dispatch", "schedule")
"""Those whose workflow file is of the very commit that the run names."""
_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A result that may be trusted: its artifact, the run that it is of, and the folder with its files."""

    artifact: int
    run: int
    url: str
    branch: str
    created: str
    files: Path


@dataclass(frozen=True, kw_only=True)
class Here:
    """What is at hand: repository, workflow file, and the branches whose results are allowed."""

    repository: str
    workflow: str
    server: str
    kept: tuple[str, ...]
    pulled: str


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An entry of GitHub's list; `ours` is one of this repository's own run, and no fork's."""

    id: int
    created: str
    expired: bool
    size: int
    run: int
    ours: bool
    branch: str
    commit: str


class _Doubt(Exception):
    """Why an artifact is passed over."""


def here(environ: Mapping[str, str]) -> Here | str:
    """What is at hand, else why there is no telling."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    workflow = environ.get("GITHUB_WORKFLOW_REF", "").removeprefix(f"{repository}/").partition("@")[0]
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII) or not workflow:
        return "GITHUB_REPOSITORY and GITHUB_WORKFLOW_REF do not say where this runs"
    data = event(environ)
    branches = [at(data, "repository", "default_branch")]
    pulled = ""
    if "pull_request" in data:
        branches.append(environ.get("GITHUB_BASE_REF"))
        ours = at(data, "repository", "id")
        if is_number(ours) and at(data, "pull_request", "head", "repo", "id") == ours:  # a fork's is another branch
            pulled = environ.get("GITHUB_HEAD_REF", "")
    elif environ.get("GITHUB_REF_TYPE") == "branch":
        branches.append(environ.get("GITHUB_REF_NAME"))
    kept = tuple(branch for branch in branches if isinstance(branch, str) and branch)
    server = (environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/")
    return Here(repository=repository, workflow=workflow, server=server, kept=kept, pulled=pulled)


def artifact_of(entry: Any) -> Artifact | None:
    """An entry of the list; None where it lacks what a decision needs, such as the run, which may be null."""
    run = at(entry, "workflow_run")
    numbers = at(entry, "id"), at(entry, "size_in_bytes"), at(run, "id")
    texts = at(entry, "created_at"), at(run, "head_branch"), at(run, "head_sha")
    ours = at(run, "repository_id")
    if not all(map(is_number, numbers)) or not all(isinstance(text, str) and text for text in texts):
        return None
    return Artifact(
        id=numbers[0],
        size=numbers[1],
        run=numbers[2],
        created=texts[0],
        branch=texts[1],
        commit=texts[2],
        expired=at(entry, "expired") is not False,
        ours=is_number(ours) and at(run, "head_repository_id") == ours,  # a fork that is gone has none
    )


def newest(
    environ: Mapping[str, str],
    token: str,
    here: Here,
    wanted: str,
    listed: Callable[[Api], Iterable[Artifact]],
    folder: Path,
    good: Callable[[Path], bool],
) -> Earlier | str:
    """The first of the artifacts that is believed and that `good` agrees to, else why there is none, to be printed: it
    never raises for what GitHub, the network or an artifact does, since a run without it is only dearer.

    `good` is given the unpacked files; ValueError, OSError and RecursionError are a no. Files are under `folder`, and
    removed again where they are not used. The token needs `actions: read` and `contents: read`.

    Whom a result is believed: this repository and this very workflow file, never a fork's pull request. On a branch
    that is kept: a run of a commit that is on the branch now, under the workflow file of that commit, so who may not
    push there cannot forge one (a tag may bear the branch's name, and a pull request from it may have any base). On a
    pull request's own branch: whoever may push to this repository; the result decides nothing but that pull request.
    """
    if not re.fullmatch(r"[!-~]+", token):  # no header could carry it
        return "there is no token to ask GitHub with"
    passed: list[str] = []
    try:
        with closing(Api(environ, token)) as api:
            for one in listed(api):
                files = folder / str(one.id)
                try:
                    _check(api, here, one)
                    _bring(api, here, one, files, good)
                except (_Doubt, Refused, ToolError, OSError) as error:
                    shutil.rmtree(files, ignore_errors=True)
                    passed.append(f"artifact {one.id} {error}")
                    continue
                url = f"{here.server}/{here.repository}/actions/runs/{one.run}"
                return Earlier(
                    artifact=one.id, run=one.run, url=url, branch=one.branch, created=one.created, files=files
                )
    except NoAnswer as error:
        return str(error)
    except Refused as error:
        need = (
            "; the job needs `permissions: {actions: read, contents: read}`" if error.status in (401, 403, 404) else ""
        )
        return f"{error}{need}"
    return _none(wanted, passed)


def _none(wanted: str, passed: list[str]) -> str:
    if not passed:
        return f"no earlier run kept {wanted}"
    more = f"; and {len(passed) - _TOLD} more" if len(passed) > _TOLD else ""
    return f"no earlier run's {wanted} can be used: {'; '.join(passed[:_TOLD])}{more}"


def _check(api: Api, here: Here, one: Artifact) -> None:
    """Raises where the artifact is not to be believed."""
    if one.expired:
        raise _Doubt("has expired")
    if not one.ours:
        raise _Doubt("is of a fork")
    if one.branch not in (*here.kept, here.pulled):
        raise _Doubt(f"is of branch {quoted(one.branch)}")
    if one.size > PACKED_BYTES_MAX:
        raise _Doubt(f"has more than {PACKED_BYTES_MAX} bytes")
    run = api.get(f"repos/{here.repository}/actions/runs/{one.run}")
    if str(run.get("path")).partition("@")[0] != here.workflow:
        raise _Doubt("is of another workflow")
    if one.branch not in here.kept:
        if run.get("event") not in (*OWN_EVENTS, "pull_request"):
            raise _Doubt("is of another event")
        return
    if run.get("event") not in OWN_EVENTS:
        raise _Doubt(f"is of a pull request from {quoted(one.branch)}, whose base could be any")
    if not _is_on_branch(api, here, one):
        raise _Doubt(f"is of a commit that is not on {quoted(one.branch)}")


def _is_on_branch(api: Api, here: Here, one: Artifact) -> bool:
    """Whether the run's commit is one of the branch's; the branch's newest is asked for first, since where a branch
    and a tag have one name, that name alone could mean the tag.
    """
    newest = at(api.get(f"repos/{here.repository}/git/ref/heads/{quote(one.branch)}"), "object", "sha")
    if not isinstance(newest, str) or not COMMIT.fullmatch(newest) or not COMMIT.fullmatch(one.commit):
        return False
    compared = api.get(f"repos/{here.repository}/compare/{newest}...{one.commit}", per_page="1")
    return compared.get("status") in ("identical", "behind")


def _bring(api: Api, here: Here, one: Artifact, files: Path, good: Callable[[Path], bool]) -> None:
    """Downloads and unpacks the artifact; raises where it is not good."""
    packed = files.with_name(f"{files.name}.zip")
    shutil.rmtree(files, ignore_errors=True)
    packed.parent.mkdir(parents=True, exist_ok=True)
    try:
        api.download(f"repos/{here.repository}/actions/artifacts/{one.id}/zip", packed, PACKED_BYTES_MAX)
        unpack(packed, files)
    finally:
        packed.unlink(missing_ok=True)
    try:
        if good(files):
            return
    except (ValueError, OSError, RecursionError):
        raise _Doubt("holds no result that can be read") from None
    raise _Doubt("holds another result, or none that is good")
