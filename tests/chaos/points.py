"""Who is killed, when and how: five runs, each cut off many times on its way."""

from dataclasses import dataclass
from typing import Any

PHASES = ("training", "checkpoint write", "journal write", "store write", "evaluation", "report")


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One end of a swiftci, by a fault point (see fault/sitecustomize.py) or by the clock.

    `signal` is KILL, TERM, `both` (TERM, and KILL `gap` seconds later) or `runner` (as GitHub's runner does: INT, TERM,
    KILL; its 7.5 and 2.5 s shortened to `gap`). By the clock, `after` is what is waited for first: `step N` of this
    training, or `item N` of this evaluation; then between no time at all and `spread` seconds more.
    """

    phase: str
    what: str
    signal: str = "KILL"
    point: dict[str, Any] | None = None
    after: str = ""
    spread: float = 1.5
    gap: float = 0.5
    tool: bool = False

    @property
    def first(self) -> str:
        """The signal that comes first."""
        return {"both": "TERM", "runner": "INT"}.get(self.signal, self.signal)

    def faulted(self) -> dict[str, Any] | None:
        """The point, complete but for the file that says that it was reached."""
        if self.point is None:
            return None
        return {"victim": "self" if self.tool else "swiftci", "signal": self.first, "event": "os.rename"} | self.point


def clock(after: str, signal: str = "KILL", *, tool: bool = False, spread: float = 1.5, gap: float = 0.5) -> Kill:
    """By the clock; with `tool`, ms-swift or EvalScope dies and swiftci has to notice."""
    phase, name = ("training", "ms-swift") if after.startswith("step") else ("evaluation", "EvalScope")
    what = f"after {after}{f', {name} alone' if tool else ''}"
    return Kill(phase=phase, what=what, signal=signal, after=after, tool=tool, spread=spread, gap=gap)


def at(phase: str, what: str, path: str, signal: str = "KILL", *, tool: bool = False, **point: Any) -> Kill:
    """At a fault point of swiftci's, unless `within` names another process."""
    return Kill(phase=phase, what=what, signal=signal, tool=tool, point={"within": "swiftci", "path": path} | point)


def journal(state: str, what: str, signal: str = "KILL", **point: Any) -> Kill:
    """At the moment at which run.json, which says `CALL=STATE`, takes its place."""
    return at("journal write", f"{state}: {what}", r"> .*/run\.json$", signal, journal=state, **point)


def saving(step: int, what: str, path: str, signal: str = "KILL", *, tool: bool = False, **point: Any) -> Kill:
    """While ms-swift writes a checkpoint."""
    name = rf"/checkpoint-{step}{path}"
    what = f"checkpoint-{step}: {what}"
    return at("checkpoint write", what, name, signal, tool=tool, **{"within": "swift", "event": "open", **point})


def scoring(what: str, path: str, signal: str = "KILL", *, tool: bool = False, **point: Any) -> Kill:
    """While EvalScope writes."""
    return at("evaluation", what, path, signal, tool=tool, **{"within": "evalscope", "event": "os.mkdir", **point})


NOT_YET, JUST_NOW = "written, not yet in place", "just in place"
PREDICTIONS = "/predictions/[a-z]+$"
"""EvalScope asks for this folder before each answer that it adds."""

HALF = at("journal write", "half written", r"/runs/[^/]+/\.?run\.json", event="open", nth=3, tear=["", '{"sche'])
BEING_STARTED = at("training", "a tool being started", "^None$", event="ctypes.dlopen", forked=True)
"""Its process is there, and has not asked yet to die with swiftci."""
PUT_ASIDE = at("report", "a further run, the report put aside", r"> .*/\.before/report\.html$", then=True)
"""Where all has succeeded already; each run ends with it."""

RUNS: dict[str, tuple[Kill, ...]] = {
    "killed": (
        journal("download=running", NOT_YET),
        HALF,
        scoring("an answer of the base model half written", PREDICTIONS, nth=7, tear=["*.jsonl", '{"index": 3, "mod']),
        scoring("EvalScope itself, at its report", "/reports/base/general_qa.json", tool=True, event="open"),
        journal("evaluate-base=succeeded", NOT_YET),
        at("store write", "a result's third file being linked", r"/results/\..*\.part/", event="os.link", nth=3),
        clock("step 2"),
        saving(6, "only its folder is there", "$", event="os.mkdir", then=True, tool=True),
        saving(6, "trainer_state.json half written", "/trainer_state.json$", tear=["", '{"best_gl']),
        at("store write", "the training's entry.json not yet in place", r"> .*/entry\.json$"),
        at("evaluation", "its metrics.json not yet in place", r"> .*/eval/candidate/metrics\.json$"),
        at("report", "report.html not yet in place", r"> .*/report\.html$"),
        at("store write", "a line of history.jsonl half written", r"/history\.jsonl$", event="open", tear=["", '{"ti']),
    ),
    "told to stop": (
        journal("train=running", JUST_NOW, "TERM", then=True),
        clock("step 1", "TERM"),
        saving(6, "before trainer_state.json", "/trainer_state.json$", "TERM"),
        clock("step 7", "TERM"),
        clock("step 9", "runner", gap=1.5),
        journal("train=succeeded", NOT_YET, "TERM"),
        at("store write", "the training's result not yet in place", r"> .*/results/[0-9a-f]+$", "TERM"),
        scoring("between two answers", PREDICTIONS, "TERM", nth=9),
        at("report", "report.md not yet in place", r"> .*/report\.md$", "TERM"),
        at("report", "a superseded checkpoint being removed", r"/checkpoint-3$", "TERM", event="shutil.rmtree"),
    ),
    "both": (
        journal("train=running", JUST_NOW, "both", then=True),
        BEING_STARTED,
        clock("step 1", "both", gap=0.3),
        saving(3, "the weights cut in half", "/adapter_config.json$", cut="adapter_model.safetensors", tool=True),
        clock("step 4", "both", gap=1.0),
        saving(6, "before trainer_state.json", "/trainer_state.json$", "both", gap=0.05),
        clock("step 7", "runner", gap=0.4),
        at(
            "store write",
            "the training's result just in place",
            r"/results/\.[^/]*(?<!old)\.part$",
            event="shutil.rmtree",
        ),
        clock("item 5", "both"),
        at(
            "evaluation", "the run's metrics.json not yet in place", r"> .*/runs/chaos/metrics\.json$", "both", gap=0.05
        ),
        at(
            "store write",
            "the run's record half copied",
            r"/records/.*\.part/report\.html$",
            "both",
            event="open",
            gap=0,
        ),
    ),
    "killed while it goes on": (
        clock("step 5", spread=0.4),
        at("training", "logging.jsonl taken back, not yet in place", r"> .*/train/logging\.jsonl$"),
        saving(9, "the optimizer's state cut in half", "/trainer_state.json$", cut="optimizer.pt"),
        at("training", "the half checkpoint being removed", r"/checkpoint-9$", event="shutil.rmtree"),
        at("checkpoint write", "checkpoint-12: just whole", r"> .*/last-checkpoint$", within="swift", nth=2, then=True),
        journal("train=succeeded", NOT_YET),
        scoring("a review half written", "/reviews/[a-z]+$", nth=12, tear=["*.rerun-*", '{"index": 5, "inp']),
        clock("item 9", tool=True, spread=0.3),
        at("evaluation", "the items not yet in place", r"> .*/items/candidate\.jsonl$"),
        journal("evaluate=succeeded", JUST_NOW, then=True),
        at("report", "eval_results.json not yet in place", r"> .*/eval_results\.json$", "both", gap=0.05),
        at("report", "verdict.json not yet in place", r"> .*/verdict\.json$"),
    ),
}
