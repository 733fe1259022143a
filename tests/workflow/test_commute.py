"""Rule 6 of rendering: whatever texts users write, the workflow is the same tree with those texts in their places."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swiftci.config.load import load_all, load_project
from swiftci.plan.build import build, watch
from swiftci.spec.problem import Problem
from swiftci.workflow.encode import Expression
from swiftci.workflow.encode import environment as jinja
from swiftci.workflow.pin import read_lock
from swiftci.workflow.render import _prove
from swiftci.workflow.tree import read_tree
from swiftci.workflow.view import Workflow, view
from tests.conftest import Repo

PROJECTS = Path(__file__).parent / "projects"
CASES = ["group", "index-url", "odd-texts", "public", "secrets"]
"""Those of the projects that together have every place of a text."""
HOSTILE = [
    "yes",
    "null",
    "a: b",
    "a #b",
    "- a",
    '"',
    "'",
    "\\",
    "a\nb: c",
    "\r\n",
    "\0",
    "\x1b[31m",
    "\x85",
    "\u2028",
]
HOSTILE += [
    "\ufeff",
    "模型",
    "]",
    "}",
    "{{",
    "$",
    "}}",
    "<< a >>",
    "<% if %>",
    "%%",
    "010",
    "1e-4",
    "22:30",
    "!a",
    "&a",
    "*a",
]
HOSTILE += ["|", ">", "---", "...", "'; echo x; '", "$(id)", "`id`", "\nrun: id", " # zizmor: ignore", "\U0001f600"]
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: "${{" not in text)

Change = Callable[[str], str]


def shown(case: str) -> Workflow:
    """What the template gets for one of the projects; every text of users in it is one of its own."""
    root = PROJECTS / case
    problems: list[Problem] = []
    project = load_project(root, problems)
    assert project
    [loaded] = load_all(root, project, problems)
    assert problems == []
    plan = build(project, loaded, root=root)
    return view(project, plan, read_lock(root, problems), "github", "0" * 16, watch(loaded, root))


def render(workflow: Workflow) -> str:
    return jinja().get_template("workflow.yml.j2").render(workflow=workflow)


def changed(value: Any, change: Change) -> Any:
    """A view, or a tree, with every text changed that is no expression, no key and no secret's name."""
    if isinstance(value, str):
        return value if isinstance(value, Expression) else change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(changed(item, change) for item in value)
    if isinstance(value, dict):
        return {key: changed(item, change) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        kept = {
            name: fields.pop(name) for name in ("secrets", "parts", "needs") if name in fields
        }  # jobs' ids are ours
        for name in {"inputs", "env"} & set(fields):
            kept[name] = tuple((key, changed(item, change)) for key, item in fields.pop(name))
        return dataclasses.replace(value, **kept, **{name: changed(item, change) for name, item in fields.items()})
    return value


def marked(case: str) -> tuple[Workflow, set[str]]:
    """The view with a text of its own in every place, and those texts."""
    marks: set[str] = set()

    def mark(text: str) -> str:
        marks.add(f"text{len(marks)}x")
        return f"text{len(marks) - 1}x"

    return changed(shown(case), mark), marks


@pytest.mark.parametrize("case", CASES)
def test_one_hostile_text_in_every_place(case: str) -> None:
    workflow, marks = marked(case)
    tree = read_tree(render(workflow))

    for text in HOSTILE:

        def hostile(found: str, text: str = text) -> str:
            return text if found in marks else found

        assert read_tree(render(changed(workflow, hostile))) == changed(tree, hostile), text


@given(st.sampled_from(CASES), st.dictionaries(st.integers(0, 60), TEXT, min_size=1, max_size=20))
@example("odd-texts", dict.fromkeys(range(80), "a\nb: ${ { c }}"))
def test_any_texts_in_any_places(case: str, texts: dict[int, str]) -> None:
    workflow, marks = marked(case)
    new = {mark: texts[int(mark[4:-1])] for mark in marks if int(mark[4:-1]) in texts}

    def hostile(found: str) -> str:
        return new.get(found, found)

    assert read_tree(render(changed(workflow, hostile))) == changed(read_tree(render(workflow)), hostile)


def test_most_places_are_in_the_tree() -> None:
    workflow, marks = marked("odd-texts")
    text = json.dumps(read_tree(render(workflow)))

    missing = {mark for mark in marks if mark not in text}

    assert len(missing) < len(marks) / 3  # those in comments, and those that this project has no use for
    assert len(marks) > 40


PROJECT = """actions: swiftci/swiftci@v1
environment: TEXT
container: {image: TEXT, options: TEXT}
runners: {gpu: {labels: [TEXT, gpu], group: TEXT, exclusive: TEXT}, cpu: [self-hosted, TEXT]}
store: "/TEXT"
cache: "/TEXT"
"""
CONFIG = "name: a\non: {push: [TEXT, main]}\ntrain: {args: {model: owner/model, dataset: owner/data}}\n"


def test_from_file_to_workflow(repo: Repo) -> None:
    def workflow(text: str) -> Any:
        scalar = json.dumps(text, ensure_ascii=False)
        project = PROJECT.replace('"/TEXT"', json.dumps("/" + text, ensure_ascii=False)).replace("TEXT", scalar)
        repo.write({"swiftci.yaml": project, "configs/a.yaml": CONFIG.replace("TEXT", scalar)})
        (repo.root / "out/swiftci-a.yml").unlink(missing_ok=True)
        done = repo.swiftci("generate", "--output", "out")
        assert done.code == 0, done.err
        return read_tree(repo.read("out/swiftci-a.yml"))

    mark = "TheirText"
    tree = workflow(mark)

    assert json.dumps(tree).count(mark) == 13
    for text in HOSTILE:

        def hostile(found: str, text: str = text) -> str:
            return found.replace(mark, text)

        if text not in ("\0", "\x85", "\u2028"):  # the first is refused, the others are line breaks where JSON has them
            assert workflow(text) == changed(tree, hostile), text


def broken(key: str, change: Callable[[dict[str, Any]], object]) -> None:
    workflow = shown("secrets")
    tree = read_tree(render(workflow))
    _prove(tree, workflow)
    change(tree)
    with pytest.raises(RuntimeError, match=key):
        _prove(tree, workflow)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("jobs", lambda tree: tree["jobs"].update(extra=tree["jobs"]["plan"])),
        ("needs", lambda tree: tree["jobs"]["train"].pop("needs")),
        ("runs-on", lambda tree: tree["jobs"]["train"].update({"runs-on": "ubuntu-latest"})),
        ("permissions", lambda tree: tree.update(permissions="write-all")),
        ("permissions", lambda tree: tree["jobs"]["plan"]["permissions"].update(contents="write")),
        ("run", lambda tree: tree["jobs"]["train"]["steps"].append({"run": "id"})),
        ("pull_request", lambda tree: tree["on"].update(pull_request=None)),
        ("pull_request", lambda tree: tree["on"].update(pull_request_target=None)),
        ("secrets", lambda tree: tree["jobs"]["plan"]["steps"][0].update(env={"A": "${{ secrets.A }}"})),
        ("secrets", lambda tree: tree["jobs"]["train"]["steps"][2].pop("env")),
        ("secrets", lambda tree: tree["jobs"]["train"].update(env={"A": "${{ secrets['A'] }}"})),
        ("secrets", lambda tree: tree.update(env={"A": "${{ toJSON(secrets.A) }}"})),
    ],
)
def test_proof_sees(key: str, change: Callable[[dict[str, Any]], object]) -> None:
    broken(key, change)
