"""The JSON Schemas for editors: what check takes they take, and what they refuse check refuses."""

import json
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from swiftci import __version__
from swiftci.config.load import load_all, load_project
from swiftci.config.model import Config
from swiftci.config.project import FILE, Project
from swiftci.config.read import Section, convert
from swiftci.config.yaml import load, parse
from swiftci.plan import schema
from swiftci.spec.option import Option, options, written
from swiftci.spec.problem import Problem
from swiftci.tools import known_arguments
from tests.conftest import Swiftci

ROOT = Path(__file__).parents[2]
RIGHT = sorted(path for pattern in ("tests/config/ok/*", "examples/*") for path in ROOT.glob(pattern) if path.is_dir())
TRAIN = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data"


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"project": schema.project, "config": schema.config}[name]())


def faults(name: str, text: str) -> list[str]:
    """Where the schema finds something wrong in a text."""
    node = parse(text, name, [])
    assert node
    return sorted({error.json_path for error in validator(name).iter_errors(node.value)})


def sections(cls: type[Section]) -> Iterator[type[Section]]:
    yield cls
    for one in options(cls):
        for kind in one.types:
            inner = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else kind
            if isinstance(inner, type) and issubclass(inner, Section):
                yield from sections(inner)


def defined(name: str, cls: type[Section]) -> dict[str, Any]:
    """The map that a section's definition describes."""
    found = validator(name).schema["$defs"][cls.__name__]
    return dict(found["anyOf"][0] if "anyOf" in found else found)


DECLARED = [
    (name, cls, one)
    for name, root in (("project", Project), ("config", Config))
    for cls in dict.fromkeys(sections(root))
    for one in options(cls)
]
IDS = [f"{cls.__name__}.{one.name}" for _, cls, one in DECLARED]


@pytest.mark.parametrize("name", ["project", "config"])
def test_command_prints_a_schema_of_2020_12_that_names_the_version(name: str, swiftci: Swiftci) -> None:
    done = swiftci("schema", name)

    printed = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["$id"] == f"urn:swiftci:schema:{name}:{__version__}"
    assert printed["title"].startswith(f"swiftci {__version__}: ")
    Draft202012Validator.check_schema(printed)
    assert printed == validator(name).schema


def test_command_knows_no_third_file(swiftci: Swiftci) -> None:
    done = swiftci("schema", "lock")

    assert done.code == 2
    assert "'lock' is not one of 'project', 'config'." in done.err


@pytest.mark.parametrize("name", ["project", "config"])
def test_every_reference_leads_to_a_definition_and_each_is_used(name: str) -> None:
    whole = validator(name).schema
    used = {part.split('"')[0] for part in json.dumps(whole).split('"#/$defs/')[1:]}

    assert used == set(whole["$defs"])


@pytest.mark.parametrize(("name", "cls", "one"), DECLARED, ids=IDS)
def test_every_option_stands_in_it_with_its_help(name: str, cls: type[Section], one: Option) -> None:
    found = defined(name, cls)

    assert found["properties"][written(cls, one.name)]["description"] == one.help
    assert (written(cls, one.name) in found["required"]) is one.required
    assert found["additionalProperties"] is False


@pytest.mark.parametrize("folder", RIGHT, ids=lambda path: path.name)
def test_what_is_right_is_right_by_the_schema(folder: Path) -> None:
    problems: list[Problem] = []
    project = load_project(folder, problems)
    assert project
    texts = [("project", FILE), *(("config", one.path) for one in load_all(folder, project, problems))]

    assert len(texts) > 1
    for name, path in texts:
        node = load(folder / path, path, problems)
        assert node
        assert [error.message for error in validator(name).iter_errors(node.value)] == []


VALUES = [
    "~",
    "none",
    "''",
    "word",
    "5",
    "-1",
    "1.5",
    "true",
    "'7'",
    "[]",
    "[word]",
    "[5, '']",
    "[[a]]",
    "{}",
    "{a: b}",
]


@pytest.mark.parametrize(("name", "cls", "one"), DECLARED, ids=IDS)
def test_reader_and_schema_agree_on_each_value_of_an_option(name: str, cls: type[Section], one: Option) -> None:
    key = written(cls, one.name)
    here = {"$defs": validator(name).schema["$defs"], **defined(name, cls)["properties"][key]}
    strict = not any(isinstance(kind, type) and issubclass(kind, Section) for kind in one.types)

    for text in VALUES:
        node = parse(f"key: {text}", "file", [])
        assert node
        problems: list[Problem] = []
        convert(one, node.entries["key"], problems, key)

        right = Draft202012Validator(here).is_valid(node.value["key"])

        if strict or not problems:  # a section's own check looks at more than types
            assert right is not bool(problems), text


def test_one_item_may_stand_without_its_list_and_a_section_be_written_short() -> None:
    project = "actions: a/b@v1\nrunners: {gpu: gpus, cpu: [a, b]}\ncontainer: image@sha256:0\nhub: huggingface\n"

    assert faults("project", project + "secrets: {hub: TOKEN}\nstore: none\npython:\n") == []
    assert faults("config", TRAIN + "}}\nevaluate: {datasets: ceval, serve: vllm}\non: {push: main}\n") == []


def test_mistakes_are_found_where_they_are() -> None:
    for text, place in {
        "nmae: a\n": "$",
        TRAIN + "}, methd: sft}\n": "$.train",
        TRAIN + "}, method: sfft}\n": "$.train.method",
        TRAIN + "}, gpus: one}\n": "$.train.gpus",
        TRAIN + "}, gpus: 1.5}\n": "$.train.gpus",
        TRAIN + "}, env: [A]}\n": "$.train.env",
        TRAIN + "}, servers: [{role: roll}]}\n": "$.train.servers[0].role",
        TRAIN + "}}\non: {pull_request: yes}\n": "$.on.pull_request",
        TRAIN + "}}\ngate: {metric: a.b, at_least: 1}\n": "$.gate",
        TRAIN + "}}\nevaluate: {}\n": "$.evaluate",
        TRAIN + "}}\nevaluate: {datasets: a, args: {limit: ~}}\n": "$.evaluate",
        "name: a\ntrain: {args: {model: owner/model}}\n": "$.train.args",
        "name: a\ntrain: {}\n": "$.train",
    }.items():
        assert place in faults("config", text), text
    assert faults("project", "actions: a/b@v1\ntrust: intern\nrunner: gpu\n") == ["$", "$.trust"]


@pytest.mark.parametrize("case", ["unknown-key", "wrong-type", "wrong-type-project", "wrong-value", "missing-key"])
def test_wrong_files_of_the_corpus_are_wrong_by_the_schema(case: str) -> None:
    folder = ROOT / "tests/config/err" / case
    expected = (folder / "expected.txt").read_text()
    kinds = ("unknown-key", "wrong-type", "missing-key", "wrong-value")
    wrong = {line.split(":")[0] for line in expected.splitlines() for kind in kinds if f" error[{kind}]: " in line}

    assert wrong
    for path in sorted(wrong):
        problems: list[Problem] = []
        node = load(folder / path, path, problems)
        assert node
        assert not validator("project" if path == FILE else "config").is_valid(node.value), path


@pytest.mark.parametrize("method", ["pt", "sft", "rlhf", "megatron-pt", "megatron-sft", "megatron-rlhf", None])
def test_arguments_are_those_of_the_method(method: str | None) -> None:
    def wrong(argument: str) -> list[str]:
        return faults("config", f"{TRAIN}, {argument}}}{f', method: {method}' if method else ''}}}\n")

    megatron = bool(method and method.startswith("megatron"))
    assert wrong("micro_batch_size: two") == (["$.train.args.micro_batch_size"] if megatron else [])
    assert wrong("per_device_train_batch_size: two") == (
        [] if megatron else ["$.train.args.per_device_train_batch_size"]
    )
    assert wrong("rlhf_type: dop") == (["$.train.args.rlhf_type"] if megatron or method == "rlhf" else [])
    assert wrong("argument_of_a_newer_version: [1]") == []
    assert wrong("output_dir: out") == ["$.train.args.output_dir"]
    assert wrong("hub_token: abc") == ["$.train.args.hub_token"]
    assert wrong("max-length: 5") == ["$.train.args"]


@pytest.mark.parametrize(
    "text", ["7", "'7'", "-7", "1.5", "1e-4", "'1e-4'", "true", "'True'", "yes", "F", "1", "0", "2", "word", "''", "4"]
)
@pytest.mark.parametrize("name", ["lora_rank", "learning_rate", "bf16", "quant_bits", "torch_dtype", "model"])
def test_check_and_schema_agree_on_an_arguments_value(name: str, text: str) -> None:
    node = parse(text, "file", [])
    assert node

    refused = bool(known_arguments.of("sft").wrong(name, node.text))

    place = f"$.train.args.{name}"
    if name == "model":
        assert faults("config", f"name: a\ntrain: {{args: {{model: {text}, dataset: owner/data}}}}\n") == []
    else:
        assert (place in faults("config", f"{TRAIN}, {name}: {text}}}}}\n")) is refused


def test_a_plugin_may_bring_a_tuner_of_its_own() -> None:
    assert faults("config", TRAIN + ", tuner_type: mine}}\n") == ["$.train.args.tuner_type"]
    assert faults("config", TRAIN + ", tuner_type: mine, external_plugins: a.py}}\n") == []


def test_what_a_file_of_ms_swifts_may_hold_need_not_stand_here() -> None:
    assert faults("config", "name: a\ntrain: {from: sft.yaml}\n") == []
    assert faults("config", "name: a\ntrain: {from: 5}\n") == ["$.train.from"]
