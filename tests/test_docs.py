"""The documents name only what exists."""

import re
from pathlib import Path

import pytest

from swiftci.cli import COMMANDS, group
from swiftci.config.load import load_config, load_project
from swiftci.spec.problem import CODES
from swiftci.stages import STAGES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / ".github/CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    for words in re.findall(r"(?:^\$ |`)swiftci ([^`\n#]+)", page.read_text(), re.MULTILINE):
        name, *rest = words.split()
        if not re.fullmatch(r"[a-z]+", name):
            continue
        assert name in COMMANDS, words
        command = group.get_command(None, name)  # type: ignore[arg-type] # our group asks nothing of the context
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^\$ )make ([a-z]+)", page.read_text(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_links_or_names_exists(page: Path) -> None:
    text = page.read_text()
    linked = [path for path in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in path]
    named = re.findall(r"`((?:src|tests|actions|templates|examples|\.github)/[^`*<…]*)`", text)

    assert [path for path in linked if not (page.parent / path).exists()] == []
    assert [path for path in named if "/.swiftci/" not in path and not (ROOT / path).exists()] == []


def test_the_configs_in_the_readme_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    project, config = blocks[0].replace("sha256:…", "sha256:" + "0" * 64), blocks[1]
    (tmp_path / "swiftci.yaml").write_text(project)
    (tmp_path / "config.yaml").write_text(config)
    problems: list[object] = []

    assert load_project(tmp_path, problems), problems  # type: ignore[arg-type] # a list of problems
    assert load_config(tmp_path, "config.yaml", problems), problems  # type: ignore[arg-type] # likewise


def test_every_problem_code_is_given_somewhere() -> None:
    assert [code for code in CODES if f'"{code}"' not in SOURCE.split("CODES = {")[0] + SOURCE.split("}", 1)[1]] == []
    assert [code for code in CODES if SOURCE.count(f'"{code}"') < 2] == []


def test_every_action_is_used_by_the_self_test_workflow() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    actions = {path.parent.name for path in (ROOT / "actions").glob("*/action.yml")}

    assert actions == {stage.name for stage in STAGES} | {"setup", "plan"}
    assert [name for name in sorted(actions) if f"$/actions/{name}" not in workflow] == []
