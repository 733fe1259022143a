"""What a stage is: one file, one declaration, one function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from swiftci.config.load import Loaded
from swiftci.config.model import Config
from swiftci.config.project import Project
from swiftci.spec.exit import Exit
from swiftci.store.kept import Store
from swiftci.store.record import Record


class Place(Enum):
    """The machine that a stage needs."""

    GPU = "gpu"
    CPU = "cpu"


class Progress(Protocol):
    """Where a stage says how far it is; nothing it is told is a result."""

    def step(self, done: int, total: int, text: str) -> None:
        """`done` of `total` units; `text` is a few words such as the loss."""

    def line(self, text: str) -> None:
        """One line that a reader wants to keep."""

    @property
    def echo(self) -> Callable[[str], None] | None:
        """Where a tool's own output is shown too; None where only its log gets it."""


MARK = ".made-from"
"""In a folder that a tool fills, what its content is of: only what is of the very same may be gone on with."""

DATASETS = "datasets"
"""The run directory's folder for what the library `datasets` prepares; emptied before and after a run.

Its shared cache takes two folders of one name whose README lists their files for the same data, whatever is in them
(measured with 4.8): a mirror or a branch that moved would be trained and scored on its old rows.
"""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything a stage may use besides its inputs.

    `folder` is the run directory, `store` where runs are kept, `environ` what tools may see (secrets of other groups
    are taken out), `secrets` the values to mask, `deadline` in seconds of time.time(), and `why` it is there. `digest`
    is of all that decides this call's result: what an earlier try with the same digest left may be gone on with.
    """

    root: Path
    folder: Path
    project: Project
    loaded: Loaded
    record: Record
    environ: Mapping[str, str]
    progress: Progress
    store: Store | None = None
    secrets: tuple[str, ...] = ()
    deadline: float | None = None
    why: str = "limits.job_minutes"
    digest: str = ""

    @property
    def advice(self) -> str:
        """What to do where the deadline stopped the work: one that bounds the whole run leaves another try no time."""
        if self.why == "limits.run_minutes":
            return f"raise {self.why} and run it again to go on"
        return f"run it again to go on, or raise {self.why}"

    @property
    def prepared(self) -> dict[str, str]:
        """The variable that keeps prepared data in the run directory."""
        return {"HF_DATASETS_CACHE": str(self.folder / DATASETS)}


def _done(_: Any) -> Exit:
    return Exit.DONE


def _nothing(_: Any) -> tuple[str, ...]:
    return ()


def _no_files(_: Any, __: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


def _none_found(_: Any, __: Path) -> Mapping[str, str]:
    return {}


def _as_is(_: Any, __: Path) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage's declaration.

    `reads` names the config's sections that decide its result, `also` further ones for a given config, `packages` the
    tools whose versions do; `needs` gives the calls whose results it takes from the run directory; `always` runs it
    after a failure too, and never reuses it. `results` names the files and folders of the run directory that a result
    is made of, from inputs and recorded outputs: they are kept in the store, and `taken` is called with inputs and run
    directory where they came from there. `unfinished` is what of a try that was cut off another run can go on with.
    `found` is what another stage put into the run directory that decides the result besides, as names and digests; and
    `sees` are the runner's own variables that it may have, such as its token.
    """

    name: str
    help: str
    inputs: type
    outputs: type
    run: Callable[[Any, Context], Any]
    place: Place
    reads: tuple[str, ...] = ()
    also: Callable[[Config], tuple[str, ...]] = _nothing
    secrets: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    needs: Callable[[Any], tuple[str, ...]] = _nothing
    results: Callable[[Any, Mapping[str, Any]], tuple[str, ...]] = _no_files
    taken: Callable[[Any, Path], None] = _as_is
    found: Callable[[Any, Path], Mapping[str, str]] = _none_found
    unfinished: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    always: bool = False
    reusable: bool = True
    exit: Callable[[Any], Exit] = _done

    @property
    def keeps(self) -> bool:
        """Whether its results outlive a run."""
        return self.results is not _no_files


@dataclass(frozen=True, kw_only=True)
class Call:
    """A stage with its inputs, one entry of a plan; `why` is for the reader."""

    id: str
    stage: str
    inputs: Mapping[str, str]
    why: str = ""
