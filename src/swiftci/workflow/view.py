"""What the workflow template shows, made from a plan."""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from swiftci.config.project import Container, Project, Runner
from swiftci.plan.build import Plan
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Call, Place
from swiftci.store.record import SMALL, TRAINING_SMALL
from swiftci.workflow.encode import Expression
from swiftci.workflow.pin import Lock, Use, own, third_party

Profile = Literal["github", "act"]
"""`act` leaves out the keys that act 0.2.88 refuses a whole file for: `concurrency.queue`."""

VERDICT_DIR = ".swiftci/run"
JOINING_DIR = ".swiftci/joining"
"""Where a machine that joins a training works; the leading one's run directory holds what is made."""
_GLOB = re.compile(r"([*?+\[\]!\\])")


@dataclass(frozen=True, kw_only=True)
class Used:
    """A `uses:` with the version its comment names."""

    use: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """A stage's step."""

    id: str
    title: str
    use: str
    version: str
    inputs: tuple[tuple[str, Any], ...]
    secrets: tuple[str, ...]
    token: bool
    always: bool
    gpu: bool

    def secret(self, name: str) -> Expression:
        return Expression(f"${{{{ secrets.{name} }}}}")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the GPU jobs that follow each other until the run is done; `more` says that another may come."""

    id: str
    name: str
    needs: Any
    condition: Expression
    more: bool


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One workflow, ready to be rendered; `gpu` and `cpu` are values of `runs-on`."""

    source: str
    mark: str
    name: str
    check: str
    config: str
    pull_request: bool
    pull_request_paths: list[str]
    required: bool
    push: list[str]
    paths: list[str]
    schedule: list[str]
    group: Expression
    env: tuple[tuple[str, str], ...]
    cpu: Any
    cpu_self_hosted: bool
    gpu: Any
    job_minutes: int
    environment: str | None
    exclusive: str | None
    queue: bool
    container: Container | None
    volumes: list[str]
    verdict_dir: str
    small: Expression
    report_files: Expression
    earlier_artifact: Expression
    checkout: Used
    upload: Used
    download: Used
    setup: Used
    plan: Used
    parts: list[Part]
    needs: list[str]
    has_result: Expression
    result: Expression
    train_steps: list[Step]
    cleanup_steps: list[Step]
    verdict_steps: list[Step]
    tells: bool
    ranks: list[int]
    joining: Any
    joining_steps: list[Step]


def view(project: Project, plan: Plan, lock: Lock | None, profile: Profile, mark: str, watched: list[str]) -> Workflow:
    """The workflow of a plan; `mark` is the header's drift mark, `watched` are the paths that decide the run."""
    config = plan.loaded.config
    ours = own(lock, project)
    paths = [
        _GLOB.sub(r"\\\1", path) if not path.endswith("/**") else _GLOB.sub(r"\\\1", path[:-3]) + "/**"
        for path in watched
    ]
    steps = {call.id: _step(call, project, ours) for call in plan.calls}
    gpu = [steps[call.id] for call in plan.at(Place.GPU)]
    asked = config.on.pull_request and project.trust == "internal"
    store = project.store.path if project.store and not project.store.remote else None
    folders = [folder for folder in (store, project.cache) if folder]
    parts = _parts(plan)
    held = [f"needs.{job}.outputs.artifact" for job in (*(part.id for part in reversed(parts)), "plan")]
    return Workflow(
        source=plan.loaded.path,
        mark=mark,
        name=f"swiftci {config.name}",
        check=f"swiftci {config.name}",
        config=plan.loaded.path,
        pull_request=asked,
        pull_request_paths=[] if project.required else paths,
        required=project.required,
        push=list(config.on.push),
        paths=paths,
        schedule=list(config.on.schedule),
        group=Expression(f"swiftci-{config.name}-${{{{ github.event.pull_request.number || github.run_id }}}}"),
        env=env_of(project),
        cpu=runs_on(project.runners.cpu),
        cpu_self_hosted="self-hosted" in project.runners.cpu.labels or project.runners.cpu.group is not None,
        gpu=runs_on(project.runner(config.train.nodes)),
        job_minutes=config.limits.job_minutes,
        environment=project.environment,
        exclusive=f"swiftci-{project.runners.gpu.exclusive}" if project.runners.gpu.exclusive else None,
        queue=profile == "github",
        container=project.container,
        volumes=[f"{folder}:{folder}" for folder in folders],
        verdict_dir=VERDICT_DIR,
        small=_lines("download", "run-dir", (*SMALL, *TRAINING_SMALL)),
        report_files=_lines("report", "run-dir", (*SMALL, *TRAINING_SMALL)),
        earlier_artifact=Expression(
            f"swiftci-{config.name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}-earlier"
        ),
        checkout=used(third_party(lock, "actions/checkout")),
        upload=used(third_party(lock, "actions/upload-artifact")),
        download=used(third_party(lock, "actions/download-artifact")),
        setup=used(ours, "/actions/setup"),
        plan=used(ours, "/actions/plan"),
        parts=parts,
        needs=["plan", *(part.id for part in parts)],
        has_result=Expression(f"${{{{ {' || '.join(held)} }}}}"),
        result=Expression(f"${{{{ {' || '.join(held)} }}}}"),
        train_steps=[step for step in gpu if not step.always],
        cleanup_steps=[step for step in gpu if step.always],
        verdict_steps=[steps[call.id] for call in plan.at(Place.CPU)],
        tells=bool(project.notify),
        ranks=list(range(1, config.train.nodes)),
        joining=runs_on(project.runners.gpu),
        joining_steps=[_joining(call, project, ours) for call in plan.joining],
    )


def env_of(project: Project) -> tuple[tuple[str, str], ...]:
    """What the launcher of the actions goes by."""
    found = [("PIP_INDEX_URL", project.index_url)] if project.index_url else []
    return (*found, *([("SWIFTCI_EXTRAS", "store")] if project.store and project.store.remote else []))


def _parts(plan: Plan) -> list[Part]:
    """The GPU jobs: one, or as many as a run's time takes, each of which begins only where there is more to do."""
    ids = ["train", *(f"train-{number}" for number in range(2, plan.jobs + 1))]
    found = [
        Part(
            id="train",
            name="Train and evaluate",
            needs="plan",
            condition=Expression("${{ needs.plan.outputs.go == 'true' }}"),
            more=plan.jobs > 1,
        )
    ]
    for before, one in pairwise(ids):
        found.append(
            Part(
                id=one,
                name=f"Go on ({one.removeprefix('train-')})",
                needs=["plan", before],
                condition=Expression(f"${{{{ needs.{before}.outputs.state == 'partial' }}}}"),
                more=one != ids[-1],
            )
        )
    return found


def _step(call: Call, project: Project, ours: Use) -> Step:
    stage = BY_NAME[call.stage]
    groups = vars(project.secrets)
    wanted = [*stage.secrets]
    if stage.place is Place.GPU and project.store and project.store.remote:
        wanted.append("store")
    inputs: list[tuple[str, Any]] = [(key.replace("_", "-"), value) for key, value in call.inputs.items()]
    if stage.place is Place.CPU:
        inputs.append(("run-dir", VERDICT_DIR))
    if stage.keeps:
        inputs.append(("force", Expression("${{ inputs.force }}")))
    if call.stage in ("gate", "notify"):
        inputs.append(("needs", Expression("${{ toJSON(needs) }}")))
    return Step(
        id=call.id,
        title=_TITLES.get(call.id, call.id),
        use=ours.uses(f"/actions/{call.stage}"),
        version=ours.version,
        inputs=tuple(inputs),
        secrets=tuple(dict.fromkeys(name for group in wanted for name in groups[group])),
        token="GITHUB_TOKEN" in stage.sees,
        always=stage.always,
        gpu=stage.place is Place.GPU,
    )


def _joining(call: Call, project: Project, ours: Use) -> Step:
    """A call of a machine that joins: in its own run directory, as the rank that the matrix gives it."""
    step = _step(call, project, ours)
    rank = (("rank", Expression("${{ matrix.rank }}")),) if call.stage == "join" else ()
    return replace(step, inputs=(("run-dir", JOINING_DIR), *rank))


_TITLES = {
    "download": "Check model and data",
    "baseline": "Find the baseline",
    "evaluate-base": "Evaluate the base model",
    "evaluate-baseline": "Evaluate the baseline anew",
    "train": "Train",
    "join": "Join the training",
    "evaluate": "Evaluate the trained model",
    "extend": "Ask more items",
    "gate": "Judge",
    "report": "Report",
    "comment": "Show the verdict",
    "notify": "Tell people",
    "cleanup": "Clean up",
}


def used(use: Use, path: str = "") -> Used:
    """What stands behind a `uses:`, for an action of the repository."""
    return Used(use=use.uses(path), version=use.version)


def runs_on(runner: Runner) -> Any:
    """A runner as the value of `runs-on`."""
    labels = list(runner.labels)
    if runner.group:
        return {"group": runner.group, **({"labels": labels} if labels else {})}
    return labels[0] if len(labels) == 1 else labels


def _lines(step: str, output: str, names: tuple[str, ...]) -> Expression:
    return Expression("\n".join(f"${{{{ steps.{step}.outputs.{output} }}}}/{name}" for name in names))
