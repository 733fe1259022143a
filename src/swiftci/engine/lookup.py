"""Which models of a hub are measured for the leaderboard, and as runs of which name."""

import re
from collections.abc import Callable, Mapping

from swiftci.config.leaderboard import Leaderboard
from swiftci.config.project import Project
from swiftci.store.digest import of_data
from swiftci.tools.hub.access import access
from swiftci.tools.hub.client import Client
from swiftci.tools.hub.newest import Model, newest
from swiftci.tools.hub.reference import Hub

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_NAME_MAX = 50
"""Characters of a config's name (config/model.py)."""


def models(
    project: Project, section: Leaderboard, environ: Mapping[str, str], told: Callable[[str], None]
) -> list[dict[str, str]]:
    """The newest models of all families, each once, as a workflow's matrix has them. Raises ToolError.

    `model` is the id, `set` what makes the leaderboard's config that of a run of its own.
    """
    hub: Hub = "huggingface" if project.hub.name == "huggingface" else "modelscope"
    client = Client(access(hub, project, environ), told)
    found: dict[str, Model] = {}
    try:
        for family in section.families:
            known = newest(client, family, section.newest)
            found |= {one.id: one for one in known}
            if not known:
                told(f"the hub has no model {family}")
    finally:
        client.close()
    return [{"model": one.id, "set": "\n".join(_sets(one, hub))} for one in found.values()]


def _sets(one: Model, hub: Hub) -> list[str]:
    """Overrides of the config: what it trains on is left alone, and its rules are for what it trains."""
    pinned = [f"train.args.model_revision={one.commit}"] if one.commit else []
    use_hf = str(hub == "huggingface").lower()
    return [f"name={run_name(one.id)}", f"train.args.model={one.id}", *pinned, f"train.args.use_hf={use_hf}", "gate=[]"]


def run_name(id: str) -> str:
    """A name for the runs of a hub's model that no other model has, and no config is likely to."""
    digest = of_data(id)[:8]
    readable = _UNSAFE.sub("-", id)[: _NAME_MAX - len(digest) - 2]
    return f"{'' if readable[0].isalpha() else '_'}{readable}-{digest}"
