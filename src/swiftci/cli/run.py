"""swiftci run"""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from swiftci.cli import load
from swiftci.cli.output import show_problems, show_tool_error
from swiftci.cli.progress import progress_for, say
from swiftci.spec.problem import ConfigError
from swiftci.store.record import Record

AS_BEFORE = "as before, nothing of its inputs changed"


@click.command()
@click.argument("config", type=click.Path())
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--force", is_flag=True, help="Run every stage again, even where its result is there.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a value of the config, as in train.args.max_steps=2.",
)
@click.option("--baseline", metavar="RUN", help="Run to compare with; the branch's newest good one when absent.")
@click.option("--run-dir", type=click.Path(path_type=Path), help="Where the run works; .swiftci/runs/NAME when absent.")
def command(
    config: str, until: str | None, force: bool, sets: tuple[str, ...], baseline: str | None, run_dir: Path | None
) -> int:
    """Carry out a config's plan here and now; what an earlier run did with the same inputs is reused."""
    root, project, loaded = load.one(config, sets, disk="all")

    from swiftci.engine.run import Done, run
    from swiftci.engine.session import opened, run_folder
    from swiftci.plan.build import build

    plan = build(project, loaded, baseline=baseline, here=True)
    known = {name for call in plan.calls for name in (call.id, call.stage)}
    if until and until not in known:
        raise click.UsageError(
            f"--until {until}: this plan has no such stage; it has {', '.join(c.id for c in plan.calls)}"
        )
    folder = run_dir.absolute() if run_dir else run_folder(root, project, loaded.config.name, os.environ)

    def told(done: Done) -> None:
        if done.error is None and done.carried is None:
            say(f"- {done.call.id}: left out after the failure")
        elif isinstance(done.error, ConfigError):
            say(f"✗ {done.call.id}")
            show_problems(done.error.problems, os.environ)
        elif done.error is not None:
            say(f"✗ {done.call.id}")
            show_tool_error(done.error, os.environ)  # type: ignore[arg-type] # the driver gives these two kinds
        elif done.carried is not None and done.carried.reused:
            origin = done.carried.origin
            say(f"= {done.call.id}: " + (f"taken from the store, made by run {origin}" if origin else AS_BEFORE))
        else:
            seconds = session.record.stages[done.call.id].seconds
            say(f"✓ {done.call.id} ({seconds:.1f} s)")

    with opened(root, project, loaded, folder, os.environ, renew=True) as session:
        result = run(session, plan, progress_for, told, until=until, force=force)
        _summary(folder, session.record, [rule.metric for rule in loaded.config.gate.rules])
    return result


def _summary(folder: Path, record: Record, named: list[str]) -> None:
    """Where the report is, and the score before, the score after and the verdict in one line."""
    from swiftci.evidence import verdict

    found = verdict.read(folder) if record.succeeded("report") else None
    if found is None:
        say(f"run directory: {folder}")
        return
    say(f"report: {folder / 'report.html'}")
    say(" · ".join([*_scores(folder, record, named), f"verdict: {found.verdict}"]))


def _scores(folder: Path, record: Record, named: list[str]) -> Iterator[str]:
    """The metrics that rules name, else the primary ones, before and after the training."""
    from swiftci.evidence import metric

    try:
        base = metric.whole(metric.read(folder, "base")) if record.succeeded("evaluate-base") else {}
        after = metric.whole(metric.read(folder, "candidate")) if record.succeeded("evaluate") else {}
    except ValueError:
        return  # the gate has said so already
    for key, one in after.items():
        if key in named if named else one.primary:
            before = f"{base[key].value:.4g} → " if key in base else ""
            yield f"{key} {before}{one.value:.4g}"
