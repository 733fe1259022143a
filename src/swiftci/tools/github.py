"""Finds the result that an earlier workflow run kept as an artifact, so that the plan need not ask a GPU."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from swiftci.tools.artifact import artifact
from swiftci.tools.github_api import Api
from swiftci.tools.github_artifact import Artifact, Earlier, Here, artifact_of, here, newest
from swiftci.tools.github_event import at

PAGES_MAX = 5
"""Of 100 artifacts each; an older GitHub Enterprise Server does not know the `name` that is asked for."""


def earlier(
    name: str,
    fingerprint: str,
    environ: Mapping[str, str],
    folder: Path,
    token: str,
    good: Callable[[Path], bool],
) -> Earlier | str:
    """The newest result of a config that `good` agrees to, else why there is none: see `newest`.

    `good` must check the fingerprint inside. Results are taken from the branch at hand, a pull request's target and the
    default branch. An earlier attempt of the run at hand is a run like any other.
    """
    around = here(environ)
    if isinstance(around, str):
        return around
    wanted = artifact(name, fingerprint)
    return newest(environ, token, around, wanted, lambda api: _listed(api, around, wanted), folder, good)


def _listed(api: Api, here: Here, wanted: str) -> Iterator[Artifact]:
    """The artifacts of that name, newest first: GitHub promises no order."""
    found: dict[int, Artifact] = {}
    for page in range(1, PAGES_MAX + 1):
        query = {"name": wanted, "per_page": "100", "page": str(page)}
        data, more = api.page(f"repos/{here.repository}/actions/artifacts", query)
        entries = data.get("artifacts")
        for entry in entries if isinstance(entries, list) else []:
            one = artifact_of(entry) if at(entry, "name") == wanted else None
            if one:
                found[one.id] = one
        if not more:
            break
    yield from sorted(found.values(), key=lambda one: (one.created, one.id), reverse=True)
