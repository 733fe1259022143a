"""`swiftci init`: a first project that is right, in a folder of which nothing else changes."""

import pytest

from swiftci.config.load import load_project
from tests.conftest import Repo

FILES = {"swiftci.yaml", "configs/example.yaml", ".gitignore"}


def files(repo: Repo) -> set[str]:
    return {path.relative_to(repo.root).as_posix() for path in repo.root.rglob("*") if path.is_file()}


def test_empty_folder_gets_three_files(repo: Repo) -> None:
    done = repo.swiftci("init")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "+ swiftci.yaml\n+ configs/example.yaml\n+ .gitignore: /.swiftci/\n\n"
        "next: edit configs/example.yaml, then\n"
        "  swiftci check\n  swiftci generate\n  swiftci run configs/example.yaml\n"
    )
    assert files(repo) == FILES


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_it_writes_is_right(language: str, repo: Repo) -> None:
    repo.swiftci("init", "--language", language)

    checked = repo.swiftci("check")
    generated = repo.swiftci("generate")
    again = repo.swiftci("generate", "--check")
    planned = repo.swiftci("plan", "configs/example.yaml")

    assert checked.out == "ok: 1 config\n"
    assert (generated.code, again.code, planned.code) == (0, 0, 0)
    assert "+ .github/workflows/swiftci-example.yml\n" in generated.out
    assert files(repo) == FILES | {".github/workflows/swiftci-example.yml", "swiftci.lock"}


def test_no_pull_request_reaches_a_gpu_at_first(repo: Repo) -> None:
    repo.swiftci("init")
    repo.swiftci("generate")

    assert "pull_request:" not in repo.read(".github/workflows/swiftci-example.yml")
    assert "trust: public\n" in repo.read("swiftci.yaml")


@pytest.mark.parametrize(
    ("shell", "option", "language"),
    [("zh_CN.UTF-8", [], "zh"), ("en_US.UTF-8", [], "en"), ("", [], "en"), ("zh_CN.UTF-8", ["--language", "en"], "en")],
)
def test_language_is_the_shells_unless_asked(
    shell: str, option: list[str], language: str, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", shell)

    repo.swiftci("init", *option)

    project = load_project(repo.root, [])
    assert project
    assert project.language == language


@pytest.mark.parametrize("name", ["swiftci.yaml", "configs/example.yaml"])
def test_file_that_is_there_is_never_overwritten(name: str, repo: Repo) -> None:
    repo.write({name: "mine\n"})

    done = repo.swiftci("init")

    assert done.code == 0
    assert f"= {name}: is there already, left as it is\n" in done.out
    assert repo.read(name) == "mine\n"
    assert files(repo) == FILES


def test_link_to_nowhere_is_left_alone(repo: Repo) -> None:
    (repo.root / "swiftci.yaml").symlink_to("elsewhere.yaml")

    repo.swiftci("init")

    assert (repo.root / "swiftci.yaml").is_symlink()
    assert not (repo.root / "elsewhere.yaml").exists()


def test_second_time_changes_nothing(repo: Repo) -> None:
    repo.swiftci("init")
    before = {name: repo.read(name) for name in FILES}

    done = repo.swiftci("init")

    assert done.code == 0
    assert "= .gitignore: has our lines already\n" in done.out
    assert {name: repo.read(name) for name in FILES} == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"/.swiftci/\n"),
        (b"*.pyc\n", b"*.pyc\n/.swiftci/\n"),
        (b"*.pyc", b"*.pyc\n/.swiftci/\n"),
        (b"*.pyc\r\n", b"*.pyc\r\n/.swiftci/\n"),
        (b"# caf\xe9\n", b"# caf\xe9\n/.swiftci/\n"),
        (b"/.swiftci/", b"/.swiftci/"),
        (b"a\r\n/.swiftci/\r\nb\r\n", b"a\r\n/.swiftci/\r\nb\r\n"),
        (b"x/.swiftci/\n", b"x/.swiftci/\n/.swiftci/\n"),
    ],
)
def test_gitignore_gets_our_line_once_and_keeps_its_bytes(before: bytes, after: bytes, repo: Repo) -> None:
    repo.write({".gitignore": before})

    repo.swiftci("init")
    repo.swiftci("init")

    assert (repo.root / ".gitignore").read_bytes() == after
