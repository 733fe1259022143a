"""The composite actions: each one step, which hands inputs over by its environment."""

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from swiftci.cli import COMMANDS, group
from swiftci.spec.option import options
from swiftci.stages import BY_NAME, STAGES

ROOT = Path(__file__).parents[2]
ACTIONS: dict[str, Any] = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in sorted(ROOT.glob("actions/*/action.yml"))
}


def variables(name: str) -> set[str]:
    """The variables that the command behind an action reads its options from."""
    context = click.Context(group)
    command = group.get_command(context, "stage" if name in BY_NAME else name)
    if isinstance(command, click.Group):
        command = command.get_command(context, name)
    assert command
    found = {str(one.envvar) for one in command.params if one.envvar}
    return found | ({"SWIFTCI_SET"} if any(one.name == "sets" for one in command.params) else set())


def test_there_is_one_for_each_stage_and_three_commands() -> None:
    assert set(ACTIONS) == {stage.name for stage in STAGES} | {"leaderboard", "plan", "setup"}


@pytest.mark.parametrize("name", ACTIONS)
def test_action_has_one_step_of_constant_text(name: str) -> None:
    action = ACTIONS[name]
    [step] = action["runs"]["steps"]

    launcher = 'exec "$GITHUB_ACTION_PATH/../_lib/swiftci" '
    assert action["runs"]["using"] == "composite"
    assert step["shell"] == "bash"
    assert step["run"] == launcher + ('stage "$SWIFTCI_STAGE"' if name in BY_NAME else '"$SWIFTCI_COMMAND"')
    assert step["env"]["SWIFTCI_STAGE" if name in BY_NAME else "SWIFTCI_COMMAND"] == name
    assert name in BY_NAME or name in COMMANDS
    assert (ROOT / "actions/_lib/swiftci").stat().st_mode & 0o111


@pytest.mark.parametrize("name", ACTIONS)
def test_every_input_reaches_the_option_of_its_name(name: str) -> None:
    [step] = ACTIONS[name]["runs"]["steps"]
    passed = {key: value for key, value in step["env"].items() if key not in ("SWIFTCI_STAGE", "SWIFTCI_COMMAND")}

    expected = {f"SWIFTCI_{key.upper().replace('-', '_')}": key for key in ACTIONS[name].get("inputs", {})}
    assert passed == {variable: f"${{{{ inputs.{key} }}}}" for variable, key in expected.items()}
    assert set(passed) == variables(name)


@pytest.mark.parametrize("name", ACTIONS)
def test_every_output_is_the_steps_own(name: str) -> None:
    outputs = ACTIONS[name]["outputs"]

    assert {key: one["value"] for key, one in outputs.items()} == {
        key: f"${{{{ steps.swiftci.outputs.{key} }}}}" for key in outputs
    }
    if name in BY_NAME:
        assert set(outputs) == {"run-dir", "artifact"} | {one.key for one in options(BY_NAME[name].outputs)}


@pytest.mark.parametrize("name", [name for name in ACTIONS if name not in ("leaderboard", "setup")])
def test_config_is_what_a_caller_must_give(name: str) -> None:
    expected = {"config", "rank"} if name == "join" else {"config"}
    assert {key for key, one in ACTIONS[name]["inputs"].items() if one["required"]} == expected
