"""Whether a workflow on disk is still what its config says, and what `generate` does about it."""

import os
import re

import pytest

from swiftci.workflow.drift import newer, pins, tree_digest
from swiftci.workflow.pin import DEFAULT
from swiftci.workflow.tree import read_tree
from tests.conftest import Ran, Repo

FILE = ".github/workflows/swiftci-a.yml"
CHECKOUT = DEFAULT["actions/checkout"]
COMMIT = "f" * 40
PROJECT = "actions: swiftci/swiftci@v1\n"
CONFIG = """name: a
on: {push: main}
train:
  args: {model: owner/model, dataset: owner/data, learning_rate: 1e-4}
evaluate: {datasets: [ceval]}
gate: [{metric: ceval.acc, at_least: 0.5}]
limits: {job_minutes: 60}
"""
LOCK_OURS = f"  swiftci/swiftci:\n    version: v1\n    commit: {'a' * 40}\n"


@pytest.fixture
def fresh(repo: Repo) -> Repo:
    """A repository whose workflow was just generated."""
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})
    assert repo.swiftci("generate").code == 0
    repo.write({"swiftci.lock": repo.read("swiftci.lock") + LOCK_OURS})
    assert repo.swiftci("generate").code == 0
    return repo


def edit(repo: Repo, name: str, old: str, new: str) -> None:
    text = repo.read(name)
    assert old in text
    repo.write({name: text.replace(old, new)})


def check(repo: Repo) -> tuple[int, str]:
    """The exit code of `generate --check`, and what it says but for hints."""
    before = {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()}
    done = repo.swiftci("generate", "--check")
    assert {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()} == before
    return done.code, re.sub(r"\n  hint: .*", "", done.err) + done.out


def rewritten(done: Ran) -> bool:
    return f"+ {FILE}\n" in done.out


def test_what_was_just_generated_is_the_same(fresh: Repo) -> None:
    assert check(fresh) == (0, "ok: 1 workflow\n")


def test_header_names_the_source_and_holds_no_version(fresh: Repo) -> None:
    first, second, *_ = fresh.read(FILE).splitlines()

    assert first == "# Rendered by swiftci from configs/a.yaml: change that file, then run `swiftci generate`."
    assert re.fullmatch("# swiftci: [0-9a-f]{16} [0-9a-f]{16}", second)


def test_equal_file_is_left_alone_to_the_byte_and_the_minute(fresh: Repo) -> None:
    path = fresh.root / FILE
    os.utime(path, (1, 1))
    before = path.read_bytes()

    done = fresh.swiftci("generate")

    assert done.out == f"= {FILE}\n"
    assert (path.read_bytes(), path.stat().st_mtime) == (before, 1)


def test_comments_blank_lines_and_quotes_are_no_drift(fresh: Repo) -> None:
    edit(fresh, FILE, "jobs:\n", "# our own words\n\njobs: # and more\n")
    edit(fresh, FILE, "name: Plan\n", 'name: "Plan"\n')
    edited = fresh.read(FILE)

    assert check(fresh) == (0, "ok: 1 workflow\n")
    assert fresh.swiftci("generate").out == f"= {FILE}\n"
    assert fresh.read(FILE) == edited


def test_windows_lines_are_no_drift(fresh: Repo) -> None:
    fresh.write({FILE: fresh.read(FILE).replace("\n", "\r\n")})

    assert check(fresh) == (0, "ok: 1 workflow\n")


def test_missing_file_is_outdated_and_written(fresh: Repo) -> None:
    before = fresh.read(FILE)
    (fresh.root / FILE).unlink()

    assert check(fresh) == (2, f"{FILE}:1:1: error[outdated]: {FILE} is not there\n")
    assert rewritten(fresh.swiftci("generate"))
    assert fresh.read(FILE) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout-minutes: 60", "timeout-minutes: 61"),
        ("permissions: {}", "permissions: write-all"),
        ("name: Plan\n", "name: Our plan\n"),
        ("  workflow_dispatch:\n", "  workflow_dispatch:\n  pull_request:\n"),
        ("/actions/train@", "/actions/evil@"),
        ("swiftci/swiftci/actions/train@", "other/swiftci/actions/train@"),
        ("    steps:\n", "    steps:\n      - run: id\n"),
        ("# swiftci: ", "# "),
        ("# swiftci: ", "# swiftci: 0"),
        ("jobs:\n", "jobs: [\n"),
        ("jobs:\n", "jobs:\n  plan: {}\n"),
    ],
)
def test_change_by_hand_is_refused_to_be_lost(old: str, new: str, fresh: Repo) -> None:
    edit(fresh, FILE, old, new)
    edited = fresh.read(FILE)
    says = f"{FILE}:1:1: error[edited]: was changed by hand; `swiftci generate` would lose that, so it refuses\n"

    assert check(fresh) == (2, says)
    done = fresh.swiftci("generate")

    assert done.code == 2
    assert "error[edited]" in done.err
    assert done.out == ""
    assert fresh.read(FILE) == edited


@pytest.mark.parametrize(
    "content", ["", "on: push\n", "\0\xff", "{{{", "# swiftci: 0123456789abcdef 0123456789abcdef\n"]
)
def test_file_that_is_not_ours_is_never_overwritten(content: str, fresh: Repo) -> None:
    fresh.write({FILE: content.encode("latin-1")})

    assert check(fresh)[0] == 2
    assert fresh.swiftci("generate").code == 2
    assert (fresh.root / FILE).read_bytes() == content.encode("latin-1")


def test_one_edited_file_keeps_all_from_being_written(fresh: Repo) -> None:
    edit(fresh, FILE, "timeout-minutes: 60", "timeout-minutes: 61")
    fresh.write({"configs/b.yaml": CONFIG.replace("name: a", "name: b")})

    assert fresh.swiftci("generate").code == 2
    assert not (fresh.root / ".github/workflows/swiftci-b.yml").exists()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("configs/a.yaml", "job_minutes: 60", "job_minutes: 61"),
        ("configs/a.yaml", "push: main", "push: [main, next]"),
        ("configs/a.yaml", "datasets: [ceval]", "datasets: [ceval], base: true"),
        ("swiftci.yaml", "actions:", "environment: training\nactions:"),
        ("swiftci.yaml", "actions:", "secrets: {hub: HF_TOKEN}\nactions:"),
        ("swiftci.yaml", "@v1", "@v2"),
        ("swiftci.lock", "a" * 40, "b" * 40),
        ("swiftci.lock", CHECKOUT.version, "v99.0.0"),
        ("swiftci.lock", CHECKOUT.commit, COMMIT),
    ],
)
def test_change_of_what_it_is_made_from_is_outdated_and_rendered_anew(
    name: str, old: str, new: str, fresh: Repo
) -> None:
    if new == "v99.0.0":
        edit(fresh, name, CHECKOUT.commit, COMMIT)
    edit(fresh, name, old, new)

    says = f"{FILE}:1:1: error[outdated]: does not match configs/a.yaml, swiftci.yaml and swiftci.lock any more\n"
    code, said = check(fresh)
    assert (code, said[-len(says) :]) == (2, says)
    assert rewritten(fresh.swiftci("generate"))
    assert check(fresh)[0] == 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("configs/a.yaml", "learning_rate: 1e-4", "learning_rate: 2e-4"),
        ("configs/a.yaml", "at_least: 0.5", "at_least: 0.6"),
        ("configs/a.yaml", "datasets: [ceval]", "datasets: [ceval, cmmlu]"),
        ("configs/a.yaml", "datasets: [ceval]", "datasets: [ceval], args: {limit: 5}"),
        ("configs/a.yaml", "name: a", "# a comment\nname: a"),
        ("swiftci.yaml", "actions:", "language: zh\nactions:"),
        ("swiftci.yaml", "actions:", "python: /opt/python\nactions:"),
    ],
)
def test_what_the_workflow_reads_at_run_time_is_no_drift(name: str, old: str, new: str, fresh: Repo) -> None:
    edit(fresh, name, old, new)

    assert check(fresh) == (0, "ok: 1 workflow\n")


def test_what_only_another_swiftci_would_write_is_a_notice(fresh: Repo) -> None:
    def older(text: str) -> str:
        """The file as a version would have left it that gave the plan job another time."""
        changed = text.replace("timeout-minutes: 10", "timeout-minutes: 11")
        mark = tree_digest(read_tree(changed))
        return re.sub(r"(?m)^# swiftci: \w+", f"# swiftci: {mark}", changed)

    fresh.write({FILE: older(fresh.read(FILE))})

    says = f"{FILE}:1:1: notice[outdated]: this swiftci would write it differently than the one that did\n"
    assert check(fresh) == (0, says + "ok: 1 workflow\n")
    assert rewritten(fresh.swiftci("generate"))
    assert check(fresh) == (0, "ok: 1 workflow\n")


def bump(repo: Repo, version: str = "v99.0.0") -> None:
    """What a bot does: another commit behind every use of an action, and the version in the comment."""
    edit(repo, FILE, f"{CHECKOUT.commit} # {CHECKOUT.version}", f"{COMMIT} # {version}")


def test_newer_pin_of_a_bot_is_a_notice_and_is_kept(fresh: Repo) -> None:
    bump(fresh)
    bumped = fresh.read(FILE)

    says = f"{FILE}:1:1: notice[pins-ahead]: uses other commits than swiftci.lock: actions/checkout v99.0.0\n"
    assert check(fresh) == (0, says + "ok: 1 workflow\n")
    done = fresh.swiftci("generate")

    assert done.code == 0
    assert f"= {FILE}\n" in done.out
    assert fresh.read(FILE) == bumped


@pytest.mark.parametrize("version", [CHECKOUT.version, "v1.0.0", "main", "v7"])
def test_other_commit_that_is_no_newer_version_is_outdated(version: str, fresh: Repo) -> None:
    bump(fresh, version)

    assert check(fresh)[0] == 2
    assert rewritten(fresh.swiftci("generate"))
    assert COMMIT not in fresh.read(FILE)


def test_newer_pin_at_one_place_only_is_outdated(fresh: Repo) -> None:
    text = fresh.read(FILE)
    fresh.write({FILE: text.replace(f"{CHECKOUT.commit} # {CHECKOUT.version}", f"{COMMIT} # v99.0.0", 1)})

    assert check(fresh)[0] == 2


def test_ref_without_a_version_is_outdated(fresh: Repo) -> None:
    edit(fresh, FILE, f"{CHECKOUT.commit} # {CHECKOUT.version}", "main")

    assert check(fresh)[0] == 2


def test_generate_twice_is_stable(repo: Repo) -> None:
    repo.write(
        {"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "configs/b.yaml": CONFIG.replace("name: a", "name: b")}
    )

    first = repo.swiftci("generate")
    files = {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()}
    second = repo.swiftci("generate")

    assert first.out == f"+ {FILE}\n+ .github/workflows/swiftci-b.yml\n+ swiftci.lock\n"
    assert second.out == f"= {FILE}\n= .github/workflows/swiftci-b.yml\n"
    assert {path: path.read_bytes() for path in repo.root.rglob("*") if path.is_file()} == files
    assert check(repo)[0] == 0


def test_generate_writes_nothing_but_workflows_and_the_lock(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    repo.swiftci("generate")

    found = sorted(path.relative_to(repo.root).as_posix() for path in repo.root.rglob("*") if path.is_file())
    assert found == [FILE, "configs/a.yaml", "swiftci.lock", "swiftci.yaml"]


def test_output_folder_gets_the_workflow_and_nothing_else_changes(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    assert repo.swiftci("generate", "--output", "out").code == 0

    found = sorted(path.relative_to(repo.root).as_posix() for path in repo.root.rglob("*") if path.is_file())
    assert found == ["configs/a.yaml", "out/swiftci-a.yml", "swiftci.yaml"]


def test_workflow_whose_config_is_gone_is_named(fresh: Repo) -> None:
    fresh.write({"configs/b.yaml": CONFIG.replace("name: a", "name: b")})
    (fresh.root / "configs/a.yaml").unlink()
    fresh.write({".github/workflows/swiftci-own.yml": "on: push\n"})
    says = f"{FILE}:1:1: error[outdated]: no config renders this workflow any more\n"

    generated = fresh.swiftci("generate")

    assert generated.code == 0
    assert generated.err == says + "  hint: remove it: its triggers still start it\n"
    assert check(fresh) == (2, says)
    assert (fresh.root / FILE).exists()


def test_actions_of_unknown_commit_are_a_notice(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    done = repo.swiftci("generate")

    assert done.code == 0
    assert "notice[unpinned]: swiftci/swiftci is used at v1, which its owner can move" in done.err


@pytest.mark.parametrize("trust", ["internal", "public"])
def test_what_trust_relies_on_is_said(trust: str, repo: Repo) -> None:
    repo.write(
        {
            "swiftci.yaml": f"{PROJECT}trust: {trust}\n",
            "configs/a.yaml": CONFIG.replace("{push", "{pull_request: true, push"),
        }
    )

    done = repo.swiftci("generate")

    assert f"swiftci.yaml says `trust: {trust}`" in done.out
    assert ("require approval for all outside collaborators" in done.out) == (trust == "internal")


@pytest.mark.parametrize(
    "lock",
    [
        "version: 1\nactions: [\n",
        "actions: {a/b: {version: v1}}\n",
        "actions: {a/b: {version: v1, commit: main}}\n",
        "actions: {a/b: {version: '${{ secrets.A }}', commit: " + COMMIT + "}}\n",
        "",
    ],
)
def test_broken_lock_is_told_and_nothing_is_written(lock: str, repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "swiftci.lock": lock})

    done = repo.swiftci("generate")

    assert done.code == 2
    assert done.err.startswith("swiftci.lock:")
    assert not (repo.root / FILE).exists()


@pytest.mark.parametrize(
    ("version", "than", "is_newer"),
    [
        ("v2", "v1", True),
        ("v1.10", "v1.9", True),
        ("v7.0.2", "v7.0.1", True),
        ("2.0", "v1.9.9", True),
        ("v7.0.1", "v7", True),
        ("v1", "v1", False),
        ("v1.9", "v1.10", False),
        ("main", "v1", False),
        ("v2", "main", False),
        ("v2-rc1", "v1", False),
        ("", "", False),
    ],
)
def test_newer(version: str, than: str, is_newer: bool) -> None:
    assert newer(version, than) is is_newer


def test_pins_are_read_off_any_quoting() -> None:
    text = f"""
      uses: a/b@{COMMIT} # v1
      uses: "c/d/e/f@{"0" * 40}" # v2.0
      uses: g/h@v3 # v3
      uses: ./local
    """

    assert pins(text) == {"a/b": (COMMIT, "v1"), "c/d": ("0" * 40, "v2.0")}
