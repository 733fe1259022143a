"""The broken models and data sets that the cases need."""

import json
import shutil
from pathlib import Path


def make_data(lab: Path) -> None:
    """The broken models and data sets."""
    rows = (lab / "tiny/data/train.jsonl").read_text(encoding="utf-8").splitlines()
    bad = lab / "bad"
    bad.mkdir(exist_ok=True)
    said = [{"role": "user", "content": "Where?"}, {"role": "assistant", "content": "shelf"}]
    files: dict[str, list[object]] = {
        "column": [{"sentence": "hello"}] * 8,
        "role": [{"messages": [{"role": "teacher", "content": "Where?"}, said[1]]}] * 8,
        "string": [{"messages": "Where? shelf"}] * 8,
        "mixed": [{"messages": said, "id": 1}, {"messages": said, "id": ["a"]}] * 8,
        "asked": [{"messages": said[:1]}] * 8,
        "hollow": [{"messages": []}] * 8,
        "label": [{"messages": said[:1], "label": 7}] * 8,
        "image": [{"messages": [{"role": "user", "content": "<image>Where?"}, said[1]], "images": ["/nowhere.png"]}]
        * 8,
        "one": [{"messages": said}],
        "long": [{"messages": [said[0], {"role": "assistant", "content": "shelf " * 900}]}] * 600,
    }
    for name, content in files.items():
        (bad / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    (bad / "half.jsonl").write_text("\n".join([*rows[:9], rows[9][:60], *rows[10:]]) + "\n", encoding="utf-8")
    gbk = json.dumps({"messages": [said[0], {"role": "assistant", "content": "书架"}]}, ensure_ascii=False) + "\n"
    (bad / "gbk.jsonl").write_bytes((gbk * 8).encode("gbk"))
    (lab / "broken.py").write_text("def (\n", encoding="utf-8")
    for name, text in (("baditems", "no JSON\n"), ("noquery", '{"foo": "bar"}\n'), ("noitems", "")):
        (lab / name).mkdir(exist_ok=True)
        (lab / name / "items.jsonl").write_text(text, encoding="utf-8")
    make_models(lab)


def make_models(lab: Path) -> None:
    """Folders that look like models."""
    for name in ("hollow", "cut", "weightless", "halfconfig", "alien"):
        shutil.rmtree(lab / name, ignore_errors=True)
    (lab / "hollow").mkdir()
    for name, file in (
        ("cut", "model.safetensors"),
        ("weightless", "model.safetensors"),
        ("halfconfig", "config.json"),
    ):
        shutil.copytree(lab / "tiny", lab / name)
        whole = (lab / name / file).read_bytes()
        (lab / name / file).write_bytes(whole[: len(whole) // 2])
    (lab / "weightless/model.safetensors").unlink()
    (lab / "alien").mkdir()
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["nowhere_proj"],
    }
    (lab / "alien/adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
