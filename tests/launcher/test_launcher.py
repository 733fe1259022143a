"""actions/_lib: swiftci installed once from the source tree that an action lies in, and run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fake.repository import make, outputs, runner_environ, wait_for

ROOT = Path(__file__).parents[2]
STUB = Path(__file__).with_name("stub.py")


def tree(target: Path) -> Path:
    """What a runner gets of this repository: no .git, no environment."""
    for name in ("src", "templates", "actions"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, target / name)
    return target


@dataclass
class Machine:
    """A runner with one Python, a source tree, and a folder for installations."""

    root: Path
    source: Path
    environ: dict[str, str]

    @property
    def launcher(self) -> Path:
        return self.source / "actions" / "_lib" / "swiftci"

    @property
    def home(self) -> Path:
        return self.root / "home of swiftci"

    def start(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.launcher), *arguments],
            cwd=self.root,
            env=self.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **environ)
        out, error = process.communicate(timeout=60)
        return process.returncode, out, error

    def calls(self, module: str) -> list[dict[str, Any]]:
        """Calls of the Python, of one module."""
        path = self.root / "bin" / "calls"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in rows if row["argv"][1:3] == ["-m", module]]

    def installations(self) -> list[Path]:
        return [path.parent for path in self.home.glob("*/ready")]


def python(folder: Path, name: str = "python3") -> None:
    folder.mkdir(exist_ok=True)
    text = STUB.read_text().replace("@HOME@", str(folder))
    (folder / name).write_text(f"#!{sys.executable} -IS\n{text}")
    (folder / name).chmod(0o755)


def bare_path(folder: Path) -> str:
    """A PATH without any Python."""
    folder.mkdir()
    for name in ("dirname", "sh"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return str(folder)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    root = tmp_path / "a runner's folder"
    root.mkdir()
    python(root / "bin")
    path = f"{root}/bin:{bare_path(tmp_path / 'programs')}"
    environ = {"PATH": path, "HOME": str(tmp_path), "SWIFTCI_HOME": str(root / "home of swiftci")}
    yield Machine(root=root, source=tree(root / "source tree"), environ=environ)


# ---------------------------------------------------------------------------------------------- installing


def test_first_call_installs_and_runs(machine: Machine) -> None:
    code, out, error = machine.run("stage", "train")
    first, last = out.splitlines()
    found = json.loads(last)

    assert (code, first, error) == (0, "installing swiftci", "")
    assert found["arguments"] == ["stage", "train"]
    assert {"__main__.py", "cli", "stages", "templates"} <= set(found["installed"])
    assert found["executable"] == str(machine.installations()[0] / "bin" / "swiftci")
    assert found["cwd"] == str(machine.root)


def test_second_call_only_runs(machine: Machine) -> None:
    machine.run("--version")
    code, out, _ = machine.run("--version")

    assert code == 0
    assert "installing" not in out
    assert len(machine.calls("venv")) == len(machine.calls("pip")) == 1


def test_two_at_once_install_once(machine: Machine) -> None:
    (machine.root / "bin" / "slow").touch()
    both = [machine.start("check"), machine.start("check")]
    said = [process.communicate(timeout=60)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert "".join(said).count("installing swiftci") == 1
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]
    assert len(machine.calls("venv")) == len(machine.calls("pip")) == 1


def test_dependencies_are_wheels_by_hash_and_nothing_is_built(machine: Machine) -> None:
    machine.run("check")
    words = machine.calls("pip")[0]["argv"]

    assert {"--require-hashes", "--no-deps", "--no-input"} <= set(words)
    assert words[words.index("--only-binary") + 1] == ":all:"
    assert words[words.index("-r") + 1] == str(machine.source / "requirements.txt")
    assert all("--hash=sha256:" in block for block in requirements())


def requirements() -> list[str]:
    """Each requirement with its hashes."""
    text = (ROOT / "requirements.txt").read_text().replace("\\\n", " ")
    found = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert found
    return found


def test_installer_sees_no_secret(machine: Machine) -> None:
    secrets = {"HF_TOKEN": "hf_secret", "GITHUB_TOKEN": "ghs_secret", "MODELSCOPE_API_TOKEN": "ms_secret"}
    machine.run("check", **secrets, PIP_INDEX_URL="https://mirror.example/simple", https_proxy="http://proxy.example")

    for one in (*machine.calls("venv"), *machine.calls("pip")):
        assert not [value for value in one["environ"].values() if value.endswith("_secret")]
        assert one["environ"]["PIP_INDEX_URL"] == "https://mirror.example/simple"
        assert one["environ"]["https_proxy"] == "http://proxy.example"
    assert machine.calls("swiftci")[0]["environ"]["HF_TOKEN"] == "hf_secret"


def test_installation_that_fails_says_why_and_is_tried_again(machine: Machine) -> None:
    (machine.root / "bin" / "broken").touch()
    code, _, error = machine.run("check")
    (machine.root / "bin" / "broken").unlink()
    again, _, _ = machine.run("check")

    assert code == 5
    assert "  | no matching distribution\n  | and no network\n" in error
    assert "swiftci: swiftci's dependencies could not be installed" in error
    assert again == 0


def test_installation_that_fails_is_an_annotation_on_a_runner(machine: Machine) -> None:
    (machine.root / "bin" / "broken").touch()
    _, _, error = machine.run("check", GITHUB_ACTIONS="true")

    assert "::error title=swiftci::swiftci's dependencies could not be installed" in error


def test_installation_that_was_killed_is_made_anew(machine: Machine) -> None:
    (machine.root / "bin" / "slow").touch()
    process = machine.start("check")
    wait_for(lambda: bool(machine.calls("venv")))
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert machine.installations() == []
    code, _, _ = machine.run("check")

    assert code == 0
    assert len(machine.installations()) == 1


@pytest.mark.parametrize(
    "name",
    ["src/swiftci/cli/run.py", "templates/report.md.j2", "requirements.txt", "pyproject.toml", "src/swiftci/new.py"],
)
def test_changed_source_is_an_installation_of_its_own(machine: Machine, name: str) -> None:
    machine.run("check")
    with (machine.source / name).open("a") as file:
        file.write("\n# changed\n")
    machine.run("check")

    assert len(machine.installations()) == 2


@pytest.mark.parametrize("name", ["src/swiftci/__pycache__/x.pyc", "README.md", "tests/x.py"])
def test_other_files_change_nothing(machine: Machine, name: str) -> None:
    machine.run("check")
    (machine.source / name).parent.mkdir(exist_ok=True)
    (machine.source / name).write_text("x")
    machine.run("check")

    assert len(machine.installations()) == 1


def test_other_python_is_an_installation_of_its_own(machine: Machine) -> None:
    machine.run("check")
    python(machine.root / "bin", "python3.13")
    machine.run("check")

    assert len(machine.installations()) == 2


# ---------------------------------------------------------------------------------------------- which Python


def test_newest_python_is_taken(machine: Machine) -> None:
    python(machine.root / "bin", "python3.12")
    python(machine.root / "bin", "python3.14")
    machine.run("check")
    first = machine.calls("venv")[0]

    assert first["argv"][0] == "-I"
    assert (machine.root / "bin" / "python3.14").read_text() in (machine.installations()[0] / "bin/python").read_text()


def test_old_python_alone_is_refused_with_what_to_do(machine: Machine) -> None:
    """A fake, since no machine of ours has one: its answer to the probe is that of a Python 3.8."""
    (machine.root / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    code, out, error = machine.run("stage", "train")

    assert (code, out) == (2, "")
    assert error.startswith("::error title=swiftci::swiftci needs Python 3.11 or newer with venv")
    assert "apt-get install python3-venv" in error


def test_no_python_is_refused_with_what_to_do(machine: Machine) -> None:
    (machine.root / "bin" / "python3").unlink()
    code, _, error = machine.run("stage", "train")

    assert code == 2
    assert "swiftci needs Python 3.11 or newer" in error


def test_old_python_is_passed_over(machine: Machine) -> None:
    (machine.root / "bin" / "python3.14").write_text("#!/bin/sh\nexit 1\n")
    (machine.root / "bin" / "python3.14").chmod(0o755)

    assert machine.run("check")[0] == 0


# ---------------------------------------------------------------------------------------------- where


def test_jobs_temporary_folder_is_the_default(machine: Machine) -> None:
    del machine.environ["SWIFTCI_HOME"]
    machine.run("check", RUNNER_TEMP=str(machine.root / "temporary"))

    assert list((machine.root / "temporary" / "swiftci").glob("*/ready"))


def test_without_a_runner_a_private_folder_is_used(machine: Machine) -> None:
    del machine.environ["SWIFTCI_HOME"]
    (machine.root / "tmp").mkdir()
    machine.run("check", TMPDIR=str(machine.root / "tmp"))
    (private,) = (machine.root / "tmp").iterdir()

    assert private.name == f"swiftci-{os.geteuid()}"
    assert private.stat().st_mode & 0o777 == 0o700
    assert list(private.glob("*/ready"))


def shared(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def linked(path: Path) -> None:
    (path.parent / "theirs").mkdir(mode=0o700)
    path.symlink_to("theirs")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def file(path: Path) -> None:
    path.touch(mode=0o600)


@pytest.mark.parametrize("prepare", [shared, linked, dangling, file])
def test_private_folder_that_somebody_prepared_is_refused(machine: Machine, prepare: Any) -> None:
    """In /tmp, everybody could have made it."""
    del machine.environ["SWIFTCI_HOME"]
    (machine.root / "tmp").mkdir()
    prepare(machine.root / "tmp" / f"swiftci-{os.geteuid()}")
    code, _, error = machine.run("check", TMPDIR=str(machine.root / "tmp"))

    assert code == 2
    assert "is not a private folder of this user; remove it, or set SWIFTCI_HOME" in error
    assert "Traceback" not in error
    assert machine.calls("venv") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder somebody else's")
def test_private_folder_of_somebody_else_is_refused(machine: Machine) -> None:
    del machine.environ["SWIFTCI_HOME"]
    private = machine.root / "tmp" / "swiftci-0"
    private.mkdir(parents=True, mode=0o700)
    os.chown(private, 4242, 4242)

    assert machine.run("check", TMPDIR=str(machine.root / "tmp"))[0] == 2


# ---------------------------------------------------------------------------------------------- arguments


def test_arguments_arrive_as_they_are(machine: Machine) -> None:
    hostile = ["stage", "$(touch pwned)", "two\nlines", 'quo"te', "", "*", "中文", "--set", "a=b c"]
    _, out, _ = machine.run(*hostile)

    assert json.loads(out.splitlines()[-1])["arguments"] == hostile
    assert not list(machine.root.rglob("pwned"))


def test_nothing_stays_between_the_runner_and_swiftci(machine: Machine) -> None:
    """The launcher becomes swiftci, so that a runner's signal reaches it and no shell that would not hand it on."""
    process = machine.start("check")
    process.communicate(timeout=60)
    (call,) = machine.calls("swiftci")

    assert call["pid"] == process.pid
    assert call["argv"] == ["-I", "-m", "swiftci", "check"]


def test_repository_does_not_shadow_us(machine: Machine) -> None:
    """A checkout may hold a click.py or a folder swiftci; neither is ours."""
    machine.run("check")
    environment = machine.installations()[0]
    (environment / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for name in ("click.py", "yaml.py", "swiftci/__init__.py", "swiftci/__main__.py", "sitecustomize.py"):
        (machine.root / name).parent.mkdir(exist_ok=True)
        (machine.root / name).write_text("raise SystemExit('shadowed')")
    code, out, error = machine.run("stage", "--help", PYTHONPATH=str(machine.root))

    assert (code, error) == (0, "")
    assert "train     Fine-tune the model with ms-swift." in out


# ---------------------------------------------------------------------------------------------- for real


@pytest.mark.real
def test_two_steps_at_once_from_a_tree_without_git(tmp_path: Path) -> None:
    """Needs the package index."""
    source = tree(tmp_path / "actions of swiftci")
    repository = make(tmp_path / "repository")
    (repository.root / "click.py").write_text("raise SystemExit('shadowed')")
    environ = dict(runner_environ(tmp_path / "runner")) | repository.environ
    environ |= {name: os.environ[name] for name in ("PATH", "PIP_INDEX_URL", "PIP_CONFIG_FILE") if name in os.environ}
    environ |= {"SWIFTCI_HOME": str(tmp_path / "home"), "SWIFTCI_CONFIG": "configs/tiny.yaml"}
    steps = [
        subprocess.Popen(
            [str(source / "actions" / "_lib" / "swiftci"), "stage", "download"],
            cwd=repository.root,
            env=environ | {"SWIFTCI_RUN_DIR": str(tmp_path / f"run-{number}")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in "12"
    ]
    said = [step.communicate(timeout=300)[0] for step in steps]

    assert [step.returncode for step in steps] == [0, 0], said
    assert "".join(said).count("installing swiftci") == 1
    assert len(list((tmp_path / "home").glob("*/ready"))) == 1
    assert outputs((tmp_path / "runner" / "github_output").read_text())["checked"] == "3"
