"""What the tests of `swiftci leaderboard` share: runs with results, in a store or in folders."""

import json
import random
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from swiftci.evidence import metric
from swiftci.evidence.interval import estimate
from swiftci.evidence.metric import Item, Metric
from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import SMALL, Record, StageRecord
from tests.conftest import Repo

PROJECT = "actions: swiftci/swiftci@v1\n"
START = 1_794_744_000.0
DAY = 86_400.0
URL = "https://github.com/team/models/actions/runs/17"


def answers(dataset: str, metric: str, count: int, share: float, seed: int = 0, skip: int = 0) -> list[Item]:
    """Items of which about that share are right; alike in two calls with one seed, but for what the shares differ."""
    drawn = random.Random(seed)
    return [
        Item(
            dataset=dataset,
            subset=f"part-{number % 3}",
            index=str(number),
            prompt=f"{number:016x}",
            scores={metric: float(drawn.random() < share)},
            prediction="B",
            target="A",
            question="which?",
        )
        for number in range(skip, skip + count)
    ]


def measure(folder: Path, items: list[Item], **more: Any) -> None:
    """Writes metrics.json and the candidate's items as EvalScope's reports would have them."""
    found = []
    for dataset, name in dict.fromkeys((item.dataset, name) for item in items for name in item.scores):
        known = estimate([item.scores[name] for item in items if item.dataset == dataset and name in item.scores])
        value = {"value": known.mean, "stderr": known.stderr, "items": known.items}
        one = {"subject": "candidate", "dataset": dataset, "subset": None, "metric": name, "primary": True, **value}
        found.append(Metric(**one | more))
    metric.write(folder, "candidate", found, items)


def run(folder: Path, items: list[Item], *, name: str = "tiny", number: int = 0, **more: Any) -> Record:
    """Fills a run's directory; `model` names one of a hub, which nothing here trained."""
    shutil.rmtree(folder, ignore_errors=True)
    model, commit = more.pop("model", ""), more.pop("commit", f"{number:07x}" + "c" * 33)
    time, execution = START + number * DAY, more.pop("execution", f"{name}-{number}")
    outputs = {"metrics": "metrics.json", "items": len(items)}
    stages = {
        "evaluate": StageRecord(state="succeeded", digest="d", execution=execution, started=time, outputs=outputs)
    }
    if not model:
        stages["train"] = StageRecord(state="succeeded", digest="t", execution="t", started=time)
    args = {"model": model or "owner/model"} | ({"model_revision": commit} if model else {})
    resolved = {"config": {"name": name, "train": {"args": args}, "gate": {"rules": []}}, "path": "c.yaml"}
    one = Record(name=name, fingerprint="f" * 64, resolved=resolved, started=time, run=str(number), stages=stages)
    one.commit, one.url, one.ref, one.verdict = commit, URL, "refs/heads/main", "pass"
    for key, value in more.items():
        setattr(one, key, value)
    records.write(folder, one)
    measure(folder, items)
    return one


def keep(store: Path, items: list[Item], **more: Any) -> None:
    """Puts a run into a store."""
    work = store.parent / "work-of-a-run"
    one = run(work, items, **more)
    Folder(store).put(one.name, f"{one.fingerprint[:16]}-{one.run}", work, SMALL)


def board(repo: Repo) -> dict[str, Any]:
    return dict(json.loads(repo.read("site/leaderboard.json")))


def ranked(repo: Repo, dataset: str = "ceval") -> list[tuple[int, str]]:
    [found] = [one for one in board(repo)["benchmarks"] if one["dataset"] == dataset]
    return [(one["rank"], one["model"]) for one in found["models"]]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Page(HTMLParser):
    """A page's elements, links and texts; fails where an element is not closed, or closed twice."""

    VOID = ("meta", "br", "input", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "script", "svg"} & set(self.open):
            self.texts.append(" ".join(data.split()))


def pages(folder: Path) -> Iterator[tuple[Path, Page]]:
    for path in sorted(folder.rglob("*.html")):
        yield path, Page(path.read_text())


def fill(store: Path) -> None:
    """Three models, one of them of a hub, with some history."""
    for number in (1, 5):
        items = answers("ceval", "accuracy", 400, 0.5 + number / 50) + answers("cmmlu", "accuracy", 90, 0.4, seed=2)
        keep(store, items, name="small", number=number)
    keep(store, answers("ceval", "accuracy", 400, 0.9), name="large", number=3, verdict="fail")
    keep(store, answers("ceval", "accuracy", 400, 0.61), name="hub-1", number=9, model="Qwen/Qwen3-8B")
