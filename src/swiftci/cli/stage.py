"""swiftci stage NAME: what a composite action calls; its options are the stage's declared inputs."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from swiftci.spec.error import Partial
from swiftci.spec.exit import Exit
from swiftci.spec.option import options
from swiftci.stages import BY_NAME, STAGES
from swiftci.stages.stage import Stage
from swiftci.store.record import Record


class StageGroup(click.Group):
    """One subcommand a stage, made from its declaration."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [stage.name for stage in STAGES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        stage = BY_NAME.get(cmd_name)
        return _command(stage) if stage else None


@click.group(cls=StageGroup)
def command() -> None:
    """Carry out one stage; what a composite action calls."""


def _command(stage: Stage) -> click.Command:
    parameters: list[click.Parameter] = [
        click.Option(["--config"], required=True, envvar="SWIFTCI_CONFIG", metavar="PATH", help="The config file."),
        click.Option(["--run-dir"], envvar="SWIFTCI_RUN_DIR", metavar="DIR", help="Where the run works."),
        click.Option(["--set", "sets"], multiple=True, metavar="KEY=VALUE", help="Override a value of the config."),
        click.Option(["--force"], is_flag=True, envvar="SWIFTCI_FORCE", help="Make it anew, even where it is there."),
    ]
    for one in options(stage.inputs):
        kind = click.Choice([*one.choices, ""]) if one.choices else click.STRING
        parameters.append(click.Option([f"--{one.key}", one.name], envvar=one.env, type=kind, help=one.help))

    def callback(config: str, run_dir: str | None, sets: tuple[str, ...], force: bool, **given: str | None) -> int:
        return _carry(stage, config, run_dir, sets, force, {name: value for name, value in given.items() if value})

    return click.Command(stage.name, callback=callback, params=parameters, help=stage.help)


def _carry(
    stage: Stage, config: str, run_dir: str | None, sets: tuple[str, ...], force: bool, given: dict[str, str]
) -> int:
    from swiftci.cli import load
    from swiftci.cli.plan import environment_sets
    from swiftci.cli.progress import progress_for
    from swiftci.engine.carry import carry
    from swiftci.engine.session import opened, run_folder
    from swiftci.plan.build import call_id
    from swiftci.stages.stage import Call
    from swiftci.tools import runner

    root, project, loaded = load.one(config, sets or environment_sets(os.environ), disk="none")
    folder = Path(run_dir).absolute() if run_dir else run_folder(root, project, loaded.config.name, os.environ)
    call = Call(id=call_id(stage.name, given), stage=stage.name, inputs=given)
    runner.write_outputs(os.environ, {"run-dir": str(folder)})
    with opened(root, project, loaded, folder, os.environ, renew=False) as session:
        runner.write_outputs(os.environ, {"artifact": _artifact(loaded.config.name)})
        more = os.environ.get("SWIFTCI_MORE") == "true" and not stage.always
        if more and (cut := _partial(session.record)):
            print(f"{call.id}: left to the next job, which goes on with {cut}")
            return Exit.DONE
        with runner.group(sys.stdout, os.environ, call.id):
            try:
                carried = carry(session, call, progress_for(call), force=force)
            except Partial as error:
                if not more:
                    raise
                print(f"{call.id}: {error.message}")
                return Exit.DONE
        outputs = {one.key: _text(carried.outputs.get(one.name), one.types, folder) for one in options(stage.outputs)}
        runner.write_outputs(os.environ, outputs)
    for name, value in outputs.items():
        print(f"{name}: {value}")
    if outputs.get("warning") and runner.on_runner(os.environ):
        print(runner.annotation("warning", outputs["warning"], title=f"swiftci: {call.id}"))
    if carried.exit and runner.on_runner(os.environ):
        print(runner.annotation("error", _why(folder), title=f"swiftci: {call.id}"))
    return carried.exit


def _partial(record: Record) -> str:
    """The call that this job had no time to end."""
    job = record.attempt_started
    return next((name for name, one in record.stages.items() if one.state == "partial" and one.started >= job), "")


def _why(folder: Path) -> str:
    """What the verdict says against the run."""
    from swiftci.evidence import verdict

    found = verdict.read(folder)
    return "\n".join(f"{one.verdict}: {one.text}" for one in found.reasons if one.verdict != "pass") if found else ""


def _artifact(name: str) -> str:
    """A name that no other job or attempt of the workflow run has."""
    job = os.environ.get("GITHUB_JOB", "train")
    run = f"swiftci-{name}-{os.environ.get('GITHUB_RUN_ID', '0')}-{os.environ.get('GITHUB_RUN_ATTEMPT', '1')}"
    return run if job in ("train", "verdict") else f"{run}-{job}"


def _text(value: Any, types: tuple[Any, ...], folder: Path) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(folder / value) if Path in types else str(value)
