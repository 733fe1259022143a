"""Finds the newest result of a branch among the artifacts of its workflow runs, to compare another with."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from swiftci.spec.problem import quoted
from swiftci.tools.artifact import pattern
from swiftci.tools.github_api import Api
from swiftci.tools.github_artifact import OWN_EVENTS, Artifact, Earlier, Here, artifact_of, here, newest
from swiftci.tools.github_event import at, is_number

RUNS_MAX = 20
"""Of the branch's newest; one that left no result costs a request."""


def newest_record(
    environ: Mapping[str, str], token: str, name: str, branch: str, folder: Path, good: Callable[[Path], bool]
) -> Earlier | str:
    """The newest result of a config on a branch that `good` agrees to, else why there is none: see `newest`.

    `good` is given the unpacked run record and must look whose it is and how it was judged. The run at hand is none.
    """
    around = here(environ)
    if isinstance(around, str):
        return around
    place = replace(around, kept=(branch,), pulled="")
    own = environ.get("GITHUB_RUN_ID", "")
    wanted = f"results of {name} on {quoted(branch)}"
    return newest(environ, token, place, wanted, lambda api: _listed(api, place, name, branch, own), folder, good)


def _listed(api: Api, here: Here, name: str, branch: str, own: str) -> Iterator[Artifact]:
    """The results of the branch's runs, newest first; what a pull request from it made is left out."""
    workflow = quote(here.workflow.rpartition("/")[2])
    query = {"branch": branch, "status": "completed", "per_page": str(RUNS_MAX)}
    runs = api.get(f"repos/{here.repository}/actions/workflows/{workflow}/runs", **query).get("workflow_runs")
    found = [one for one in runs if is_number(at(one, "id"))] if isinstance(runs, list) else []
    for run in sorted(found, key=lambda one: (str(at(one, "created_at")), one["id"]), reverse=True):
        if run.get("event") in OWN_EVENTS and str(run["id"]) != own:
            yield from _kept(api, here, name, run["id"])


def _kept(api: Api, here: Here, name: str, run: int) -> list[Artifact]:
    entries = api.get(f"repos/{here.repository}/actions/runs/{run}/artifacts", per_page="100").get("artifacts")
    named = [
        artifact_of(one)
        for one in (entries if isinstance(entries, list) else [])
        if re.fullmatch(pattern(name), str(at(one, "name")))
    ]
    return sorted((one for one in named if one), key=lambda one: (one.created, one.id), reverse=True)
