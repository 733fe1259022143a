"""The command line itself: help, mistakes, exit codes."""

import fcntl
import subprocess
import sys

import click
import pytest

from swiftci import __version__
from swiftci.cli import COMMANDS, group
from swiftci.stages import STAGES
from swiftci.stages.stage import Stage
from tests.conftest import Repo, Swiftci

PROJECT = "actions: swiftci/swiftci@v1\n"
CONFIG = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\n"


def test_version(swiftci: Swiftci) -> None:
    done = swiftci("--version")

    assert (done.code, done.out) == (0, f"swiftci {__version__}\n")


def test_help_lists_every_command_with_its_line(swiftci: Swiftci) -> None:
    done = swiftci("--help")

    assert done.code == 0
    for name, line in COMMANDS.items():
        assert any(row.split() == [name, *line.split()] for row in done.out.splitlines()), name


@pytest.mark.parametrize("name", [*COMMANDS, *(f"stage {stage.name}" for stage in STAGES)])
def test_every_command_has_help_and_documents_its_options(name: str, swiftci: Swiftci) -> None:
    done = swiftci(*name.split(), "--help")
    command: click.Command | None = group
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), word)

    assert (done.code, done.err) == (0, "")
    assert command and command.help
    assert all(one.help for one in command.params if isinstance(one, click.Option))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_stage_without_a_config_says_so(stage: Stage, swiftci: Swiftci) -> None:
    done = swiftci("stage", stage.name)

    assert done.code == 2
    assert "Missing option '--config'" in done.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["chekc"], "No such command 'chekc'."),
        (["check", "--fromat", "json"], "No such option '--fromat'. Did you mean '--format'?"),
        (["check", "--format", "xml"], "'xml' is not one of 'text', 'json', 'github'."),
        (["generate", "--profile", "gitlab"], "'gitlab' is not one of 'github', 'act'."),
        (["generate", "extra"], "Got unexpected extra argument (extra)"),
        (["init", "--language", "de"], "'de' is not one of 'en', 'zh'."),
        (["plan"], "name a config, as in: swiftci plan configs/example.yaml"),
        (["plan", ""], "name a config, as in: swiftci plan configs/example.yaml"),
        (["run"], "Missing argument 'CONFIG'."),
        (["run", "configs/a.yaml", "--until", "nope"], "this plan has no such stage; it has download, train, gate,"),
        (["stage", "nope"], "No such command 'nope'."),
        (["stage", "evaluate", "--config", "configs/a.yaml", "--subject", "both"], "'both' is not one of"),
        (["--verbose"], "No such option '--verbose'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistake_on_the_command_line(argv: list[str], message: str, repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    done = repo.swiftci(*argv)

    assert done.code == 2
    assert message in done.err.replace("\n", " ")
    assert done.out == ""
    assert not (repo.root / ".swiftci").exists()


@pytest.mark.parametrize(
    "argv", [["generate"], ["plan", "x"], ["run", "x"], ["pin"], ["stage", "train", "--config", "x"]]
)
def test_command_without_a_project_shows_the_way_to_one(argv: list[str], repo: Repo) -> None:
    done = repo.swiftci(*argv)

    assert done.code == 2
    assert "error[no-config]: no swiftci.yaml in " in done.err
    assert "hint: `swiftci init` writes one" in done.err
    assert list(repo.root.iterdir()) == []


@pytest.mark.parametrize("argv", [["generate"], ["plan", "configs/a.yaml"], ["run", "configs/a.yaml"]])
def test_every_command_refuses_a_config_with_mistakes(argv: list[str], repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG.replace("model:", "modle:")})

    done = repo.swiftci(*argv)

    assert done.code == 2
    assert 'error[missing-key]: train.args needs "model"' in done.err
    assert sorted(path.name for path in repo.root.iterdir()) == ["configs", "swiftci.yaml"]


def test_sync_works_in_our_own_repository_only(repo: Repo) -> None:
    done = repo.swiftci("sync")

    assert done.code == 2
    assert done.err.startswith("swiftci: error[usage]: sync works in swiftci's own repository\n")


def test_run_directory_in_use_is_no_capacity(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG, "run/.lock": ""})

    with (repo.root / "run/.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = repo.swiftci("stage", "download", "--config", "configs/a.yaml", "--run-dir", "run")

    assert done.code == 6
    assert done.err == f"swiftci: error[busy]: another swiftci works in {repo.root / 'run'}\n"


def test_what_nobody_expected_is_a_bug_with_its_traceback(repo: Repo) -> None:
    done = repo.swiftci("check", "a\0b")  # no shell can pass this on

    assert done.code == 1
    assert "Traceback" in done.err
    assert done.err.endswith("this is a bug; please report it with the lines above\n")


def test_disk_that_refuses_is_no_bug_of_ours(repo: Repo) -> None:
    repo.write({"configs": "a file where a folder should be"})

    done = repo.swiftci("init")

    assert done.code == 4
    assert done.err == f"swiftci: error[disk]: File exists: {repo.root / 'configs'}\n"


def test_reader_that_went_away_is_no_failure(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": "\n".join(f"key{i}: 1" for i in range(5000))})

    command = f"'{sys.executable}' -m swiftci check | head -n 1"
    done = subprocess.run(["bash", "-c", command], cwd=repo.root, capture_output=True, text=True)

    assert done.stdout.startswith("configs/a.yaml:1:1: error")
    assert done.stderr == ""


def test_setup_tells_the_runner_where_it_is(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(repo.root / "output"))
    monkeypatch.setenv("SWIFTCI_EXECUTABLE", "/somewhere/swiftci")

    done = repo.swiftci("setup")

    assert done.code == 0
    assert "/somewhere/swiftci" in repo.read("output")
    assert __version__ in repo.read("output")
