"""`swiftci pin`, against a repository on this disk."""

import subprocess
from pathlib import Path

import pytest

from swiftci import __version__
from swiftci.workflow.pin import DEFAULT, Lock, Pin, read_lock, text
from tests.conftest import Repo

FILE = ".github/workflows/swiftci-a.yml"
CHECKOUT = DEFAULT["actions/checkout"]
COMMIT = "f" * 40
CONFIG = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n"


def git(folder: Path, *argv: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "tag.gpgSign=false"]
    done = subprocess.run(["git", *identity, "-C", folder, *argv], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of repositories: team/actions with v1 (annotated), v2 (light), and `next` as a branch."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "team/actions").mkdir(parents=True)
    git(folder / "team/actions", "init", "-q")
    for tag in ("v1", "v2", "next"):
        git(folder / "team/actions", "commit", "-q", "--allow-empty", "-m", tag)
        if tag == "v1":
            git(folder / "team/actions", "tag", "-a", tag, "-m", tag)
        elif tag == "v2":
            git(folder / "team/actions", "tag", tag)
    git(folder / "team/actions", "branch", "next")
    git(folder / "team/actions", "branch", "release/3")
    return folder


@pytest.fixture
def pinned(repo: Repo, server: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.setenv("GITHUB_SERVER_URL", server.as_uri())
    repo.write({"swiftci.yaml": "actions: team/actions@v1\n", "configs/a.yaml": CONFIG})
    return repo


def lock(repo: Repo) -> dict[str, Pin]:
    found = read_lock(repo.root, [])
    assert found
    return found.actions


@pytest.mark.parametrize("ref", ["v1", "v2", "next", "main", "release/3"])
def test_commit_behind_the_projects_ref_is_locked(ref: str, pinned: Repo, server: Path) -> None:
    pinned.write({"swiftci.yaml": f"actions: team/actions@{ref}\n"})
    commit = git(server / "team/actions", "rev-parse", f"{ref}^{{commit}}")

    done = pinned.swiftci("pin")

    assert done.code == 0
    assert lock(pinned) == {**DEFAULT, "team/actions": Pin(version=ref, commit=commit)}
    assert f"team/actions {ref} {commit}\n" in done.out


def test_generate_uses_the_locked_commit(pinned: Repo, server: Path) -> None:
    unpinned = pinned.swiftci("generate")
    commit = git(server / "team/actions", "rev-parse", "v1^{commit}")

    pinned.swiftci("pin")
    done = pinned.swiftci("generate")

    assert "notice[unpinned]" in unpinned.err
    assert (done.code, done.err) == (0, "")
    assert f"uses: team/actions/actions/train@{commit} # v1\n" in pinned.read(FILE)
    assert "team/actions/actions/train@v1" not in pinned.read(FILE)


def test_lock_of_another_ref_is_not_used(pinned: Repo) -> None:
    pinned.swiftci("pin")
    pinned.write({"swiftci.yaml": "actions: team/actions@v2\n"})

    done = pinned.swiftci("generate")

    assert "notice[unpinned]: team/actions is used at v2" in done.err
    assert "team/actions/actions/train@v2 # v2\n" in pinned.read(FILE)


def test_moved_tag_is_followed_when_asked(pinned: Repo) -> None:
    pinned.write({"swiftci.lock": text(Lock(actions={**DEFAULT, "team/actions": Pin(version="v1", commit=COMMIT)}))})
    pinned.swiftci("generate")
    assert COMMIT in pinned.read(FILE)

    pinned.swiftci("pin")
    done = pinned.swiftci("generate")

    assert done.out == f"+ {FILE}\n"
    assert COMMIT not in pinned.read(FILE)


def test_commit_in_the_project_needs_no_lookup(pinned: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "file:///nowhere")
    pinned.write({"swiftci.yaml": f"actions: team/actions@{COMMIT}\n"})

    done = pinned.swiftci("pin")

    assert done.code == 0
    assert lock(pinned) == DEFAULT


def test_newer_pins_of_a_bot_are_folded_back(pinned: Repo) -> None:
    pinned.swiftci("pin")
    pinned.swiftci("generate")
    bumped = pinned.read(FILE).replace(f"{CHECKOUT.commit} # {CHECKOUT.version}", f"{COMMIT} # v99.0.0")
    pinned.write({FILE: bumped})
    assert "notice[pins-ahead]" in pinned.swiftci("generate", "--check").err

    done = pinned.swiftci("pin")

    assert done.code == 0
    assert lock(pinned)["actions/checkout"] == Pin(version="v99.0.0", commit=COMMIT)
    check = pinned.swiftci("generate", "--check")
    assert (check.code, check.err) == (0, "")
    assert pinned.read(FILE) == bumped


def test_next_bump_after_a_folded_one_is_seen_too(pinned: Repo) -> None:
    pinned.swiftci("pin")
    pinned.swiftci("generate")
    for version, commit in (("v99.0.0", "e" * 40), ("v99.1.0", "f" * 40)):
        before = lock(pinned)["actions/checkout"]
        pinned.write({FILE: pinned.read(FILE).replace(f"{before.commit} # {before.version}", f"{commit} # {version}")})
        assert f"actions/checkout {version}" in pinned.swiftci("generate", "--check").err

        pinned.swiftci("pin")

        assert lock(pinned)["actions/checkout"] == Pin(version=version, commit=commit)


def test_older_pins_are_not_folded_back(pinned: Repo) -> None:
    pinned.swiftci("pin")
    pinned.swiftci("generate")
    pinned.write({FILE: pinned.read(FILE).replace(f"{CHECKOUT.commit} # {CHECKOUT.version}", f"{COMMIT} # v1.0.0")})

    pinned.swiftci("pin")

    assert lock(pinned)["actions/checkout"] == CHECKOUT


def test_pins_of_repositories_that_workflows_never_use_stay_out(pinned: Repo) -> None:
    pinned.write({".github/workflows/swiftci-b.yml": f"uses: evil/action@{COMMIT} # v99\n"})

    pinned.swiftci("pin")

    assert set(lock(pinned)) == {*DEFAULT, "team/actions"}


@pytest.mark.parametrize("actions", ["team/actions@v3", "team/none@v1"])
def test_ref_that_is_not_there_is_a_network_failure_and_other_pins_are_kept(actions: str, pinned: Repo) -> None:
    pinned.swiftci("generate")
    pinned.write({FILE: pinned.read(FILE).replace(f"{CHECKOUT.commit} # {CHECKOUT.version}", f"{COMMIT} # v99.0.0")})
    pinned.write({"swiftci.yaml": f"actions: {actions}\n"})

    done = pinned.swiftci("pin")

    assert done.code == 5
    assert "hint: write the commit after the @ in `actions:` instead" in done.err
    assert lock(pinned) == {**DEFAULT, "actions/checkout": Pin(version="v99.0.0", commit=COMMIT)}


def test_broken_lock_is_told_and_kept(pinned: Repo) -> None:
    pinned.write({"swiftci.lock": "actions: [\n"})

    done = pinned.swiftci("pin")

    assert done.code == 2
    assert done.err.startswith("swiftci.lock:1:11: error[bad-yaml]")
    assert pinned.read("swiftci.lock") == "actions: [\n"


def test_lock_is_the_same_text_when_nothing_changed(pinned: Repo) -> None:
    pinned.swiftci("pin")
    before = pinned.read("swiftci.lock")

    pinned.swiftci("pin")

    assert pinned.read("swiftci.lock") == before
    assert f'swiftci: "{__version__}"\n' in before
