"""The composite actions, rendered from what stages and commands declare."""

from dataclasses import dataclass

from swiftci.spec.option import options
from swiftci.stages import STAGES
from swiftci.stages.stage import Stage
from swiftci.workflow.encode import Expression, environment


@dataclass(frozen=True, kw_only=True)
class Field:
    """An input or output of an action."""

    key: str
    help: str
    env: str = ""
    required: bool = False
    default: str = ""

    @property
    def value(self) -> Expression:
        """What passes an input on, or an output out."""
        return Expression(
            f"${{{{ inputs.{self.key} }}}}" if self.env else f"${{{{ steps.swiftci.outputs.{self.key} }}}}"
        )


@dataclass(frozen=True, kw_only=True)
class Action:
    """One actions/NAME/action.yml."""

    name: str
    help: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    stage: bool = True

    @property
    def title(self) -> str:
        return f"swiftci {self.name}"


_CONFIG = Field(key="config", help="The config file, relative to the repository.", env="SWIFTCI_CONFIG", required=True)
_SET = Field(key="set", help="Overrides of the config, one KEY=VALUE a line.", env="SWIFTCI_SET")
_FORCE = Field(key="force", help="`true` makes the result anew, even where an earlier run has it.", env="SWIFTCI_FORCE")
_RUN_DIR = Field(
    key="run-dir", help="Where the run works; the same for all steps of a run when absent.", env="SWIFTCI_RUN_DIR"
)

SETUP = Action(
    name="setup",
    help="Install swiftci and give back files that root left in the workspace.",
    inputs=(),
    outputs=(
        Field(key="swiftci", help="Path of the swiftci executable."),
        Field(key="version", help="Version of swiftci."),
    ),
    stage=False,
)
PLAN = Action(
    name="plan",
    help="Check a config and decide whether there is anything to do.",
    inputs=(_CONFIG, _SET, _FORCE),
    outputs=(
        Field(key="go", help="`true` when there is something to do."),
        Field(key="reason", help="Why there is nothing to do."),
        Field(key="earlier", help="Folder with an earlier run's result of just this, where there is one."),
    ),
    stage=False,
)
LEADERBOARD = Action(
    name="leaderboard",
    help="Turn runs into pages that rank their models, or look up which models of a hub to measure.",
    inputs=(
        Field(key="lookup", help="`true` looks up models, and writes no pages.", env="SWIFTCI_LOOKUP"),
        Field(key="to", help="The folder that gets the pages; `site` when absent.", env="SWIFTCI_TO"),
    ),
    outputs=(
        Field(key="models", help="The models to measure, as JSON for a matrix: `model` and `set` of each."),
        Field(key="site", help="The folder with the pages."),
    ),
    stage=False,
)


def of_stage(stage: Stage) -> Action:
    inputs = tuple(
        Field(
            key=one.key,
            help=one.help,
            env=one.env,
            required=one.required,
            default="" if one.required or one.default is None else str(one.default),
        )
        for one in options(stage.inputs)
    )
    outputs = tuple(Field(key=one.key, help=one.help) for one in options(stage.outputs))
    run_dir = Field(key="run-dir", help="The run directory.")
    artifact = Field(key="artifact", help="A name for the run's artifact that no other job or attempt has.")
    return Action(
        name=stage.name,
        help=stage.help,
        inputs=(_CONFIG, _SET, _RUN_DIR, _FORCE, *inputs),
        outputs=(run_dir, artifact, *outputs),
    )


ACTIONS: tuple[Action, ...] = (SETUP, PLAN, LEADERBOARD, *(of_stage(stage) for stage in STAGES))


def render(action: Action) -> str:
    """The text of actions/NAME/action.yml."""
    return environment().get_template("action.yml.j2").render(action=action)
