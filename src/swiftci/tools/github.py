"""Finds the result that an earlier workflow run kept as an artifact, so that the plan need not ask a GPU."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from swiftci.spec.error import ToolError
from swiftci.spec.problem import quoted
from swiftci.tools.artifact import artifact
from swiftci.tools.github_api import Api, NoAnswer, Refused
from swiftci.tools.unpack import unpack

PACKED_BYTES_MAX = 200_000_000
PAGES_MAX = 5
"""Of 100 artifacts each; an older GitHub Enterprise Server does not know the `name` that is asked for."""
_OWN_EVENTS = ("push", "workflow_dispatch", "schedule")
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
class _Here:
    """What is at hand: repository, workflow file, and the branches whose results are allowed."""

    repository: str
    workflow: str
    server: str
    kept: tuple[str, ...]
    pulled: str


@dataclass(frozen=True, kw_only=True)
class _Artifact:
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


def earlier(
    name: str,
    fingerprint: str,
    environ: Mapping[str, str],
    folder: Path,
    token: str,
    good: Callable[[Path], bool],
) -> Earlier | str:
    """The newest result of a config that `good` agrees to, else why there is none, to be printed: it never raises for
    what GitHub, the network or an artifact does, since a run without it is only dearer.

    `good` is given the unpacked files and must check the fingerprint inside; ValueError, OSError and RecursionError are
    a no. Files are under `folder`, and removed again where they are not used. The token needs `actions: read` and
    `contents: read`.

    Whom a result is believed: this repository and this very workflow file, never a fork's pull request. On the branch
    at hand, a pull request's target and the default branch: a run of a commit that is on the branch now, under the
    workflow file of that commit, so who may not push there cannot forge one (a tag may bear the branch's name, and a
    pull request from it may have any base). On a pull request's own branch: whoever may push to this repository; the
    result decides nothing but that pull request. An earlier attempt of the run at hand is a run like any other.
    """
    here = _here(environ)
    if isinstance(here, str):
        return here
    if not re.fullmatch(r"[!-~]+", token):  # no header could carry it
        return "there is no token to ask GitHub with"
    passed: list[str] = []
    try:
        with closing(Api(environ, token)) as api:
            for one in _listed(api, here, artifact(name, fingerprint)):
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
    return _none(artifact(name, fingerprint), passed)


def _none(wanted: str, passed: list[str]) -> str:
    if not passed:
        return f"no earlier run kept {wanted}"
    more = f"; and {len(passed) - _TOLD} more" if len(passed) > _TOLD else ""
    return f"no earlier run's {wanted} can be used: {'; '.join(passed[:_TOLD])}{more}"


def _here(environ: Mapping[str, str]) -> _Here | str:
    repository = environ.get("GITHUB_REPOSITORY", "")
    workflow = environ.get("GITHUB_WORKFLOW_REF", "").removeprefix(f"{repository}/").partition("@")[0]
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII) or not workflow:
        return "GITHUB_REPOSITORY and GITHUB_WORKFLOW_REF do not say where this runs"
    event = _event(environ)
    branches = [_at(event, "repository", "default_branch")]
    pulled = ""
    if "pull_request" in event:
        branches.append(environ.get("GITHUB_BASE_REF"))
        ours = _at(event, "repository", "id")
        if _number(ours) and _at(event, "pull_request", "head", "repo", "id") == ours:  # a fork's is another branch
            pulled = environ.get("GITHUB_HEAD_REF", "")
    elif environ.get("GITHUB_REF_TYPE") == "branch":
        branches.append(environ.get("GITHUB_REF_NAME"))
    kept = tuple(branch for branch in branches if isinstance(branch, str) and branch)
    server = (environ.get("GITHUB_SERVER_URL") or "https://github.com").rstrip("/")
    return _Here(repository=repository, workflow=workflow, server=server, kept=kept, pulled=pulled)


def _event(environ: Mapping[str, str]) -> dict[str, Any]:
    """The payload of what started the workflow; empty where it cannot be read."""
    try:
        data = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _listed(api: Api, here: _Here, wanted: str) -> Iterator[_Artifact]:
    """The artifacts of that name, newest first: GitHub promises no order."""
    found: dict[int, _Artifact] = {}
    for page in range(1, PAGES_MAX + 1):
        query = {"name": wanted, "per_page": "100", "page": str(page)}
        data, more = api.page(f"repos/{here.repository}/actions/artifacts", query)
        entries = data.get("artifacts")
        for entry in entries if isinstance(entries, list) else []:
            one = _artifact(entry) if _at(entry, "name") == wanted else None
            if one:
                found[one.id] = one
        if not more:
            break
    yield from sorted(found.values(), key=lambda one: (one.created, one.id), reverse=True)


def _artifact(entry: Any) -> _Artifact | None:
    """An entry of the list; None where it lacks what a decision needs, such as the run, which may be null."""
    run = _at(entry, "workflow_run")
    numbers = _at(entry, "id"), _at(entry, "size_in_bytes"), _at(run, "id")
    texts = _at(entry, "created_at"), _at(run, "head_branch"), _at(run, "head_sha")
    ours = _at(run, "repository_id")
    if not all(map(_number, numbers)) or not all(isinstance(text, str) and text for text in texts):
        return None
    return _Artifact(
        id=numbers[0],
        size=numbers[1],
        run=numbers[2],
        created=texts[0],
        branch=texts[1],
        commit=texts[2],
        expired=_at(entry, "expired") is not False,
        ours=_number(ours) and _at(run, "head_repository_id") == ours,  # a fork that is gone has none
    )


def _check(api: Api, here: _Here, one: _Artifact) -> None:
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
        if run.get("event") not in (*_OWN_EVENTS, "pull_request"):
            raise _Doubt("is of another event")
        return
    if run.get("event") not in _OWN_EVENTS:
        raise _Doubt(f"is of a pull request from {quoted(one.branch)}, whose base could be any")
    if not _is_on_branch(api, here, one):
        raise _Doubt(f"is of a commit that is not on {quoted(one.branch)}")


def _is_on_branch(api: Api, here: _Here, one: _Artifact) -> bool:
    """Whether the run's commit is one of the branch's; the branch's newest is asked for first, since where a branch
    and a tag have one name, that name alone could mean the tag.
    """
    newest = _at(api.get(f"repos/{here.repository}/git/ref/heads/{quote(one.branch)}"), "object", "sha")
    if not _is_commit(newest) or not _is_commit(one.commit):
        return False
    compared = api.get(f"repos/{here.repository}/compare/{newest}...{one.commit}", per_page="1")
    return compared.get("status") in ("identical", "behind")


def _bring(api: Api, here: _Here, one: _Artifact, files: Path, good: Callable[[Path], bool]) -> None:
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


def _at(data: Any, *keys: str) -> Any:
    """What is under the keys; None where there is nothing."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _number(data: Any) -> bool:
    return isinstance(data, int) and not isinstance(data, bool) and data >= 0


def _is_commit(text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", text) is not None
