"""Configs with a value or two replaced by anything: mistakes are told, never a traceback; what passes is generated."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Repo

PROJECT: dict[str, Any] = {
    "version": 1,
    "configs": "configs/*.yaml",
    "actions": "swiftci/swiftci@v1",
    "trust": "internal",
    "required": False,
    "runners": {
        "gpu": {"labels": ["self-hosted", "gpu"], "group": "gpus", "exclusive": "card"},
        "cpu": "ubuntu-latest",
    },
    "environment": "training",
    "container": {"image": "modelscope/ms-swift@sha256:" + "0" * 64, "options": "--gpus all"},
    "store": "/data/swiftci",
    "cache": "/data/models",
    "hub": {"name": "modelscope", "endpoint": "https://mirror"},
    "secrets": {"hub": ["HF_TOKEN"]},
    "python": "/opt/python",
    "index_url": "https://mirror/simple",
    "language": "zh",
}
CONFIG: dict[str, Any] = {
    "name": "a",
    "on": {"pull_request": True, "push": ["main"], "schedule": ["0 2 * * 1"]},
    "train": {
        "method": "sft",
        "gpus": 1,
        "args": {"model": "owner/model", "dataset": ["owner/data"], "seed": 1, "system": ""},
        "env": {"A": "1"},
    },
    "evaluate": {"datasets": ["ceval"], "base": True, "args": {"limit": 5, "generation_config": {"max_tokens": 5}}},
    "gate": [{"metric": "ceval.acc", "at_least": 0.5, "at_most": 1}],
    "limits": {"job_minutes": 720, "run_minutes": 60},
}
ODD = [
    *[
        "",
        "none",
        "~",
        "~nobody/x",
        "/",
        "..",
        "../x",
        "s3://x",
        "yes",
        "${{ x }}",
        "a\nb",
        "\0",
        "\x1b",
        "模型",
        "x" * 300,
    ]
]
ODD += [
    "**",
    "[",
    "!a",
    "*",
    "'",
    '"',
    "#",
    "a/b/c/d",
    "none.jsonl",
    "a@b",
    "\u2028",
    "GITHUB_TOKEN",
    "0 2 * * 1",
    "${{",
    "-",
]
LEAF = (
    st.sampled_from(ODD)
    | st.text(max_size=8)
    | st.booleans()
    | st.none()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**390, -(10**390), 0, -1])
)
KEYS = st.sampled_from(
    [*PROJECT, *CONFIG, *CONFIG["train"], *CONFIG["evaluate"], "from", "labels", "token", "<<", *ODD]
)
ANYTHING = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)


def places(data: Any) -> Iterator[Callable[[Any], None]]:
    """For each value inside, what replaces it."""
    for key in list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield lambda value, key=key: data.__setitem__(key, value)  # type: ignore[misc] # bound for each key
        yield from places(data[key])


@st.composite
def mutated(draw: st.DrawFn, base: dict[str, Any]) -> str:
    data = json.loads(json.dumps(base))
    for _ in range(draw(st.integers(0, 2))):
        draw(st.sampled_from(list(places(data))))(draw(ANYTHING))
    text = json.dumps(data, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "?", text)  # what no file may hold has its own tests


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(project=mutated(PROJECT), config=mutated(CONFIG))
def test_any_value_anywhere(repo: Repo, project: str, config: str) -> None:
    workflow = repo.root / "out/swiftci-a.yml"
    workflow.unlink(missing_ok=True)
    repo.write({"swiftci.yaml": project, "configs/a.yaml": config})

    checked = repo.swiftci("check")
    generated = repo.swiftci("generate", "--output", "out")
    again = repo.swiftci("generate", "--check", "--output", "out")
    planned = repo.swiftci("plan", "configs/a.yaml")

    assert {checked.code, generated.code, again.code, planned.code} <= {0, 2}
    assert checked.err == ""
    assert generated.code <= checked.code
    assert again.code == generated.code
    assert all(line.isprintable() for line in checked.out.replace("\t", "").split("\n"))


def test_the_bases_have_no_mistake(repo: Repo) -> None:
    repo.write({"swiftci.yaml": json.dumps(PROJECT), "configs/a.yaml": json.dumps(CONFIG)})

    done = repo.swiftci("check")

    assert done.out == "ok: 1 config\n"
