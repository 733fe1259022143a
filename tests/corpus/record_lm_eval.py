"""Record what lm-evaluation-harness really leaves, for tests that may not wait for it.

    python record_lm_eval.py LAB [CASE ...]

Run it with an interpreter that holds lm_eval, torch and transformers. LAB is an absolute scratch directory; the tiny
model of tests/tiny is made there first. Answers come from that model, which is random, and from a server on loopback.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TINY = HERE.parent / "tiny" / "make_model.py"
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OPENAI_API_KEY": "none"}
MODEL = ("--model", "hf", "--model_args", "pretrained={lab}/tiny,dtype=float32", "--device", "cpu")
SERVER = ("--model", "local-chat-completions", "--apply_chat_template", "--model_args")
ADDRESS = "model=tiny,base_url=http://127.0.0.1:{port}/v1/chat/completions,num_concurrent=1"

CASES = {
    "choices": (*MODEL, "--tasks", "places,tools_text", "--log_samples"),
    "answers": (*SERVER, ADDRESS, "--tasks", "tools_answer", "--log_samples"),
    "without-samples": (*MODEL, "--tasks", "places"),
    "predict-only": (*SERVER, ADDRESS, "--tasks", "tools_answer", "--predict_only"),
}

CHOICE = """task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {lab}/data/{name}.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: gold
metric_list:
- {{metric: acc, aggregation: mean, higher_is_better: true}}
- {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
GROUP = """group: places
task: [tools, more_tools]
aggregate_metric_list:
- {metric: acc, weight_by_size: true}
metadata: {version: 1.0}
"""
TEXT = """task: tools_text
dataset_path: json
dataset_kwargs: {{data_files: {{test: {lab}/data/tools.jsonl}}}}
test_split: test
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{{{question}}}}"
metric_list:
- {{metric: word_perplexity}}
- {{metric: bits_per_byte}}
metadata: {{version: 1.0}}
"""
ANSWER = """task: tools_answer
dataset_path: json
dataset_kwargs: {{data_files: {{test: {lab}/data/tools.jsonl}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: answer
generation_kwargs: {{until: ["\\n"], max_gen_toks: 8, do_sample: false}}
repeats: 3
filter_list:
- name: strict-match
  filter: [{{function: regex, regex_pattern: "^(\\\\w+)$"}}, {{function: take_first}}]
- name: maj@3
  filter: [{{function: regex, regex_pattern: "(\\\\w+)\\\\.?$"}}, {{function: majority_vote}}, {{function: take_first}}]
metric_list:
- {{metric: exact_match, aggregation: mean, higher_is_better: true}}
- {{metric: bleu, aggregation: bleu, higher_is_better: true}}
metadata: {{version: 1.0}}
"""


def prepare(lab: Path) -> None:
    """Make the model, the data and the tasks, once."""
    if (lab / "tasks").is_dir():
        return
    subprocess.run([sys.executable, str(TINY), str(lab / "tiny")], check=True)
    sys.path.insert(0, str(TINY.parent))
    from make_model import PLACES, facts

    rows = [
        {"question": asked, "answer": place, "choices": list(PLACES), "gold": PLACES.index(place)}
        for asked, place in facts()
    ]
    (lab / "data").mkdir()
    for name, some in (("tools", rows[:10]), ("more_tools", rows[10:16])):
        lines = [json.dumps(row) + "\n" for row in some]
        (lab / "data" / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    (lab / "tasks").mkdir()
    tasks = {name: CHOICE.format(name=name, lab=lab) for name in ("tools", "more_tools")}
    tasks |= {"places": GROUP, "text": TEXT.format(lab=lab), "answer": ANSWER.format(lab=lab)}
    for name, text in tasks.items():
        (lab / "tasks" / f"{name}.yaml").write_text(text, encoding="utf-8")


@contextmanager
def serving() -> Iterator[int]:
    """Answers chats: in one word, in a sentence, or wrongly, in turn."""
    replies = iter(("shelf", "It is the box.", "box", "shelf", "drawer") * 1000)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            message = {"role": "assistant", "content": next(replies)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            data = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


def record(case: str, lab: Path) -> None:
    """Run a case, and keep its results without the machine's description."""
    out = lab / "out" / case
    shutil.rmtree(out, ignore_errors=True)
    with serving() as port:
        values = [word.replace("{lab}", str(lab)).replace("{port}", str(port)) for word in CASES[case]]
        argv = [sys.executable, "-m", "lm_eval", "run", *values, "--include_path", str(lab / "tasks")]
        subprocess.run([*argv, "--output_path", str(out)], check=True, env=os.environ | ENVIRONMENT, cwd=lab)
    target, slug = HERE / "lm_eval" / case, str(lab).replace("/", "__")
    shutil.rmtree(target, ignore_errors=True)
    for source in sorted(out.rglob("*.json*")):
        text = (
            source.read_text(encoding="utf-8").replace(str(lab), "/lab").replace(str(lab).replace("/", "__"), "__lab")
        )
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8000", text)
        if source.suffix == ".json":
            text = json.dumps(trimmed(json.loads(text)), ensure_ascii=False, indent=1) + "\n"
        path = target / source.parent.name.replace(slug, "__lab") / source.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def trimmed(results: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in results.items() if name not in ("pretty_env_info", "git_hash")}


def main() -> None:
    """Record the cases that were named, or all."""
    lab, wanted = Path(sys.argv[1]), sys.argv[2:]
    prepare(lab)
    for case in wanted or CASES:
        record(case, lab)


if __name__ == "__main__":
    main()
