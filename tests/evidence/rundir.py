"""A run directory for tests of the report: a recorded one, and one whose evaluation was killed."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from swiftci.config.load import resolved
from swiftci.evidence import baseline, metric, report, scores, verdict
from swiftci.evidence.interval import estimate
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.verdict import Reason, Verdict
from swiftci.store import record as records
from swiftci.store.record import Record, StageRecord
from tests.evidence.corpus import CORPUS
from tests.fake.repository import Repository, without_charts

STAGES = ("download", "evaluate-base", "train", "evaluate", "gate", "report")
PARTS = {
    "hub.source": "modelscope",
    "train.method": "sft",
    "train.args.model": "Qwen/Qwen3-4B",
    "train.args.learning_rate": "1e-4",
    "train.args.lora_rank": "8",
    "train.args.system": "你是一名严谨的中文助手。" * 20 + "请直接回答选项字母。",
    "evaluate.datasets": ["cmmlu", "ceval"],
    "content of data/train.jsonl": "3f" * 32,
    "version of torch": "2.12.1",
}


class Run:
    """A run directory that holds recordings, and its record."""

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.folder = folder
        self.record = Record(
            name="tiny",
            fingerprint="f" * 64,
            resolved=json.loads(json.dumps(resolved(*repository.load()))),
            started=1_795_000_000.0,
            commit="0123456789abcdef0123456789abcdef01234567",
            ref="refs/pull/7/merge",
            event="pull_request",
            actor="somebody",
            swiftci="0.1.0",
            versions={"python": "3.11.9", "ms_swift": "4.6.0", "evalscope": "1.14.1"},
            hardware={"machine": "Linux x86_64, 2 cores"},
        )
        for name in STAGES:
            self.stage(name, "succeeded")

    def stage(self, name: str, state: str, error: str = "") -> None:
        self.record.stages[name] = StageRecord(
            state=state, digest="d", execution=f"e-{name}", started=0.0, seconds=12.34, error=error
        )

    def trained(self, case: str) -> None:
        shutil.rmtree(self.folder / "train", ignore_errors=True)
        shutil.copytree(CORPUS / "swift" / case / "out", self.folder / "train", symlinks=True)

    def logged(self, rows: list[dict[str, Any]], folder: str = "train") -> None:
        (self.folder / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / folder / "logging.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def measured(self, subject: str, case: str) -> None:
        found = scores.read(CORPUS / "evalscope" / case / "out", "candidate", ("general_qa",))
        assert not found.faults
        metric.write(self.folder, subject, [replace(one, subject=subject) for one in found.metrics], found.items)

    def scored(self, subject: str, items: list[Item], direction: str = "higher_is_better") -> None:
        """Items and the metrics that are made of them, as EvalScope would report them."""
        found = []
        for dataset in dict.fromkeys(item.dataset for item in items):
            own = [item for item in items if item.dataset == dataset]
            for subset in (None, *dict.fromkeys(item.subset for item in own)):
                part = [item for item in own if subset in (None, item.subset)]
                for name in part[0].scores:
                    mean = estimate([item.scores[name] for item in part])
                    found.append(
                        Metric(
                            subject=subject,
                            dataset=dataset,
                            subset=subset,
                            metric=name,
                            value=mean.mean,
                            items=len(part),
                            stderr=mean.stderr,
                            direction=direction,
                            primary=name == next(iter(part[0].scores)),
                        )
                    )
        metric.write(self.folder, subject, found, items)

    def compared(self, subject: str = "baseline", parts: dict[str, Any] | None = None, **found: Any) -> None:
        """What is compared with, beside the subject's own metrics."""
        folder = self.folder / subject
        folder.mkdir(exist_ok=True)
        before = replace(self.record, run="40", parts=parts if parts is not None else PARTS, verdict="pass")
        records.write(folder, before)
        told = {
            "source": "store",
            "run": "40",
            "name": self.record.name,
            "why": "the newest good run of refs/heads/main in the store",
            "commit": "89abcdef" * 5,
            "ref": "refs/heads/main",
            "started": 1_794_900_000.0,
        }
        baseline.write(self.folder, subject, baseline.Found(**(told | found)))
        self.stage("baseline", "succeeded")

    def judged(self, *reasons: Reason, **more: Any) -> None:
        verdict.write(self.folder, replace(Verdict.of(reasons), **more))

    def write(self, language: str = "en", *, charts: bool = False) -> tuple[str, str, dict[str, Any]]:
        """The report as Markdown, as HTML and as results; charts take their time, and few tests look at them."""
        with nullcontext() if charts else without_charts():
            self.view = report.write(self.folder, self.record, language)
        texts = [(self.folder / name).read_text(encoding="utf-8") for name in ("report.md", "report.html")]
        return texts[0], texts[1], json.loads((self.folder / "eval_results.json").read_text(encoding="utf-8"))


def recorded(folder: Path, repository: Repository) -> Run:
    """A run with everything recorded: base and trained model scored, the gate passed."""
    folder.mkdir(parents=True)
    found = Run(folder, repository)
    found.trained("ok-lora")
    found.measured("base", "ok-qa-half")
    found.measured("candidate", "ok-qa")
    found.judged(Reason(verdict="pass", text="general_qa.rouge-l-recall is 1 over 12 items; it should be at least 0.5"))
    return found


def unmeasured(folder: Path, repository: Repository) -> Run:
    """A run whose evaluation was killed: nothing to judge by."""
    run = recorded(folder, repository)
    for name in ("evaluate", "evaluate-base"):
        run.stage(
            name, "failed", "EvalScope failed: was killed (SIGKILL); out of memory on GPU 0, see logs/evaluate.log"
        )
    run.trained("nan-loss")
    run.judged(Reason(verdict="invalid", text="evaluate: EvalScope failed: was killed (SIGKILL)"))
    return run
