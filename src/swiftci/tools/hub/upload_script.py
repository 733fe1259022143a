"""Uploads a folder with a hub's own client; runs by its path under the tools' interpreter, which has the clients.

Reads a job from the file in argv[1] and writes what came of it into argv[2], both JSON; the token is in the hub's own
variable. Nothing of swiftci is imported here, and no version newer than Python 3.10 is needed.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

MESSAGE = "swiftci: {name}"
_WEIGHTS = re.compile(r"[^/]*\.(safetensors|bin|gguf)|[^/]*\.(safetensors|bin)\.index\.json|adapter_config\.json")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class RefusedError(Exception):
    """The repository is not one to upload to."""


def main() -> int:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        result = {"huggingface": _huggingface, "modelscope": _modelscope}[job["hub"]](job)
    except RefusedError as error:
        result = {"refused": str(error)}
    except Exception as error:
        result = {"kind": type(error).__name__, "status": _status(error), "error": str(error) or repr(error)}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
    return 0 if "address" in result else 1


def _huggingface(job: dict[str, Any]) -> dict[str, Any]:
    from huggingface_hub import HfApi  # type: ignore[import-not-found] # in the tools' interpreter

    api = HfApi(endpoint=job["endpoint"], token=os.environ["HF_TOKEN"])
    repository, branch = job["repository"], job["revision"] or "main"
    api.create_repo(repository, private=not job["public"], exist_ok=True)
    private = bool(api.model_info(repository).private)
    _refuse_public(job, private)
    if branch != "main":
        api.create_branch(repository, branch=branch, exist_ok=True)
    _refuse_others(job, api.list_repo_files(repository, revision=branch))
    done = api.upload_folder(
        repo_id=repository, folder_path=job["folder"], revision=branch, commit_message=MESSAGE.format(**job)
    )
    _complete(job, api.list_repo_files(repository, revision=branch))
    return {"address": f"{job['shown']}/{repository}", "commit": done.oid, "private": private}


def _modelscope(job: dict[str, Any]) -> dict[str, Any]:
    from modelscope_hub.api import HubApi  # type: ignore[import-not-found] # likewise
    from modelscope_hub.errors import is_repo_exists_error  # type: ignore[import-not-found] # likewise

    api = HubApi(endpoint=job["endpoint"], token=os.environ["MODELSCOPE_API_TOKEN"])
    repository, branch = job["repository"], job["revision"] or "master"
    try:
        api.create_repo(repository, "model", visibility="public" if job["public"] else "private")
    except Exception as error:
        if not is_repo_exists_error(error):
            raise
    visibility = api.get_repo(repository, "model").visibility
    private = str(getattr(visibility, "value", visibility)).lower() in ("1", "private")
    _refuse_public(job, private)
    _refuse_others(job, _listed(api, repository, branch))
    done = api.upload_folder(
        repository,
        "model",
        job["folder"],
        revision=branch,
        commit_message=MESSAGE.format(**job),
        use_cache=False,
        disable_tqdm=True,
    )
    _complete(job, _listed(api, repository, branch))
    found = _COMMIT.findall(json.dumps(done, default=str))  # the answer's form is not documented
    return {"address": f"{job['shown']}/models/{repository}", "commit": found[-1] if found else "", "private": private}


def _listed(api: Any, repository: str, branch: str) -> list[str]:
    return [one.path for one in api.list_repo_files(repository, "model", revision=branch) if one.type != "tree"]


def _refuse_public(job: dict[str, Any], private: bool) -> None:
    if not private and not job["public"]:
        raise RefusedError("it exists and is public; --public uploads there all the same")


def _refuse_others(job: dict[str, Any], remote: list[str]) -> None:
    """A repository with the weights of two models is none: a loader would take the wrong ones, or mix them."""
    others = sorted(name for name in remote if _WEIGHTS.fullmatch(name) and name not in _names(job))
    if others:
        raise RefusedError(
            f"it holds weights of another model: {', '.join(others[:5])}; name another repository or --revision"
        )


def _complete(job: dict[str, Any], remote: list[str]) -> None:
    if missing := sorted(_names(job) - set(remote)):
        raise RuntimeError(f"the hub does not list {', '.join(missing[:5])} after the upload")


def _names(job: dict[str, Any]) -> set[str]:
    folder = Path(job["folder"])
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _status(error: Exception) -> int:
    """The HTTP status behind an error, 0 where there is none."""
    answer = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(answer, "status_code", None)
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
