"""Run directories: whose they are, and who may work in them."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fake.repository import Repository, wait_for


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_runs_in_one_directory_do_not_mix(repository: Repository) -> None:
    first = repository.start("run", "configs/tiny.yaml", "--until", "train", FAKE_HANG="train")
    try:
        wait_for(lambda: "train" in repository.called)
        second = repository.run()
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=20)

    assert second.code == 6
    assert second.err == f"swiftci: error[busy]: another swiftci works in {repository.folder}\n"
    assert repository.called == ["train"]
    assert repository.run("--until", "train").code == 0


def test_two_runs_in_two_directories_work_side_by_side(repository: Repository) -> None:
    running = [repository.start("run", "configs/tiny.yaml", "--until", "gate", "--run-dir", f"run-{n}") for n in "12"]

    assert [process.wait(timeout=60) for process in running] == [0, 0]
    for process in running:
        process.communicate()


def test_folder_with_other_files_is_refused_and_untouched(repository: Repository, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "train").mkdir(parents=True)
    (precious / "train" / "thesis.tex").write_text("years of work")
    ran = repository.run("--run-dir", str(precious))

    assert ran.code == 2
    assert f"swiftci: error[foreign-run]: {precious} holds files, but is no run directory of swiftci's\n" in ran.err
    assert "hint: " in ran.err
    assert contents(precious) == {"train/thesis.tex": b"years of work"}


@pytest.mark.parametrize("name", [".", "..", "configs", "model"])
def test_folder_of_the_repository_is_refused(repository: Repository, name: str) -> None:
    before = contents(repository.root)
    ran = repository.run("--run-dir", name)

    assert ran.code == 2
    assert contents(repository.root) == before


def test_run_of_another_config_is_refused_and_untouched(done: Repository) -> None:
    before = contents(done.folder)
    done.config["name"] = "other"
    done.write()
    ran = done.run("--run-dir", str(done.folder))

    assert ran.code == 2
    assert f"{done.folder} holds a run of tiny, not of other" in ran.err
    assert contents(done.folder) == before


def test_file_is_no_run_directory(repository: Repository) -> None:
    ran = repository.run("--run-dir", "swiftci.yaml")

    assert ran.code == 2
    assert f"{repository.root}/swiftci.yaml is a file, not a run directory" in ran.err


def test_empty_folder_is_taken(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert repository.run("--until", "download", "--run-dir", str(tmp_path / "empty")).code == 0


def test_leftovers_of_a_run_that_was_killed_at_once_are_no_strangers(repository: Repository) -> None:
    repository.folder.mkdir(parents=True)
    for name in (".lock", "digests.json", ".digests.json.0a1b2c3d.part", ".run.json.0a1b2c3d.part"):
        (repository.folder / name).touch()

    assert repository.run("--until", "download").code == 0


@pytest.mark.parametrize("text", ["", "{", '{"schema": 1, "stages": {}}', '{"schema": 7}', "\0\xff"])
def test_damaged_record_is_refused_and_untouched(done: Repository, text: str) -> None:
    (done.folder / "run.json").write_text(text, encoding="latin-1")
    before = contents(done.folder)
    ran = done.run()

    assert ran.code == 2
    assert f"{done.folder}/run.json is damaged" in ran.err
    assert f"hint: remove {done.folder}, and the run starts anew" in ran.err
    assert contents(done.folder) == before


@pytest.mark.parametrize("place", ["/proc/run", "/dev/null/run"])
def test_folder_that_cannot_be_made_is_said(repository: Repository, place: str) -> None:
    ran = repository.run("--run-dir", place)

    assert ran.code == 4
    assert f"swiftci: error[disk]: {place} cannot be written: " in ran.err
    assert "Traceback" not in ran.err


def test_file_that_cannot_be_written_is_no_bug_of_ours(repository: Repository) -> None:
    (repository.root / ".swiftci").mkdir()
    (repository.root / ".swiftci" / "runs").touch()
    ran = repository.run()

    assert ran.code == 4
    assert "swiftci: error[disk]: " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder that root cannot write")
def test_read_only_run_directory_is_said(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    sealed = subprocess.run(["chattr", "+i", str(folder)], capture_output=True)
    if sealed.returncode != 0:
        pytest.skip("this file system has no immutable folders")
    try:
        ran = repository.run("--run-dir", str(folder))
    finally:
        subprocess.run(["chattr", "-i", str(folder)], check=True)

    assert ran.code == 4
    assert f"swiftci: error[disk]: {folder} cannot be written: " in ran.err


def test_run_directory_is_made_with_its_parents(repository: Repository) -> None:
    assert repository.run("--until", "download", "--run-dir", "deep/deeper/run").code == 0
    assert (repository.root / "deep" / "deeper" / "run" / "run.json").is_file()


def test_run_works_from_a_folder_below_the_repositorys(repository: Repository) -> None:
    done = subprocess.run(
        repository.argv("run", "tiny.yaml", "--until", "download"),
        cwd=repository.root / "configs",
        env=repository.environ,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert repository.states == {"download": "succeeded"}


def test_name_with_spaces_and_other_signs_in_the_path(repository: Repository) -> None:
    odd = repository.root.parent / "a $(touch pwned) 'quoted' \"twice\" 中文; *"
    repository.root.rename(odd)
    repository.root = odd
    ran = repository.run("--until", "gate")

    assert ran.code == 0, ran.text
    assert not list(odd.parent.rglob("pwned"))
    flags = repository.calls[0]["argv"]
    assert flags[flags.index("--model") + 1] == str(odd / "model")
