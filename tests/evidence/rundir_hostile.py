"""A run whose texts want to do harm, or are no texts at all."""

import json
from dataclasses import replace
from pathlib import Path

from swiftci.evidence.metric import Item
from swiftci.evidence.verdict import Reason
from tests.evidence.rundir import Run, recorded
from tests.fake.repository import Repository

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
