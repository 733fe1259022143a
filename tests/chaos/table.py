"""The figures, by phase and by run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.points import PHASES, Kill


@dataclass
class Hit:
    """What came of one kill: the last step that was logged, the newest one saved, seconds until no process was left."""

    run: str
    kill: Kill
    done: int = 0
    saved: int = 0
    gone: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Steps that have to be trained again."""
        return max(0, self.done - self.saved)


@dataclass
class End:
    """A whole run: how many kills it took, steps trained over all tries, and what was wrong at its end."""

    run: str
    kills: int = 0
    trained: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def table(hits: Sequence[Hit], ends: Sequence[End], seconds: float) -> str:
    """Markdown: kills by phase and signal, the longest time until no process was left, what was violated."""
    lines = ["", "| phase | kills | SIGKILL | SIGTERM | both | steps lost, most | gone after, most | violations |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for phase in PHASES:
        own = [hit for hit in hits if hit.kill.phase == phase]
        how = [sum(hit.kill.signal in names for hit in own) for names in (("KILL",), ("TERM",), ("both", "runner"))]
        lost = max((hit.lost for hit in own), default=0)
        gone = max((hit.gone for hit in own), default=0.0)
        faults = sum(len(hit.faults) for hit in own)
        lines.append(f"| {phase} | {len(own)} | {' | '.join(map(str, how))} | {lost} | {gone:.1f} s | {faults} |")
    lines += ["", "| run | kills | steps trained in all | seconds | violations at its end |", "|---|---|---|---|---|"]
    for end in ends:
        lines.append(f"| {end.run} | {end.kills} | {end.trained or ''} | {end.seconds:.0f} | {len(end.faults)} |")
    bad = [f"{hit.run}: {hit.kill.phase}, {hit.kill.what}: {fault}" for hit in hits for fault in hit.faults]
    bad += [f"{end.run}: {fault}" for end in ends for fault in end.faults]
    verdict = (
        f"{len(bad)} violations"
        if bad
        else "nothing saved was lost, nothing that had succeeded was done twice, nothing was left behind"
    )
    lines += ["", f"{len(hits)} kills in {seconds / 60:.1f} minutes: {verdict}.", *(f"- {one}" for one in bad)]
    return "\n".join(lines)
