"""The leaderboard's workflow: new models are looked up, measured one by one, and ranked on a page."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from swiftci.config.leaderboard import PAGES
from swiftci.config.load import Loaded
from swiftci.config.project import FILE, Container, Project
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Place
from swiftci.store.digest import of_data
from swiftci.workflow.drift import MARK_DIGITS, UNKNOWN, marked
from swiftci.workflow.encode import Expression, environment
from swiftci.workflow.pin import Lock, Use, own, third_party
from swiftci.workflow.render import secrets_in
from swiftci.workflow.tree import read_tree
from swiftci.workflow.view import Profile, Used, env_of, runs_on, used

PAGES_DIR = ".swiftci/site"
_SHOWN = ("actions", "runners", "environment", "container", "store", "cache", "secrets", "index_url")
"""Keys of the project that the workflow shows, beside its own."""
_MODEL, _SET, _FORCE = (Expression(f"${{{{ {name} }}}}") for name in ("matrix.model", "matrix.set", "inputs.force"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step with an action of ours."""

    id: str
    title: str
    use: str
    version: str
    inputs: tuple[tuple[str, Any], ...]
    secrets: tuple[str, ...]
    always: bool = False

    def secret(self, name: str) -> Expression:
        return Expression(f"${{{{ secrets.{name} }}}}")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where a job's steps run: in a container with these folders, or on the machine itself."""

    container: Container | None
    volumes: list[str]


@dataclass(frozen=True, kw_only=True)
class Board:
    """The workflow, ready to be rendered; `place` is where the ranking is made: where the store and its pages are."""

    source: str
    mark: str
    schedule: list[str]
    env: tuple[tuple[str, str], ...]
    cpu: Any
    cpu_self_hosted: bool
    gpu: Any
    place: Any
    place_self_hosted: bool
    job_minutes: int
    environment: str | None
    exclusive: str | None
    queue: bool
    measuring: Machine
    ranking: Machine
    pages: bool
    model: Expression
    matrix: Expression
    site: Expression
    page_url: Expression
    checkout: Used
    setup: Used
    upload: Used
    deploy: Used
    lookup: Step
    measure: list[Step]
    rank: Step


def render(project: Project, measured: Loaded, lock: Lock | None, profile: Profile = "github") -> str:
    """The workflow's text, its drift mark included; `measured` is the config that models are measured by."""
    inputs = of_data(_inputs(project, measured, profile))[:MARK_DIGITS]
    shown = view(project, measured, lock, profile, f"{UNKNOWN} {inputs}")
    text = environment().get_template("leaderboard.yml.j2").render(board=shown)
    tree = read_tree(text)
    _prove(tree, shown)
    return marked(text, tree)


def _inputs(project: Project, measured: Loaded, profile: Profile) -> dict[str, Any]:
    """What decides the workflow; which models it measures is read at run time."""
    section = project.leaderboard
    own = [section.config, section.schedule, section.publish] if section else []
    return {
        "project": {key: getattr(project, key) for key in _SHOWN},
        "leaderboard": [*own, measured.config.limits.job_minutes],
        "profile": profile,
    }


def view(project: Project, measured: Loaded, lock: Lock | None, profile: Profile, mark: str) -> Board:
    section, store = project.leaderboard, project.store
    if section is None:
        raise ValueError("the project has no leaderboard")
    ours = own(lock, project)
    remote = store is not None and store.remote
    cpu = project.runners.cpu
    own_cpu = "self-hosted" in cpu.labels or cpu.group is not None
    on_cpu = remote and section.pages
    folders = [folder for folder in (store.path if store and not remote else None, project.cache) if folder]
    published = [] if section.pages else [str(PurePosixPath(section.publish).parent)]
    return Board(
        source=FILE,
        mark=mark,
        schedule=list(section.schedule),
        env=env_of(project),
        cpu=runs_on(cpu),
        cpu_self_hosted=own_cpu,
        gpu=runs_on(project.runners.gpu),
        place=runs_on(cpu if on_cpu else project.runners.gpu),
        place_self_hosted=own_cpu if on_cpu else True,
        job_minutes=measured.config.limits.job_minutes,
        environment=project.environment,
        exclusive=f"swiftci-{project.runners.gpu.exclusive}" if project.runners.gpu.exclusive else None,
        queue=profile == "github",
        measuring=Machine(container=project.container, volumes=_volumes(folders)),
        ranking=Machine(container=None if on_cpu else project.container, volumes=_volumes([*folders, *published])),
        pages=section.pages,
        model=_MODEL,
        matrix=Expression("${{ fromJSON(needs.lookup.outputs.models) }}"),
        site=Expression("${{ steps.rank.outputs.site }}"),
        page_url=Expression("${{ steps.deployment.outputs.page_url }}"),
        checkout=used(third_party(lock, "actions/checkout")),
        setup=used(ours, "/actions/setup"),
        upload=used(third_party(lock, "actions/upload-pages-artifact")),
        deploy=used(third_party(lock, "actions/deploy-pages")),
        lookup=_own("lookup", "Look up the newest models", (("lookup", "true"),), project.secrets.hub, ours),
        measure=[
            _stage("download", "Fetch the model", project, ours, ("scope", "evaluate")),
            _stage("evaluate", "Evaluate the model", project, ours, ("checkpoint", _MODEL), ("force", _FORCE)),
            _stage("cleanup", "Clean up", project, ours),
        ],
        rank=_own("rank", "Rank", _to(section.publish), project.secrets.store if remote else (), ours),
    )


def _to(publish: str) -> tuple[tuple[str, Any], ...]:
    """Pages of GitHub's are made out of the way of the repository's own files."""
    return (("to", PAGES_DIR if publish == PAGES else publish),)


def _volumes(folders: list[str]) -> list[str]:
    return [f"{folder}:{folder}" for folder in dict.fromkeys(folders)]


def _own(name: str, title: str, inputs: tuple[tuple[str, Any], ...], secrets: tuple[str, ...], ours: Use) -> Step:
    use, names = ours.uses("/actions/leaderboard"), tuple(dict.fromkeys(secrets))
    return Step(id=name, title=title, use=use, version=ours.version, inputs=inputs, secrets=names)


def _stage(name: str, title: str, project: Project, ours: Use, *inputs: tuple[str, Any]) -> Step:
    """A stage, on the config as it is for the matrix's model."""
    groups, stage = vars(project.secrets), BY_NAME[name]
    remote = stage.place is Place.GPU and project.store is not None and project.store.remote
    wanted = (*stage.secrets, *(("store",) if remote else ()))
    config = project.leaderboard.config if project.leaderboard else ""
    return Step(
        id=name,
        title=title,
        use=ours.uses(f"/actions/{name}"),
        version=ours.version,
        inputs=(("config", config), ("set", _SET), *inputs),
        secrets=tuple(dict.fromkeys(name for group in wanted for name in groups[group])),
        always=stage.always,
    )


def _prove(tree: Any, shown: Board) -> None:
    """Facts that hold whatever the project says; a failure is a bug of ours, found before it is written."""
    jobs = tree["jobs"]
    publish = ["publish"] if shown.pages else []
    steps = (shown.lookup, *shown.measure, shown.rank)
    read, write = {"contents": "read"}, {"pages": "write", "id-token": "write"}
    facts = {
        "jobs": list(jobs) == ["lookup", "measure", "rank", *publish],
        "needs": [job.get("needs") for job in jobs.values()]
        == [None, "lookup", ["lookup", "measure"], *("rank" for _ in publish)],
        "runs-on": [job["runs-on"] for job in jobs.values()]
        == [shown.cpu, shown.gpu, shown.place, *(shown.cpu for _ in publish)],
        "permissions": tree["permissions"] == {}
        and all(job["permissions"] == (write if name == "publish" else read) for name, job in jobs.items()),
        "run": not any("run" in step for job in jobs.values() for step in job["steps"]),
        "on": set(tree["on"]) <= {"schedule", "workflow_dispatch"},
        "secrets": dict(secrets_in(tree)) == {one.id: frozenset(one.secrets) for one in steps if one.secrets},
    }
    broken = [name for name, holds in facts.items() if not holds]
    if broken:
        raise RuntimeError(f"the leaderboard's workflow breaks: {', '.join(broken)}")
