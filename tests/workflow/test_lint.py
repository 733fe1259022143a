"""Every rendered workflow and action, before linters as strict as they can be: nothing to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("tests/workflow/golden/*.yml", "examples/*/.github/workflows/*.yml")
    for path in ROOT.glob(pattern)
)
PINNED = [path for path in WORKFLOWS if not path.endswith("/unpinned.yml")]
ACTIONS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("actions/*/action.yml"))
ZIZMOR = ["zizmor", "--offline", "--no-progress", "--persona", "auditor", "--strict-collection"]
ACTIONLINT = ["actionlint", "-config-file", "tests/actionlint.yaml"]
SCHEMA = ["check-jsonschema", "--builtin-schema"]


def lint(*argv: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(argv[0])
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("GH_", "ZIZMOR_"))}
    return subprocess.run([program, *argv[1:]], cwd=ROOT, env=environ, capture_output=True, text=True)


def test_there_is_something_to_lint() -> None:
    assert len(WORKFLOWS) >= 19
    assert len(ACTIONS) >= 8


@pytest.mark.parametrize(
    "argv",
    [
        [*ZIZMOR, *PINNED, *ACTIONS],
        [*ACTIONLINT, *WORKFLOWS],
        [*SCHEMA, "vendor.github-workflows", *WORKFLOWS],
        [*SCHEMA, "vendor.github-actions", *ACTIONS],
    ],
    ids=["zizmor", "actionlint", "workflow-schema", "action-schema"],
)
def test_linter_has_nothing_to_say(argv: list[str]) -> None:
    done = lint(*argv)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr


def test_the_only_finding_of_an_unpinned_workflow_is_that() -> None:
    done = lint(*ZIZMOR, "--format", "json", "tests/workflow/golden/unpinned.yml")

    assert {finding["ident"] for finding in json.loads(done.stdout)} == {"unpinned-uses"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("permissions: {}", "permissions: write-all"),
        ("persist-credentials: false", "persist-credentials: true"),
        ("# zizmor: ignore[self-hosted-runner]", "# "),
        ("needs: [plan, train]", "needs: [plan, trian]"),
        ("timeout-minutes: 720", "timeout-minutes: soon"),
    ],
)
def test_linters_would_see_a_fault(old: str, new: str, tmp_path: Path) -> None:
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    text = (ROOT / "tests/workflow/golden/secrets.yml").read_text()
    assert old in text
    (folder / "swiftci-model.yml").write_text(text.replace(old, new))
    path = str(folder / "swiftci-model.yml")

    codes = [lint(*ZIZMOR, path).returncode, lint(*ACTIONLINT, path).returncode]

    assert codes != [0, 0]
