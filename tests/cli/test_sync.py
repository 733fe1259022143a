"""`swiftci sync` rewrites what is generated in swiftci's own repository, here a small one of its shape."""

import pytest

from swiftci.cli.generated import TABLES
from swiftci.spec.problem import CODES
from swiftci.stages import STAGES
from tests.conftest import Repo

STALE = {"actions/train/action.yml", "README.md", "examples/one/.github/workflows/swiftci-a.yml"}


@pytest.fixture
def own(repo: Repo) -> Repo:
    repo.write(
        {
            "src/swiftci/stages/__init__.py": "",
            "README.md": "# Us\n<!-- table: codes -->\nold\n<!-- end -->\ntext\n<!-- table: stages -->\n<!-- end -->\n",
            "examples/README.md": "no example\n",
            "examples/no-project/file.txt": "",
            "examples/one/swiftci.yaml": "actions: swiftci/swiftci@v1\n",
            "examples/one/configs/a.yaml": "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n",
        }
    )
    return repo


def files(repo: Repo) -> dict[str, bytes]:
    found = (path for path in repo.root.rglob("*") if path.is_file())
    return {path.relative_to(repo.root).as_posix(): path.read_bytes() for path in found}


def test_check_shows_what_is_stale_and_writes_nothing(own: Repo) -> None:
    before = files(own)

    done = own.swiftci("sync", "--check")

    assert done.code == 2
    assert done.err.startswith("stale: ")
    assert all(name in done.err for name in STALE)
    assert done.err.endswith("; run `swiftci sync`\n")
    assert "-old\n" in done.out
    assert files(own) == before


def test_sync_writes_and_is_then_up_to_date(own: Repo) -> None:
    done = own.swiftci("sync")
    after = files(own)

    assert done.code == 0
    assert {line.removeprefix("+ ") for line in done.out.splitlines()} >= STALE
    assert {f"actions/{stage.name}/action.yml" for stage in STAGES} <= set(after)
    again = own.swiftci("sync", "--check")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert files(own) == after


def test_only_the_tables_of_a_page_change(own: Repo) -> None:
    own.swiftci("sync")

    page = own.read("README.md")
    assert page.startswith("# Us\n<!-- table: codes -->\n| Code | Meaning |\n| --- | --- |\n")
    assert "\n<!-- end -->\ntext\n<!-- table: stages -->\n" in page
    assert "old" not in page.split("\n")
    assert all(f"| `{code}` | " in page for code in CODES)


def test_example_with_a_mistake_is_told(own: Repo) -> None:
    own.write({"examples/one/configs/a.yaml": "nmae: a\n"})

    done = own.swiftci("sync")

    assert done.code == 2
    assert 'error[unknown-key]: unknown key "nmae"' in done.err
    assert not (own.root / "actions").exists()


@pytest.mark.parametrize("name", TABLES)
def test_table_is_one(name: str) -> None:
    head, rule, *rows = TABLES[name]().split("\n")

    columns = head.count("|")
    assert set(rule) == {"|", " ", "-"}
    assert rows
    assert all(row.replace("\\|", "").count("|") == columns for row in rows)
