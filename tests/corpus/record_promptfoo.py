"""Record what promptfoo really writes, for tests that may not wait for it.

    python record_promptfoo.py LAB PROMPTFOO [CASE ...]

PROMPTFOO is its program, as in `node_modules/.bin/promptfoo` after `npm install promptfoo`; LAB an absolute scratch
directory. Models and judges are JavaScript files, so that nothing is asked over a network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENT = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "true",
}
MODEL = """module.exports = class {{
  id() {{ return '{name}'; }}
  async callApi(prompt) {{
    if (prompt.includes('torch')) return {{ error: 'the model is out' }};
    return {{ output: ['shelf', 'drawer', 'bench', 'box'][prompt.length % 4] }};
  }}
}};
"""
JUDGE = """module.exports = class {
  id() { return 'judge'; }
  async callApi(prompt) {
    if (prompt.includes('drawer')) return { error: 'the judge is out' };
    return { output: JSON.stringify({ pass: true, score: 0.8, reason: 'it is a place' }) };
  }
};
"""
ASKED = "Where is the {{tool}}?"
BRIEF = {"type": "javascript", "value": "output.length / 10", "metric": "brevity"}


def test(tool: str, *asserts: dict[str, Any]) -> dict[str, Any]:
    return {"vars": {"tool": tool, "kind": "for wood" if tool == "saw" else "other"}, "assert": list(asserts)}


def exact(place: str) -> dict[str, Any]:
    return {"type": "equals", "value": place, "metric": "exact"}


TESTS = [
    test("hammer", exact("shelf"), BRIEF),
    test("saw", exact("box"), BRIEF),
    test("drill", exact("bench"), {"type": "contains", "value": "e"}),
    test("chisel", exact("shelf")),
]
RUBRIC = {"type": "llm-rubric", "value": "names a place", "provider": "file://judge.js"}
CASES: dict[str, dict[str, Any]] = {
    "ok": {"tests": TESTS},
    "prompts": {"prompts": [ASKED, "Say in one word where the {{tool}} is."], "tests": TESTS},
    "repeated": {"tests": [*TESTS[:2], {"vars": {"tool": "level", "kind": "other"}}], "repeat": 3},
    "errors": {"tests": [*TESTS, test("torch", exact("bench"))]},
    "judge": {"tests": [test("hammer", RUBRIC)]},
    "judge-out": {"tests": [test("hammer", RUBRIC), test("saw", RUBRIC)]},
    "models": {"providers": ["file://tools.js", "file://other.js"], "tests": TESTS[:1]},
    "nothing-asserted": {"tests": [{"vars": {"tool": "level"}}]},
}


def record(case: str, lab: Path, program: str) -> None:
    """Run a case; failed tests make promptfoo's exit code 100."""
    config = {"prompts": [ASKED], "providers": ["file://tools.js"], **CASES[case]}
    repeat = str(config.pop("repeat", 1))
    shutil.rmtree(lab / case, ignore_errors=True)
    (lab / case).mkdir(parents=True)
    for name in ("tools", "other"):
        (lab / case / f"{name}.js").write_text(MODEL.format(name=name), encoding="utf-8")
    (lab / case / "judge.js").write_text(JUDGE, encoding="utf-8")
    (lab / case / "promptfooconfig.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    options = ("--repeat", repeat, "--max-concurrency", "1", "--no-cache", "--no-table", "--no-progress-bar")
    argv = [program, "eval", "-c", "promptfooconfig.json", "-o", "tools.json", *options]
    environ = os.environ | ENVIRONMENT | {"PROMPTFOO_CONFIG_DIR": str(lab / "home")}
    ended = subprocess.run(argv, cwd=lab / case, env=environ, check=False)
    if ended.returncode not in (0, 100):
        raise SystemExit(f"{case}: promptfoo ended with {ended.returncode}")
    target = HERE / "promptfoo" / case
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    data = json.loads((lab / case / "tools.json").read_text(encoding="utf-8"))
    text = json.dumps(trimmed(data), ensure_ascii=False, indent=1).replace(str(lab), "/lab")
    (target / "tools.json").write_text(text + "\n", encoding="utf-8")


def trimmed(data: Any) -> Any:
    """Without the counts of tokens, which are most of it."""
    if isinstance(data, dict):
        return {key: trimmed(value) for key, value in data.items() if key not in ("tokenUsage", "tokensUsed")}
    return [trimmed(one) for one in data] if isinstance(data, list) else data


def main() -> None:
    """Record the cases that were named, or all."""
    lab, program, wanted = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for case in wanted or CASES:
        record(case, lab, program)


if __name__ == "__main__":
    main()
