"""`--set KEY=VALUE` over what the file says."""

import json
from typing import Any

import pytest

from swiftci.config.load import load_config
from swiftci.config.model import Config
from swiftci.spec.problem import Problem
from tests.conftest import Repo

CONFIG = """name: a
train:
  args: {model: owner/model, dataset: [owner/data, owner/more], max_steps: 50}
evaluate:
  datasets: [ceval]
  args: {dataset_args: {ceval: {few_shot_num: 5}}}
gate:
  - {metric: ceval.acc, at_least: 0.5}
"""


def override(repo: Repo, *sets: str) -> tuple[Config | None, list[str]]:
    repo.write({"configs/a.yaml": CONFIG})
    problems: list[Problem] = []
    loaded = load_config(repo.root, "configs/a.yaml", problems, sets)
    return loaded.config if loaded else None, [f"{p.position or '-'} {p.code}: {p.message}" for p in problems]


GOOD: list[tuple[str, str, Any]] = [
    ("train.args.max_steps=2", "train.args.max_steps", "2"),
    ("train.args.max_steps=010", "train.args.max_steps", "010"),
    ("train.args.seed=7", "train.args.seed", "7"),
    ("train.args.system=", "train.args.system", ""),
    ('train.args.system="a: b # c"', "train.args.system", "a: b # c"),
    ("train.args.system=a=b", "train.args.system", "a=b"),
    ("train.args.dataset=[c/d, e/f]", "train.args.dataset", ["c/d", "e/f"]),
    ("train.args.dataset.1=c/d", "train.args.dataset", ["owner/data", "c/d"]),
    ("train.args.dataset=c/d", "train.args.dataset", "c/d"),
    ("train.gpus=0", "train.gpus", 0),
    ("train.env.A=1", "train.env.A", "1"),
    ("name=b", "name", "b"),
    ("evaluate.base=true", "evaluate.base", True),
    ("evaluate.datasets.0=ceval", "evaluate.datasets", ("ceval",)),
    ("evaluate.args.dataset_args.ceval.few_shot_num=0", "evaluate.args.dataset_args", {"ceval": {"few_shot_num": 0}}),
    ("evaluate.args={limit: 3}", "evaluate.args", {"limit": "3"}),
    ("gate.0.at_least=0.9", "gate.rules.0.at_least", 0.9),
    ("gate.0.at_most=1", "gate.rules.0.at_most", 1.0),
    ("gate=[]", "gate.rules", ()),
    ("on.push=main", "on.push", ("main",)),
    ("limits={job_minutes: 5}", "limits.job_minutes", 5),
]


@pytest.mark.parametrize(("text", "key", "value"), GOOD, ids=[text for text, _, _ in GOOD])
def test_value_is_overridden_and_read_as_yaml(text: str, key: str, value: Any, repo: Repo) -> None:
    config, problems = override(repo, text)

    found: Any = config
    for part in key.split("."):
        if isinstance(found, (tuple, list)):
            found = found[int(part)]
        else:
            found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert problems == []
    assert found == value


def test_what_is_not_overridden_stays(repo: Repo) -> None:
    before, _ = override(repo)

    after, _ = override(repo, "train.args.max_steps=2")

    assert before and after
    assert dict(after.train.args) == {**before.train.args, "max_steps": "2"}
    assert (after.evaluate, after.gate) == (before.evaluate, before.gate)


def test_the_last_of_two_wins(repo: Repo) -> None:
    config, _ = override(repo, "train.args.max_steps=2", "train.args.max_steps=3")

    assert config
    assert config.train.args["max_steps"] == "3"


BAD = {
    "train.args.max_steps": '- usage: "--set train.args.max_steps" should be KEY=VALUE',
    "=1": '- usage: "--set =1" should be KEY=VALUE',
    "train..args=1": '- usage: "--set train..args=1" should be KEY=VALUE',
    ".name=b": '- usage: "--set .name=b" should be KEY=VALUE',
    "name.=b": '- usage: "--set name.=b" should be KEY=VALUE',
    "": '- usage: "--set " should be KEY=VALUE',
    "a." * 3000 + "b=1": '- usage: "--set a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a…" should be KEY=VALUE',
    "train.arg.seed=1": '--set train.arg.seed=1:1:1 unknown-key: unknown key "arg" in train',
    "nmae=b": '--set nmae=b:1:1 unknown-key: unknown key "nmae" in the file',
    "train.gpus=lots": '--set train.gpus=lots:1:1 wrong-type: train.gpus should be a whole number, found text, "lots"',
    "name.x=b": '- usage: "--set name.x=b": name is no map, but text, "a"',
    "train.args.max_steps.x=b": (
        '- usage: "--set train.args.max_steps.x=b": train.args.max_steps is no map, but a whole number, "50"'
    ),
    "name=[b": "--set name=[b:1:3 bad-yaml: did not find expected ',' or ']'",
    "name=~": "--set name=~:1:1 empty: holds nothing",
    "name=#b": "--set name=#b:1:1 empty: holds nothing",
    "name=": "--set name=:1:1 wrong-value: name holds an empty text",
    "name=../b": '--set name=../b:1:1 bad-name: name "../b" cannot be a file name and a job id',
    "name=a\nb": '--set name=a\\x0ab:1:1 bad-name: name "a b" cannot be a file name and a job id',
    "name=\udcff": "--set name=\\udcff:1:1 bad-character: YAML allows no character U+DCFF",
    "\udcff=1": '--set \\udcff=1:1:1 unknown-key: unknown key "\\udcff" in the file',
    "name=\x1b[31m": "--set name=\\x1b[31m:1:1 bad-character: YAML allows no character U+001B",
    "train.args.model=${{ secrets.X }}": (
        "--set train.args.model=${{ secrets.X }}:1:1 expression: `${{` is not allowed in a config"
    ),
    "train.args.hub_token=x": (
        '--set train.args.hub_token=x:1:1 secret-argument: "hub_token" would put a token into the repository'
    ),
    "train.args.dataset.2=c/d": (
        '- usage: "--set train.args.dataset.2=c/d": train.args.dataset has no item "2"; it has 2, and the first is 0'
    ),
    "gate.5.at_least=1": '- usage: "--set gate.5.at_least=1": gate has no item "5"; it has 1, and the first is 0',
    "gate.-1.at_least=1": '- usage: "--set gate.-1.at_least=1": gate has no item "-1"; it has 1, and the first is 0',
    "gate.²=1": '- usage: "--set gate.²=1": gate has no item "²"; it has 1, and the first is 0',
    "name=" + "[" * 60: f"--set name={'[' * 60}:1:41 bomb: nested more than 40 deep",
}


@pytest.mark.parametrize("text", BAD, ids=[ascii(text[:30]) for text in BAD])
def test_mistake_is_placed_at_the_option(text: str, repo: Repo) -> None:
    config, problems = override(repo, text)

    assert problems[:1] == [BAD[text]]
    assert config is None


def test_argument_that_the_tool_lacks_is_placed_at_the_option(repo: Repo) -> None:
    repo.write({"swiftci.yaml": "actions: swiftci/swiftci@v1\n", "configs/a.yaml": CONFIG})

    done = repo.swiftci("plan", "configs/a.yaml", "--set", "train.args.max_step=2")

    assert done.code == 2
    assert done.err == (
        '--set train.args.max_step=2:1:1: error[suspect-argument]: ms-swift has no argument "max_step"\n'
        '  hint: did you mean "max_steps"?\n'
    )
    assert done.out == ""


def test_an_included_file_can_be_set_too(repo: Repo) -> None:
    repo.write(
        {
            "swiftci.yaml": "actions: swiftci/swiftci@v1\n",
            "configs/a.yaml": "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n",
            "configs/sft.yaml": "max_steps: 010\n",
        }
    )

    done = repo.swiftci("plan", "configs/a.yaml", "--set", "train.from=sft.yaml", "--format", "json")

    arguments = {one["name"]: one["value"] for one in json.loads(done.out)["train"]}
    assert arguments["max_steps"] == "8"
