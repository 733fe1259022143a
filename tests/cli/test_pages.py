"""What the README shows is what swiftci does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from swiftci.config.model import Config
from swiftci.config.project import Project
from swiftci.config.read import Section
from swiftci.spec.option import options, written
from swiftci.stages import STAGES
from swiftci.store.record import SMALL
from tests.conftest import Repo

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_mistake_is_shown_as_check_shows_it(repo: Repo) -> None:
    shown = next(block for _, block in BLOCKS if "error[" in block)
    repo.swiftci("init")
    lines = repo.read("configs/example.yaml").split("\n")
    _, number, column, *_ = shown.split(":")
    lines[int(number) - 1] = " " * (int(column) - 1) + "max_stpes: 100"
    repo.write({"configs/example.yaml": "\n".join(lines)})

    assert repo.swiftci("check").out == shown


def test_project_and_config_pass_check_and_generate(repo: Repo) -> None:
    project, config = [block for kind, block in BLOCKS if kind == "yaml"][:2]
    repo.write({"swiftci.yaml": project.replace("…", "0" * 64), "configs/qwen3-4b-zh.yaml": config})

    checked = repo.swiftci("check")

    assert checked.out == "ok: 1 config\n"
    assert repo.swiftci("generate").code == 0


def test_workflow_of_ones_own_uses_what_is_there() -> None:
    shown = next(block for kind, block in BLOCKS if kind == "yaml" and "jobs:" in block)

    steps: list[dict[str, Any]] = [
        step for job in yaml.safe_load(shown)["jobs"].values() for step in job["steps"] if "swiftci/" in step["uses"]
    ]

    assert steps
    for step in steps:
        name = step["uses"].partition("/actions/")[2].partition("@")[0]
        action = yaml.safe_load((ROOT / "actions" / name / "action.yml").read_text())
        assert set(step["with"]) <= set(action["inputs"])
        assert {key for key, one in action["inputs"].items() if one["required"]} <= set(step["with"])


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_stage_has_an_action_and_a_row(stage: str) -> None:
    assert (ROOT / "actions" / stage / "action.yml").is_file()
    assert f"| `{stage}` |" in README.partition("<!-- table: stages -->")[2].partition("<!-- end -->")[0]


@pytest.mark.parametrize(("table", "section"), [("project", Project), ("config", Config)])
def test_every_key_of_a_file_has_a_row(table: str, section: type[Section]) -> None:
    rows = README.partition(f"<!-- table: {table} -->")[2].partition("<!-- end -->")[0]

    for one in options(section):
        assert f"| `{written(section, one.name)}` |" in rows


def test_files_of_a_run_are_those_that_stages_write() -> None:
    sentence = re.search(r"run directory, .*?: (.*?):?\n", README)
    assert sentence

    named = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", sentence[1])}

    assert named - {"train", "eval"} == set(SMALL)
