"""The documents name only what exists."""

import re
from pathlib import Path

import click
import pytest

from swiftci.cli import COMMANDS, group
from swiftci.config.budget import Budget
from swiftci.config.evaluate import Evaluate
from swiftci.config.model import Config, Limits
from swiftci.config.project import Project, Secrets, Storage
from swiftci.config.read import Section
from swiftci.config.train import Train
from swiftci.spec.exit import MEANING
from swiftci.spec.option import options, written
from swiftci.spec.problem import CODES
from swiftci.stages import STAGES
from tests.conftest import Swiftci

ROOT = Path(__file__).parents[1]
CHINESE = ROOT / "README.zh-CN.md"
READMES = [ROOT / "README.md", CHINESE]
PAGES = [*READMES, ROOT / ".github/CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
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
        if isinstance(command, click.Group) and rest and rest[0] in command.list_commands(None):  # type: ignore[arg-type] # likewise
            command = command.get_command(None, rest[0])  # type: ignore[arg-type] # likewise
            assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_a_page_shows_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", page.read_text(), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_links_or_names_exists(page: Path) -> None:
    text = page.read_text()
    linked = [path for path in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in path]
    named = re.findall(r"`((?:src|tests|actions|templates|examples|\.github)/[^`*<…]*)`", text)

    assert [path for path in linked if not (page.parent / path).exists()] == []
    assert [path for path in named if "/.swiftci/" not in path and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_every_anchor_that_a_page_links_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text())
    there = {path: anchors(page.parent / path if path else page) for path, _ in links}

    assert [(path, anchor) for path, anchor in links if anchor not in there[path]] == []


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_swiftci_check_has_nothing_to_say_about_the_configs_on_a_page(
    page: Path, tmp_path: Path, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects, configs = blocks(page, "version:"), blocks(page, "name:")
    assert projects
    for number, (project, config) in enumerate(zip(projects, configs, strict=True)):
        root = tmp_path / str(number)
        (root / "configs").mkdir(parents=True)
        (root / "swiftci.yaml").write_text(project.replace("sha256:…", "sha256:" + "0" * 64))
        (root / f"configs/{config.split()[1]}.yaml").write_text(config)
        monkeypatch.chdir(root)

        done = swiftci("check")

        assert (done.code, done.out, done.err) == (0, "ok: 1 config\n", "")


@pytest.mark.parametrize(
    ("section", "start", "inside"),
    [
        (Project, "version:", ""),
        (Config, "name:", ""),
        (Train, "name:", "train:"),
        (Evaluate, "name:", "evaluate:"),
        (Limits, "name:", "limits:"),
        (Storage, "version:", "store:"),
        (Budget, "version:", "budget:"),
        (Secrets, "version:", "secrets:"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_chinese_page_explains_every_key(section: type[Section], start: str, inside: str) -> None:
    text = blocks(CHINESE, start)[-1]
    indent = ""
    if inside:
        indent, text = "  ", re.split(r"^(?=\S)", text.split(f"\n{inside}", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    explained = re.findall(
        rf"^{indent}(?:# )?([a-z_]+):.* # ", text, re.MULTILINE
    )  # `# key:` where it excludes another

    wanted = [written(section, one.name) for one in options(section)] + (["from"] if section is Train else [])
    assert sorted(explained) == sorted(wanted)


def test_the_chinese_tables_have_every_exit_code_command_and_stage() -> None:
    stages = [(s.name, s.place.value, "是" if s.always else "") for s in STAGES]

    assert [int(row[0]) for row in rows(CHINESE, "退出码")] == [int(code) for code in MEANING]
    assert [row[0] for row in rows(CHINESE, "命令")] == list(COMMANDS)
    assert [(row[0], *row[2:]) for row in rows(CHINESE, "阶段")] == stages


def test_the_readmes_have_the_same_outline_and_the_same_commands_and_outputs() -> None:
    english, chinese = (page.read_text() for page in READMES)

    assert [len(marks) for marks in re.findall(r"^(#+) ", outline(chinese), re.MULTILINE)] == [
        len(marks) for marks in re.findall(r"^(#+) ", outline(english), re.MULTILINE)
    ]
    for language in ("", "json"):
        assert fenced(chinese, language) == fenced(english, language)


def anchors(page: Path) -> set[str]:
    """The names that GitHub gives a page's headings."""
    heads = re.findall(r"^#+ (.+)$", outline(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def outline(text: str) -> str:
    """A page without its code, whose comments are no headings."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def fenced(text: str, language: str) -> list[str]:
    """The code of a page in one language; comments left out, which are translated."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r" +# .*", "", code) for kind, code in found if kind == language]


def blocks(page: Path, start: str) -> list[str]:
    """The YAML on a page that begins so."""
    found = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for text in found if text.startswith(start)]


def rows(page: Path, head: str) -> list[list[str]]:
    """The cells of the table whose first column is headed so."""
    table = re.search(rf"^\| {head} \|.*\n\| ---.*\n((?:\|.*\n)+)", page.read_text(), re.MULTILINE)
    assert table, head
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]


def test_every_problem_code_is_given_somewhere() -> None:
    assert [code for code in CODES if f'"{code}"' not in SOURCE.split("CODES = {")[0] + SOURCE.split("}", 1)[1]] == []
    assert [code for code in CODES if SOURCE.count(f'"{code}"') < 2] == []


def test_every_action_is_used_by_the_self_test_workflow() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    actions = {path.parent.name for path in (ROOT / "actions").glob("*/action.yml")}

    assert actions == {stage.name for stage in STAGES} | {"setup", "plan", "leaderboard"}
    assert [name for name in sorted(actions) if f"$/actions/{name}" not in workflow] == []
