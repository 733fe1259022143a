"""What a run directory holds for the gate to judge by."""

from collections import Counter
from pathlib import Path

from swiftci.evidence import baseline, metric
from swiftci.evidence.baseline import ANCHOR, BASELINE
from swiftci.evidence.judge import Evidence
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.subjects import BASE, CANDIDATE, measured_anew
from swiftci.evidence.training_numbers import numbers
from swiftci.stages.stage import Context
from swiftci.store.record import Record

OWN_EVENTS = ("push", "schedule", "workflow_dispatch")
"""Those that run a branch's own state, not what somebody proposes for it."""


def gather(context: Context) -> Evidence:
    """Reads what the rules ask for; raises ValueError where a file is damaged."""
    folder, gate = context.folder, context.loaded.config.gate
    subjects = [CANDIDATE, *dict.fromkeys(rule.against for rule in gate.compared)]
    if gate.anchor and BASELINE in subjects:
        subjects.append(ANCHOR)
    absent = {subject: why for subject in subjects[1:] if (why := _absent(context, subject)) is not None}
    return Evidence(
        metrics={subject: metric.read(folder, subject) for subject in subjects},
        items=_items(folder, subjects) if gate.compared else {},
        training=numbers(folder / "train"),
        absent=absent,
        looks=gate.looks,
    )


def _items(folder: Path, subjects: list[str]) -> dict[str, list[Item]]:
    found = {subject: metric.read_items(folder, subject) for subject in subjects}
    for subject, items in found.items():
        _refuse_part(subject, metric.read(folder, subject), items)
    return found


def _refuse_part(subject: str, metrics: list[Metric], items: list[Item]) -> None:
    """Raises ValueError where items of a metric that they carry are missing, or are there twice."""
    if len({item.key for item in items}) < len(items):
        raise ValueError(f"items/{subject}.jsonl is damaged: some items are there twice")
    answers: Counter[str] = Counter()
    questions: dict[str, set[tuple[str, str]]] = {}
    for item in items:
        for word in item.scores:
            key = f"{item.dataset}.{word}"
            answers[key] += 1
            questions.setdefault(key, set()).add((item.subset, item.index.partition("/")[0]))
    for one in metrics:
        if one.subset is None and answers[one.key] and one.items not in (answers[one.key], len(questions[one.key])):
            found = f"{answers[one.key]} items of {one.key}, of which {one.items} were measured"
            raise ValueError(f"items/{subject}.jsonl is damaged: {found}")


def _absent(context: Context, subject: str) -> str | None:
    """Why a subject cannot be compared with: "" where there is none yet, None where it can."""
    record = context.record
    if subject == BASE:
        return None if record.succeeded("evaluate-base") else "the model before training was not measured"
    found = baseline.read(context.folder, subject)
    if found is None:
        return f"gate.anchor {context.loaded.config.gate.anchor} was not found" if subject == ANCHOR else _none(record)
    if not found.differs or (subject == BASELINE and measured_anew(record)):
        return None
    shown = ", ".join(found.differs[:4]) + (f" and {len(found.differs) - 4} more" if len(found.differs) > 4 else "")
    if subject == ANCHOR:
        return f"it was measured otherwise ({shown}); write the anchor anew with `swiftci baseline`"
    why = "its weights are not at hand to measure it anew"
    chosen = context.loaded.config.gate.on_changed_evaluation
    if chosen == "evaluate" and record.event in OWN_EVENTS:
        return ""  # a branch's own run: were it invalid, no later one would ever be comparable with anything
    return f"it was measured otherwise ({shown}), and " + (
        why if chosen == "evaluate" else "gate.on_changed_evaluation is invalid"
    )


def _none(record: Record) -> str:
    """No baseline: no harm the first time, but where it was not looked for, or got lost, nobody knows."""
    entry = record.stages.get("baseline")
    if entry is None:
        return "it was not looked for; `swiftci stage baseline` does that"
    if entry.state == "succeeded":
        return "it was found, and is no longer there" if entry.outputs.get("state") == "found" else ""
    return f"it could not be looked for: {entry.error or entry.state}"
