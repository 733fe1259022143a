"""A large run: 67 subsets, 2,000 flipped items, prompts of 8,000 characters, a NaN loss, all that there can be."""

import json
import math
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from swiftci.evidence.metric import Item
from swiftci.evidence.verdict import Override, Reason
from tests.evidence.rundir import PARTS, Run, recorded
from tests.fake.repository import Repository

CMMLU = tuple(Path(__file__).with_name("cmmlu.txt").read_text(encoding="utf-8").split())
"""The 67 subsets of CMMLU, as EvalScope names them."""
PASSAGE = "甲乙双方于二〇二四年三月签订合同，约定由甲方供应货物。关于本案的法律关系，下列说法中哪一项是正确的？"


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
