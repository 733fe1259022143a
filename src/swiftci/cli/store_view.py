"""How `swiftci store` shows runs: one a line, or one in full."""

from collections.abc import Iterator
from typing import Any

from swiftci.cli.runs import Run, headline, metrics, reasons
from swiftci.cli.table import WIDE, moment, shown, table
from swiftci.evidence.estimate import duration
from swiftci.store.kept import Store
from swiftci.store.local import Folder, is_digest
from swiftci.store.needed import number
from swiftci.tools.hub.amount import amount

CELL = 40
"""Columns of a cell at most."""


def listed(run: Run, store: Store) -> dict[str, Any]:
    """A run in a few values, as `ls --format json` gives them."""
    steps, seconds = number(run.at("stages", "train", "outputs", "steps")), number(run.at("gpu_seconds"))
    kept, taken = weights(run, store)
    return {
        "name": run.name,
        "run": run.run,
        "started": number(run.at("started")),
        "ref": run.at("ref"),
        "commit": run.at("commit"),
        "verdict": run.at("verdict"),
        "steps": steps,
        "loss": number(run.at("stages", "train", "outputs", "loss")),
        "metrics": headline(run) if run.folder else {},
        "gpu_hours": seconds / 3600 if seconds is not None else None,
        "weights": kept,
        "weights_bytes": taken,
    }


def weights(run: Run, store: Store) -> tuple[bool | None, int | None]:
    """Whether the store has what the training made, and its bytes, where that is known; None where it made nothing."""
    digest = run.at("stages", "train", "digest")
    if run.at("stages", "train", "state") != "succeeded" or not is_digest(str(digest)):
        return None, None
    if store.local is None:
        return store.find(digest) is not None, None
    found = Folder(store.local).read(digest)
    return found is not None, sum(size for size, _ in found["files"].values()) if found else None


def listing(rows: list[dict[str, Any]]) -> str:
    head = ["name", "run", "when (UTC)", "ref", "commit", "verdict", "result", "GPU hours", "weights"]
    return table([head, *(_row(one) for one in rows)], right=(7, 8))


def _row(one: dict[str, Any]) -> list[str]:
    ref = str(one["ref"] or "-")
    texts = [
        one["name"],
        one["run"],
        moment(one["started"]),
        ref.removeprefix("refs/heads/").removeprefix("refs/"),
        str(one["commit"] or "-")[:8],
        one["verdict"] or "-",
        _result(one),
        "-" if one["gpu_hours"] is None else f"{one['gpu_hours']:,.1f}",
        _weights(one["weights"], one["weights_bytes"]),
    ]
    return [shown(text, CELL) for text in texts]


def _result(one: dict[str, Any]) -> str:
    """The first metric that counts, else how far the training came."""
    for name, value in one["metrics"].items():
        return f"{name} {value:.4g}"
    loss = "" if one["loss"] is None else f", loss {one['loss']:.4g}"
    return "-" if one["steps"] is None else f"{one['steps']:.0f} steps{loss}"


def _weights(kept: bool | None, taken: int | None) -> str:
    if kept is None:
        return "-"
    return "gone" if not kept else "kept" if taken is None else amount(taken)


def whole(run: Run, store: Store, width: int) -> list[str]:
    """A run in full, line by line."""
    lines = [shown(f"{run.title}: {run.at('verdict') or 'no verdict'}", width)]
    lines += ["  " + shown(text, width - 2) for text in reasons(run)]
    for title, values in _sections(run, store):
        room = width - max((min(len(key), CELL) for key in values), default=0) - 4
        room = WIDE if title == "run" else max(room, 20)  # a path is there to be copied
        rows = [["  " + shown(key, CELL), shown(value, room)] for key, value in values.items()]
        lines += ["", title, *(table(rows).splitlines() if rows else [])]
    return lines


def _sections(run: Run, store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "run", _of_run(run, store)
    stages = run.at("stages")
    told = {key: _stage(one) for key, one in stages.items()} if isinstance(stages, dict) else {}
    yield "stages", {key: text for key, text in told.items() if key != "cleanup"}  # it kept this, and was not over
    yield "metrics", {key: f"{value:.4g}" for key, value in metrics(run).items()}
    for title in ("versions", "hardware"):
        values = run.at(title)
        yield title, values if isinstance(values, dict) else {}
    config, parts = dict(_keys("", run.at("resolved", "config"))), run.at("parts")
    yield "config", {key: value for key, value in config.items() if value is not None}
    beyond = {key: value for key, value in parts.items() if key not in config} if isinstance(parts, dict) else {}
    yield "what else decides the result", beyond


def _of_run(run: Run, store: Store) -> dict[str, Any]:
    currency = run.at("resolved", "project", "budget", "currency") or ""
    hours, cost = number(run.at("gpu_seconds")), number(run.at("cost"))
    report = run.folder / "report.html" if run.folder else None
    found = {
        "started": f"{moment(number(run.at('started')))} UTC",
        "config": run.at("resolved", "path"),
        "ref": run.at("ref"),
        "commit": run.at("commit"),
        "event": run.at("event"),
        "by": run.at("actor"),
        "job": run.at("url"),
        "swiftci": run.at("swiftci"),
        "fingerprint": run.at("fingerprint"),
        "took": _took(run.at("spent_seconds")),
        "GPU hours": None if hours is None else f"{hours / 3600:,.2f}",
        "cost": None if cost is None else f"{cost:,.2f} {currency}".rstrip(),
        "report": str(report) if report and report.is_file() else None,
        "weights": _where(run, store),
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def _where(run: Run, store: Store) -> str:
    """Where the weights are."""
    kept, taken = weights(run, store)
    if kept is None:
        return "none: no training succeeded"
    if not kept:
        return "gone from the store"
    digest, checkpoint = run.at("stages", "train", "digest"), run.at("stages", "train", "outputs", "checkpoint")
    if store.local is None:
        return f"kept in {store.where}"
    return f"{Folder(store.local).result(digest) / 'files' / str(checkpoint)} ({_weights(kept, taken)})"


def _stage(one: Any) -> str:
    """How a stage ended."""
    if not isinstance(one, dict):
        return "-"
    tries, origin = one.get("tries"), one.get("origin")
    more = [f"tried {tries} times"] if isinstance(tries, int) and tries > 1 else []
    more += [f"taken from {origin}"] if origin else []
    more += [f"{one['error']}"] if one.get("error") else []
    return ", ".join([f"{one.get('state')} in {_took(one.get('seconds'))}", *more])


def _keys(before: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A config's values by the user's keys, down to a tool's single arguments, as the fingerprint has them."""
    if before.count(".") < 2 and isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _keys(f"{before}.{key}" if before else str(key), one)
    elif before:
        yield before, value


def _took(seconds: Any) -> str:
    found = number(seconds)
    return "-" if found is None else duration(found)
