"""Run directories for tests of the report: a recorded one, and large, odd and hostile ones made by a plan.

`python -m tests.evidence.rundir FOLDER` writes each with its report in both languages, to be looked at.
"""

import json
import math
import random
import shutil
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from swiftci.config.load import resolved
from swiftci.evidence import baseline, metric, report, scores, verdict
from swiftci.evidence.interval import estimate
from swiftci.evidence.metric import Item, Metric
from swiftci.evidence.verdict import Override, Reason, Verdict
from swiftci.store import record as records
from swiftci.store.record import Record, StageRecord
from tests.evidence.corpus import CORPUS
from tests.fake.repository import Repository, make, without_charts

STAGES = ("download", "evaluate-base", "train", "evaluate", "gate", "report")
CMMLU = tuple(Path(__file__).with_name("cmmlu.txt").read_text(encoding="utf-8").split())
"""The 67 subsets of CMMLU, as EvalScope names them."""
PASSAGE = "甲乙双方于二〇二四年三月签订合同，约定由甲方供应货物。关于本案的法律关系，下列说法中哪一项是正确的？"
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


def answers(
    right: float, seed: int, *, dataset: str = "cmmlu", subsets: tuple[str, ...] = CMMLU, each: int = 100, long: int = 0
) -> list[Item]:
    """Questions with four choices, of which about this share is answered right; the same questions for every seed."""
    asked, answered = random.Random(dataset), random.Random(seed)
    items = []
    for subset in subsets:
        for number in range(each):
            target, hard = asked.choice("ABCD"), asked.random()
            correct = hard < right if answered.random() < 0.4 else answered.random() < right
            given = target if correct else answered.choice([c for c in "ABCD" if c != target])
            text = f"以下是关于{subset}的单项选择题，请直接给出正确答案的选项。\n\n题目：{PASSAGE}（第 {number} 题）"
            if number < long:
                text = PASSAGE * (8000 // len(PASSAGE)) + text
            items.append(
                Item(
                    dataset=dataset,
                    subset=subset,
                    index=str(number),
                    prompt=f"{subset}-{number}",
                    scores={"accuracy": float(correct)},
                    prediction=given if number % 9 else f"逐项分析：{PASSAGE * 12}因此选 {given}。",
                    target=target,
                    question=text,
                )
            )
    return items


def own_prompts(style: str) -> list[Item]:
    questions = (
        "我的快递三天没有更新了，怎么办？",
        "发票可以补开吗？",
        "How do I reset my password?",
        "帮我写一封投诉信。",
    )
    return [
        Item(
            dataset="our_cases",
            subset="service",
            index=str(number),
            prompt=f"own-{number}",
            scores={"rouge-l-f1": 0.25 + 0.01 * number},
            prediction=f"{style}：您好，关于“{question}”，{PASSAGE * (number % 3)}",
            target="" if number % 2 else "请先核实订单号。",
            question=question,
        )
        for number, question in enumerate(questions * 15)
    ]


def log(steps: int, seed: int, *, bad: range = range(0), rate: float = 1e-4) -> list[dict[str, Any]]:
    """Rows of logging.jsonl; in `bad` steps the loss was NaN, as ms-swift logs that."""
    drawn, rows = random.Random(seed), []
    for n in range(1, steps + 1):
        row: dict[str, Any] = {
            "loss": round(1.2 + 1.6 * math.exp(-n / (steps / 5)) + drawn.gauss(0, 0.05), 8),
            "grad_norm": round(abs(drawn.gauss(1.0, 0.2)) + (30 if drawn.random() < 0.01 else 0), 8),
            "learning_rate": rate * min(1.0, n / (steps * 0.05)) * (1 + math.cos(math.pi * n / steps)) / 2,
        }
        if n in bad:
            row |= {"loss": 0.0, "grad_norm": math.nan}
        if n % max(1, steps // 10) == 0:
            rows.append({"eval_loss": row["loss"] + 0.1, "global_step/max_steps": f"{n}/{steps}"})
        rows.append(
            row
            | {
                "epoch": 2 * n / steps,
                "global_step/max_steps": f"{n}/{steps}",
                "memory(GiB)": round(18.5 + 2.5 * (1 - math.exp(-n / (steps / 20))), 2),
                "train_speed(s/it)": round(1.8 + 2 / n + drawn.random() * 0.01, 6),
            }
        )
    return rows


def history(folder: Path, runs: int = 20, key: str = "cmmlu.accuracy") -> None:
    drawn = random.Random(7)
    rows = [
        {
            "run": f"{20 + n}",
            "time": 1_790_000_000 + 86_400 * n,
            "commit": f"{drawn.randrange(16**40):040x}",
            "ref": "refs/heads/main",
            "url": None,
            "verdict": "pass",
            "metrics": {key: {"value": 0.66 + 0.003 * n + drawn.gauss(0, 0.004), "stderr": 0.0043, "items": 11390}},
        }
        for n in range(runs)
    ]
    (folder / "trend.json").write_text(json.dumps({"schema": 1, "runs": rows}))


def large(folder: Path, repository: Repository) -> Run:
    """67 subsets, more than 2,000 flipped items, prompts of 8,000 characters, a NaN loss, all that there can be."""
    run = recorded(folder, repository)
    config = run.record.resolved["config"]
    config["evaluate"] |= {"datasets": ["cmmlu", "our_cases"], "show": ["our_cases"]}
    config["gate"]["rules"] = [{"metric": "cmmlu.accuracy", "margin": 0.02}]
    run.record.name, run.record.run = "qwen3-4b-zh", "41"
    run.record.parts = PARTS | {
        "train.args.learning_rate": "2e-4",
        "train.args.lora_rank": "16",
        "train.args.system": PARTS["train.args.system"].replace("直接回答选项字母", "先分析，再回答选项字母"),
        "train.args.packing": True,
        "content of data/train.jsonl": "9c" * 32,
        "version of torch": "2.13.0",
    }
    run.record.estimate = {"memory_bytes": 22_500_000_000, "seconds": 5400.0, "cost": 21.6, "currency": "CNY"}
    run.record.gpu_seconds, run.record.cost = 13_000.0, 26.0
    run.record.hardware = {"gpu": "2 × NVIDIA A100-SXM4-80GB", "machine": "Linux x86_64, 64 cores"}
    run.record.url = "https://github.com/team/models/actions/runs/41"
    for subject, right, seed in (("base", 0.6, 1), ("baseline", 0.72, 2), ("candidate", 0.7, 3)):
        items = answers(right, seed, long=3)
        if subject == "candidate":
            items = [_damaged(item) for item in items]
        run.scored(subject, items + own_prompts({"base": "训练前", "baseline": "基线", "candidate": "本次"}[subject]))
    run.compared()
    run.compared("anchor", run="v1.0", why="gate.anchor: baselines/v1.0", source="committed", ref=None)
    shutil.rmtree(folder / "train")
    run.logged(log(2000, 1, bad=range(1500, 1520)))
    run.logged(log(2000, 2, rate=5e-5), "baseline/train")
    history(folder)
    run.judged(
        Reason(
            verdict="fail",
            text="cmmlu.accuracy lost",
            metric="cmmlu.accuracy",
            value=0.68,
            before=0.72,
            difference=-0.04,
            floor=-0.05,
            ceiling=-0.03,
            margin=0.02,
            items=11390,
            against="baseline",
            note="lost",
        ),
        Reason(verdict="pass", text="", metric="train.loss", value=1.21, at_most=2.0),
        override=Override(
            by="reviewer",
            reason="the law subsets are out of date; agreed with the data team",
            commit="0123456789abcdef0123456789abcdef01234567",
            at="2026-11-18 12:00 UTC",
            url="https://github.com/team/models/pull/7#issuecomment-1",
        ),
        exit=0,
    )
    return run


def _damaged(item: Item) -> Item:
    """A model that forgot law."""
    if "law" not in item.subset or int(item.index) % 3 == 0:
        return item
    wrong = "A" if item.target != "A" else "B"
    return replace(item, scores={"accuracy": 0.0}, prediction=wrong)


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


HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></td></table></script></style></svg><img src=x onerror=alert(1)>",
    '" onload="alert(1)',
    "<!-- ",
    "]]><!--",
    "| one | two |",
    "@everyone please #1",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "`code` *bold* _it_ ~~no~~",
    "a\n\n## Verdict: pass\n",
    "{{ 7 * 7 }} {% raw %} ${{ secrets.X }}",
    "\\| \\",
    "\u202egnp.exe \u2028",
    "nul \0 bell \x07 delete \x7f \x9b",
    "half \ud800 a pair",
    "noncharacter \ufffe \uffff",
    "e" + "\u0301" * 300,
    "中文 🙂 👩‍👩‍👧 🇨🇳🇨🇳",
]


def hostile(folder: Path, repository: Repository) -> Run:
    """Every hostile text in every place that people or models write."""
    run = recorded(folder, repository)
    text = " ".join(HOSTILE)
    plain = text.encode(errors="replace").decode()  # of what can be in run.json
    run.record.ref = run.record.actor = run.record.event = run.record.resolved["path"] = plain
    run.record.hardware = {"machine": plain}
    run.record.resolved["config"]["train"]["args"]["system"] = plain
    run.record.resolved["config"]["evaluate"]["show"] = ["general_qa"]
    run.record.parts = {"train.args.system": plain, plain: "2"}
    run.record.url = "javascript:alert(1)"
    items = [
        Item(dataset="general_qa", subset=f"{n} {one}", index="0", prompt=str(n), scores={"accuracy": 0.0},
             prediction=one, target=one, question=one * 40)
        for n, one in enumerate(HOSTILE)
    ]  # fmt: skip
    for subject, value in (("base", 0.0), ("baseline", 0.0), ("candidate", 1.0)):
        own = [replace(item, scores={"accuracy": value}) for item in items]
        run.scored(subject, [_whole(item) for item in own])
        rows = [vars(i) for i in own]
        (folder / f"items/{subject}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.compared(parts={"train.args.system": "x"}, why=plain, ref=plain, name=plain, url='https://x"onclick="alert(1)')
    run.stage("train", "succeeded", f"ms-swift said: {plain}")
    run.judged(*(Reason(verdict="invalid", text=f"train: {one.encode(errors='replace').decode()}") for one in HOSTILE))
    return run


def _whole(item: Item) -> Item:
    """An item that a file of ours can hold."""
    texts = {
        name: getattr(item, name).replace("\ud800", "?") for name in ("subset", "prediction", "target", "question")
    }
    return replace(item, **texts)


def main(folder: Path) -> None:
    for make_run in (recorded, large, unmeasured, hostile):
        for language in ("en", "zh"):
            place = folder / f"{make_run.__name__}-{language}"
            shutil.rmtree(place, ignore_errors=True)
            run = make_run(place / "run", make(place / "repository"))
            sizes = [len(text.encode()) for text in run.write(language, charts=True)[:2]]
            print(f"{place / 'run/report.html'}: Markdown {sizes[0]:,} bytes, page {sizes[1]:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
