"""Each example is right, short and linted; its commands are what ms-swift and EvalScope take."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from swiftci.cli.generated import generated
from swiftci.config.arguments import Arguments, texts
from swiftci.config.load import Loaded, load_all, load_project
from swiftci.config.train import METHODS
from swiftci.spec.problem import Problem
from swiftci.tools import evalscope, known_arguments, swift
from tests.conftest import Swiftci

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/swiftci.yaml"))
NAMES = [path.name for path in EXAMPLES]
TOOLS = ROOT / ".venv-swift/bin/python"
CLASSES = {"pt": "PretrainArguments", "sft": "SftArguments", "rlhf": "RLHFArguments"}
SERVED = {"rollout": ("rollout", "RolloutArguments"), "teacher": ("deploy", "DeployArguments")}


@cache
def loaded(folder: Path) -> tuple[Loaded, ...]:
    problems: list[Problem] = []
    project = load_project(folder, problems)
    assert project
    return tuple(load_all(folder, project, problems))


@cache
def rendered() -> dict[Path, str]:
    return {path: text for path, text in generated(ROOT).items() if path.is_relative_to(ROOT / "examples")}


ALL = [(folder, one) for folder in EXAMPLES for one in loaded(folder)]
IDS = [one.config.name for _, one in ALL]


def command(argv: list[str], tool: str) -> dict[str, Any]:
    """A command without its interpreter and module."""
    return {"tool": tool, "argv": argv[argv.index("eval") + 1 :] if tool == "evalscope" else argv[3:]}


def training(folder: Path, one: Loaded) -> dict[str, Any]:
    """The training's command, as on one machine with its servers running."""
    train = one.config.train
    resolved = swift.arguments(train, folder, Path("/run/train"))
    words = ["python", "-m", swift.MODULES[train.method]]
    for argument in resolved:
        words += [f"--{argument.name}", *swift.words(argument.value)]
    if train.servers:
        words += ["--vllm_server_host", "127.0.0.1", "--vllm_server_port", "8000"]
    return command(words, CLASSES[train.method])


def servers(one: Loaded) -> list[dict[str, Any]]:
    train, found = one.config.train, []
    for server in train.servers:
        name, tool = SERVED[server.role]
        shared = {key: train.args[key] for key in ("model", *swift.SHARED) if key in train.args}
        args = (shared if server.role == "rollout" else {}) | dict(server.args)
        found.append(command(swift.server_argv("python", name, Arguments(args), "127.0.0.1", 8000), tool))
    serve = one.config.evaluate.serve if one.config.evaluate else None
    if serve:
        model = texts(train.args, "model")[0]
        for adapter in (None, Path("/run/train/checkpoint-1")):
            args = swift.served(train, serve.args, model, adapter, "candidate") | {"infer_backend": serve.backend}
            vector = swift.server_argv("python", "deploy", args, "127.0.0.1", 8000)
            found.append(command(vector, "DeployArguments"))
    return found


def evaluation(folder: Path, one: Loaded) -> list[dict[str, Any]]:
    section = one.config.evaluate
    if section is None:
        return []
    url = "http://127.0.0.1:8000/v1" if section.serve else None
    scored = evalscope.Subject(id="candidate", model="/run/train/checkpoint-1", url=url)
    return [command(evalscope.argv("python", section, scored, Path("/run/eval"), folder), "evalscope")]


def test_there_is_an_example_of_every_kind() -> None:
    trains = [one.config.train for _, one in ALL]

    assert len(EXAMPLES) >= 10
    assert {"sft", "rlhf", "megatron-sft"} <= {train.method for train in trains} <= set(METHODS)
    assert {texts(train.args, "rlhf_type")[0] for train in trains if train.method == "rlhf"} >= {"dpo", "grpo"}
    assert any(train.nodes > 1 for train in trains)
    assert any(train.servers for train in trains)


@pytest.mark.parametrize("folder", EXAMPLES, ids=NAMES)
def test_check_has_nothing_to_say(
    folder: Path, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".swiftci", "model"))
    if (folder / "make_model.py").exists():
        (copy / "model").mkdir()  # which its user makes first
    monkeypatch.chdir(copy)

    done = swiftci("check")

    assert (done.code, done.out, done.err) == (0, f"ok: {len(loaded(folder))} config\n", "")


@pytest.mark.parametrize("path", sorted(rendered()), ids=lambda path: path.parents[2].name)
def test_workflow_is_the_one_that_is_rendered(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == rendered()[path], "run `swiftci sync`"


def test_no_workflow_is_left_of_a_config_that_is_gone() -> None:
    assert set(ROOT.glob("examples/*/.github/workflows/*")) == set(rendered())


@pytest.mark.parametrize("folder", EXAMPLES, ids=NAMES)
def test_readme_is_short_and_stands_in_the_list(folder: Path) -> None:
    lines = [line for line in (folder / "README.md").read_text().splitlines() if line]
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\) \|", (ROOT / "examples/README.md").read_text(), re.MULTILINE)

    assert 5 <= len(lines) <= 12
    assert lines[0].startswith("# ")
    assert folder.name in listed


@pytest.mark.parametrize(("folder", "one"), ALL, ids=IDS)
def test_what_is_evaluated_is_gated_with_a_metric_of_it(folder: Path, one: Loaded) -> None:
    gated = {rule.metric.split(".")[0] for rule in one.config.gate.rules}

    assert gated <= set(one.config.evaluate.datasets if one.config.evaluate else ())
    assert bool(gated) is bool(one.config.evaluate)


def memory(layers: int, inner: int, queries: int, tokens: int) -> list[float]:
    """Gigabytes of QLoRA, rank 8, of a Qwen3 with hidden size 5,120 and 8 heads for keys and values."""
    hidden, keys, words = 5120, 1024, 151936
    linear = layers * (2 * hidden * queries + 2 * hidden * keys + 3 * hidden * inner)
    bits = 4 + 8 / 64 + 32 / (64 * 256)  # a scale for 64 weights, in 8 bits; one for 256 scales
    lora = layers * 8 * (2 * (hidden + queries) + 2 * (hidden + keys) + 3 * (hidden + inner))
    parts = [linear * bits / 8, 2 * words * hidden * 2, lora * 16, layers * tokens * hidden * 2, tokens * words * 14]
    return [*(part / 1e9 for part in parts), 0.6]


@pytest.mark.parametrize(("model", "layers", "inner", "queries"), [("14B", 40, 17408, 5120), ("32B", 64, 25600, 8192)])
def test_the_arithmetic_of_qlora_is_right(model: str, layers: int, inner: int, queries: int) -> None:
    text = (ROOT / "examples/qlora-24gb/README.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith(f"| Qwen3-{model} "))
    parts = memory(layers, inner, queries, 2048)

    *written, total = (float(cell) for cell in row.strip("| ").split(" | ")[1:])

    assert written == [round(part, 1) for part in parts]
    assert total == round(sum(parts), 1)
    assert (total < 0.9 * 24 * 2**30 / 1e9) is (model == "14B")
    longer = sum(memory(layers, inner, queries, 4096 if model == "14B" else 1024))
    assert f"{longer:.1f} GB" in text


@pytest.mark.parametrize(("folder", "one"), ALL, ids=IDS)
def test_arguments_of_each_example_are_on_the_recorded_lists(folder: Path, one: Loaded) -> None:
    """For Megatron the only test: its classes cannot be imported without Megatron-Core."""
    known = known_arguments.of(one.config.train.method)

    for argument in swift.arguments(one.config.train, folder, Path("/run/train")):
        assert argument.name in known.names
        for text in texts({argument.name: argument.value}, argument.name):
            assert known.wrong(argument.name, text) == "", argument.name


@pytest.mark.real
def test_commands_are_taken_by_the_tools_own_parsers_and_models_and_data_are_registered() -> None:
    commands, models, datasets = [], [], []
    for folder, one in ALL:
        args = one.config.train.args
        commands += [training(folder, one)] if one.config.train.method in CLASSES else []
        commands += [*servers(one), *evaluation(folder, one)]
        models += [name for name in texts(args, "model") if not (folder / name).exists()]
        datasets += [name for name in texts(args, "dataset") if not (folder / name).exists()]
    wrong = {"tool": "SftArguments", "argv": ["--model", "a/b", "--train_type", "lora"]}
    commands += [wrong, {"tool": "SftArguments", "argv": ["--torch_dtype", "fp12"]}]
    asked = json.dumps({"commands": commands, "models": models, "datasets": [*datasets, "no/data"]})

    done = subprocess.run(
        [TOOLS, Path(__file__).with_name("parse.py")], input=asked, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    *complaints, unknown, choice = found["complaints"]
    assert complaints == [""] * len(complaints)
    assert unknown == "unknown: ['--train_type', 'lora']"
    assert "invalid choice: 'fp12'" in choice
    assert found["unregistered"] == ["no/data"]
    assert len(complaints) >= 25
