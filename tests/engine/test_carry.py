"""A stage's inputs, what it may see of the environment, and how long it may take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from swiftci.engine.carry import MARGIN_MINUTES, carry, inputs_of
from swiftci.engine.session import Session, opened
from swiftci.spec.option import option
from swiftci.spec.problem import ConfigError
from swiftci.stages import BY_NAME, evaluate, gate
from swiftci.stages.stage import Call, Context, Place, Stage
from swiftci.tools.runner import RUNNER_FILES
from tests.fake.repository import Repository
from tests.stages.stand import Heard


def test_absent_and_empty_inputs_are_the_defaults() -> None:
    assert inputs_of(evaluate.STAGE, {}) == evaluate.Inputs()
    assert inputs_of(evaluate.STAGE, {"subject": "", "checkpoint": ""}) == evaluate.Inputs()


def test_inputs_are_passed_as_texts() -> None:
    assert inputs_of(evaluate.STAGE, {"subject": "base", "checkpoint": "x"}) == evaluate.Inputs(
        subject="base", checkpoint="x"
    )


def test_input_that_is_none_of_its_choices_is_refused() -> None:
    with pytest.raises(ConfigError, match="subject cannot be 'teacher'") as raised:
        inputs_of(evaluate.STAGE, {"subject": "teacher"})

    assert raised.value.problems[0].hint == "possible: candidate, base, baseline"


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """No inputs."""


@dataclass(frozen=True, kw_only=True)
class Where:
    """A path inside the run directory, one outside, and no path."""

    inside: Path = option("Inside.")
    outside: Path = option("Outside.")
    absent: Path | None = option("Nowhere.", default=None)


class Seen:
    """A stage that remembers its context."""

    def __init__(self, *, secrets: tuple[str, ...] = (), error: BaseException | None = None) -> None:
        self.error = error
        self.contexts: list[Context] = []
        self.stage = Stage(
            name="seen", help="-", inputs=Nothing, outputs=Where, run=self.run, place=Place.GPU, secrets=secrets
        )

    def run(self, inputs: Nothing, context: Context) -> Where:
        self.contexts.append(context)
        if self.error:
            raise self.error
        return Where(inside=context.folder / "a" / "b", outside=Path("/elsewhere"))


@contextmanager
def session(repository: Repository, stage: Stage, **environ: str) -> Iterator[Session]:
    project, loaded = repository.load()
    BY_NAME[stage.name] = stage
    try:
        with opened(
            repository.root, project, loaded, repository.folder, repository.environ | environ, renew=False
        ) as found:
            yield found
    finally:
        del BY_NAME[stage.name]


CALL = Call(id="seen", stage="seen", inputs={})


@pytest.mark.parametrize(("groups", "visible"), [(("hub",), True), ((), False)])
def test_stage_sees_the_secrets_of_its_groups_only(
    repository: Repository, groups: tuple[str, ...], visible: bool
) -> None:
    seen = Seen(secrets=groups)
    with session(repository, seen.stage, FAKE_HUB_TOKEN="hf_secret", OTHER="1") as found:
        carry(found, CALL, Heard())
    context = seen.contexts[0]

    assert ("FAKE_HUB_TOKEN" in context.environ) == visible
    assert context.secrets == ("hf_secret",)  # masked wherever it turns up
    assert context.environ["OTHER"] == "1"


@pytest.mark.parametrize("name", RUNNER_FILES)
def test_stage_does_not_see_the_runners_files(repository: Repository, name: str) -> None:
    seen = Seen()
    with session(repository, seen.stage, **{name: "x"}) as found:
        carry(found, CALL, Heard())

    assert name not in seen.contexts[0].environ


def test_outputs_inside_the_run_directory_are_relative(repository: Repository) -> None:
    seen = Seen()
    with session(repository, seen.stage) as found:
        carried = carry(found, CALL, Heard())

    assert carried.outputs == {"inside": "a/b", "outside": "/elsewhere", "absent": None}


def test_result_is_taken_from_the_journal(repository: Repository) -> None:
    seen = Seen()
    with session(repository, seen.stage) as found:
        first, second = carry(found, CALL, Heard()), carry(found, CALL, Heard())
        third = carry(found, CALL, Heard(), force=True)

    assert (first.reused, second.reused, third.reused) == (False, True, False)
    assert first.outputs == second.outputs
    assert len(seen.contexts) == 2


def test_bug_in_a_stage_is_journaled_and_raised(repository: Repository) -> None:
    seen = Seen(error=ZeroDivisionError("oops"))
    with session(repository, seen.stage) as found, pytest.raises(ZeroDivisionError):
        carry(found, CALL, Heard())
    entry = repository.record["stages"]["seen"]

    assert (entry["state"], entry["error"], entry["exit"]) == ("failed", "ZeroDivisionError: oops", 1)


@pytest.mark.parametrize(
    ("limits", "minutes"),
    [
        ({"job_minutes": 100}, 100 - MARGIN_MINUTES),
        ({"job_minutes": 100, "run_minutes": 60}, 60),
        ({"job_minutes": 100, "run_minutes": 600}, 100 - MARGIN_MINUTES),
        ({"job_minutes": 8}, 4),
        ({"job_minutes": 1}, 0.5),
    ],
)
def test_stage_ends_before_its_job_does(repository: Repository, limits: dict[str, int], minutes: float) -> None:
    repository.config["limits"] = limits
    repository.write()
    seen = Seen()
    with session(repository, seen.stage) as found:
        carry(found, CALL, Heard())
    deadline = seen.contexts[0].deadline

    assert deadline is not None
    assert abs(deadline - time.time() - 60 * minutes) < 20


def test_gate_is_told_what_the_jobs_before_it_gave() -> None:
    assert inputs_of(gate.STAGE, {"needs": "{}"}) == gate.Inputs(needs="{}")
