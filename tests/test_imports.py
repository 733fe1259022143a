"""The direction of imports, and what a cheap command must not import."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/swiftci"
ORDER = ("spec", "config", "tools", "store", "evidence", "stages", "plan", "workflow", "engine", "cli")
APART = {("workflow", "engine"), ("engine", "workflow")}
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_a_package_imports_only_from_those_before_it(path: Path) -> None:
    package = path.relative_to(SOURCE).parts[0]
    found = {name.split(".")[1] for name in imported(path) if name.startswith("swiftci.")}

    assert package in ORDER
    assert {one for one in found if ORDER.index(one) > ORDER.index(package)} == set()
    assert not {(package, one) for one in found} & APART


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_click_is_known_to_the_command_line_alone(path: Path) -> None:
    heavy = {name.split(".")[0] for name in imported(path)} & {"click", "torch", "swift", "evalscope"}
    allowed = {"swift", "evalscope"} if path.name.startswith("record_") else set()

    assert heavy <= allowed | ({"click"} if path.relative_to(SOURCE).parts[0] == "cli" else set())


def test_only_tools_start_programs_or_talk_to_a_network() -> None:
    able = {
        "subprocess",
        "socket",
        "urllib.request",
        "http.client",
        "requests",
        "httpx",
        "httpx2",
        "asyncio.subprocess",
        "pty",
        "github",
        "apprise",
        "smtplib",
    }

    assert {path.relative_to(SOURCE).parts[0] for path in FILES if able & set(imported(path))} == {"tools"}


@pytest.mark.parametrize(
    "name",
    [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in FILES
        if not path.name.startswith("record_")  # runs under the tools' own interpreter
    ],
)
def test_module_is_importable_where_the_tools_are_not(name: str) -> None:
    importlib.import_module(name)

    assert not {"swift", "evalscope", "torch", "transformers"} & set(sys.modules)


@pytest.mark.parametrize(
    ("argv", "unwanted"),
    [
        (["--version"], {"click", "yaml", "jinja2"}),
        (["--help"], {"yaml", "jinja2"}),
        (["check"], {"jinja2", "vl_convert", "rich", "jsonschema", "ruamel", "httpx2"}),
        (["plan", "configs/smollm2.yaml"], {"jinja2", "vl_convert", "rich", "jsonschema", "ruamel"}),
    ],
    ids=["--version", "--help", "check", "plan"],
)
def test_a_command_imports_nothing_that_it_does_not_need(argv: list[str], unwanted: set[str]) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['swiftci', *{argv!r}]\n"
        "try:\n    runpy.run_module('swiftci', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print('\\nMODULES', *sys.modules)"
    )
    example = SOURCE.parents[1] / "examples/smollm2"

    done = subprocess.run([sys.executable, "-c", code], cwd=example, capture_output=True, text=True, check=True)

    modules = {name.split(".")[0] for name in done.stdout.split("MODULES")[1].split()}
    assert "swiftci" in modules
    assert modules & unwanted == set()
