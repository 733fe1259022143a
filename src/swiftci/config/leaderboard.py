"""The leaderboard section: which models of a hub are measured beside one's own, when, and where they are ranked."""

import re
from dataclasses import dataclass

from swiftci.config.cron import is_cron
from swiftci.config.read import Section
from swiftci.config.yaml import Node
from swiftci.spec.option import option
from swiftci.spec.problem import Problem, quoted

PAGES = "pages"
MODELS_MAX = 256
"""Jobs that a matrix may have (docs.github.com, Actions limits)."""

_FAMILY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.*-]+")
_FOLDER = re.compile(r"/[A-Za-z0-9_.@+-]+(/[A-Za-z0-9_.@+-]+)+")
"""Not one at the root: it is put in place by renaming, beside what it replaces."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard(Section):
    """A page that ranks the store's runs, and the newest models of families that a hub has."""

    families: tuple[str, ...] = option("Ids of the hub's models, with `*`, as in `Qwen/Qwen3-*`.")
    newest: int = option("How many models of each family are measured: the newest.", default=3)
    config: str = option("The config whose `evaluate` section they are measured by, as in `configs/qwen3-4b-zh.yaml`.")
    schedule: tuple[str, ...] = option("Cron times (UTC) at which new models are looked up.", default=())
    publish: str = option("`pages`, which is GitHub Pages, or a folder on the GPU machine.", default=PAGES)

    @property
    def pages(self) -> bool:
        return self.publish == PAGES

    @classmethod
    def check(cls, node: Node, problems: list[Problem]) -> None:
        def wrong(item: Node, message: str, hint: str = "", code: str = "wrong-value") -> None:
            problems.append(Problem(code=code, message=message, position=item.position, hint=hint))

        families = _texts(node.entries.get("families"))
        for item in families:
            if not _FAMILY.fullmatch(item.text):
                hint = "as in Qwen/Qwen3-*: an owner, a slash, and a name, which alone may hold *"
                wrong(item, f"leaderboard.families: {quoted(item.text)} names no models of a hub", hint)
        given = node.entries.get("families")
        if given and given.kind == "list" and not given.items:
            wrong(given, "leaderboard.families is empty: no model would ever be looked up")
        newest = node.entries.get("newest")
        count = newest.value if newest else 3
        if newest and type(count) is int and count < 1:
            wrong(newest, f"leaderboard.newest should be 1 or more, found {newest.describe}")
        elif type(count) is int and count * len(families) > MODELS_MAX:
            message = f"leaderboard asks for {count * len(families)} models, and {MODELS_MAX} jobs are the most"
            wrong(newest or node, message, "a smaller `newest`, or fewer families")
        for item in _texts(node.entries.get("schedule")):
            if not is_cron(item.text):
                hint = 'five fields, as in "0 3 * * 1": minute, hour, day, month, weekday'
                wrong(item, f"{quoted(item.text)} is not a cron time", hint, "bad-cron")
        for item in _texts(node.entries.get("publish")):
            folder = item.text if _FOLDER.fullmatch(item.text) else ""
            if item.text != PAGES and (not folder or ".." in folder.split("/")):
                message = f"leaderboard.publish should be pages or a folder, found {quoted(item.text)}"
                wrong(item, message, "a folder by its absolute path, inside another one: /srv/www/leaderboard")


def check_store(project: Node, problems: list[Problem]) -> None:
    """What a project with a leaderboard needs besides: jobs on several machines put in and take from one store."""
    section, store = project.entries.get("leaderboard"), project.entries.get("store")
    if section is None or section.kind != "map":
        return
    path, shared = project.at("store.path"), project.at("store.shared")
    address = (path.text if path else store.text if store else "") or ""
    if "://" in address or (shared is not None and shared.value is True):
        return
    message = "`leaderboard` needs a store that all its jobs see: one measures a model, another ranks what is there"
    hint = "as in store: {path: /data/swiftci, shared: true}; one machine alone shares its folder with itself"
    problems.append(Problem(code="unshared-store", message=message, position=section.position, hint=hint))


def _texts(node: Node | None) -> list[Node]:
    """The texts that a node holds; what is none is found by its type."""
    return [item for item in (node.walk() if node else ()) if item.kind == "scalar" and item.text]
