"""Rules 3 to 5 of rendering, read off the templates: a tag is one whole scalar or key, or follows `# `."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "templates"
TEMPLATES = {path.name: path.read_text() for path in sorted(FOLDER.glob("*.yml.j2"))}
STATEMENT = re.compile(r"<%.*?%>")
TAG = r"<< [a-z_.]+(\([a-z_0-9]*\))? >>"
BLOCK = r"<< [a-z_.]+ \| block\((?P<block>\d+)\) >>"
MACRO = r"<< [a-z_]+\([a-z_0-9]*\) \| at\((?P<at>\d+)\) >>"
LITERAL = r"[^<>]*"
CODE = re.compile(
    rf"(?P<margin> *)(?P<item>- )?(?:{MACRO}|([\w-]+|{TAG}):(| {TAG}| ?{BLOCK}| {LITERAL})|{LITERAL})", re.ASCII
)
COMMENT = re.compile(rf"({LITERAL}|<< [a-z_.]+ \| comment >>)*")
EXPRESSION = re.compile(r"\$\{\{.*?\}\}")


def faults(template: str) -> Iterator[str]:
    """What in a template breaks a rule."""
    for line in (STATEMENT.sub("", written).rstrip() for written in template.splitlines()):
        code, hash_, comment = line.partition("# ") if line.lstrip().startswith("# ") else line.partition(" # ")
        found = CODE.fullmatch(code)
        if not found:
            yield f"not one whole scalar or key: {line}"
        elif found["at"] and int(found["at"]) != len(found["margin"]):
            yield f"another margin than at(): {line}"
        elif found["block"] and int(found["block"]) != len(found["margin"]) + 2 * bool(found["item"]) + 2:
            yield f"another margin than block(): {line}"
        if hash_ and not COMMENT.fullmatch(comment):
            yield f"not a comment: {line}"
        if re.match(r" *(- )?run:", code) and re.search(r"<<|\$\{\{|[|>]\s*$", code):
            yield f"run is constant text of one line: {line}"
        for expression in EXPRESSION.findall(code):
            known = r"(steps|needs)\.[a-z]+\.outputs\.[a-z-]+|inputs\.force|github\.token"
            if not re.fullmatch(rf"\$\{{\{{ ({known}) \}}\}}", expression):
                yield f"not a result of ours: {line}"


def test_there_are_templates() -> None:
    assert set(TEMPLATES) == {"action.yml.j2", "leaderboard.yml.j2", "workflow.yml.j2"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_keeps_the_rules(name: str) -> None:
    assert list(faults(TEMPLATES[name])) == []


@pytest.mark.parametrize(
    "line",
    [
        "name: swiftci << name >>",
        "name: << name >> run",
        'name: "<< name >>"',
        "name: '<< name >>'",
        "name: << 'text' >>",
        'name: << "text" >>',
        "name: << name | comment >>",
        "name: << name | upper >>",
        "name: << first >><< second >>",
        "- << name >>-x",
        "x-<< name >>: 1",
        "uses: << a >>@<< b >>",
        "run: << command >>",
        "run: exec << command >>",
        "run: |",
        "run: echo ${{ steps.a.outputs.b }}",
        "    << checkout(2) | at(6) >>",
        "    paths:<< paths | block(4) >>",
        "a: 1 # << name >>",
        "a: 1 # << name | block(2) >>",
        "# << name >>",
        "a: ${{ github.head_ref }}",
        "a: ${{ secrets.A }}",
        "a: ${{ steps.a.outputs.b || github.ref }}",
    ],
)
def test_line_that_breaks_a_rule_is_found(line: str) -> None:
    assert list(faults(line))


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_filter_but_ours_is_used(name: str) -> None:
    used = set(re.findall(r"<<[^>]*\|\s*(\w+)", TEMPLATES[name]))

    assert used <= {"comment", "at", "block"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_use_is_one_value_with_its_version(name: str) -> None:
    uses = re.findall(r"uses: .*", TEMPLATES[name])

    assert all(re.fullmatch(r"uses: << ([a-z.]+)\.use >> # << \1\.version \| comment >>", use) for use in uses)
