"""`swiftci doctor`: what a machine has and lacks for a run, and what the command ends with."""

from typing import Any

import pytest

from swiftci.cli import doctor
from swiftci.spec.exit import Exit
from swiftci.stages import preflight
from swiftci.stages.preflight import Check
from tests.cli.doctors import examined
from tests.conftest import Repo
from tests.fake.repository import CONFIG, Repository
from tests.stages.stand import context


def test_machine_that_has_all(here: Repository) -> None:
    ran = here.swiftci("doctor", CONFIG)

    assert (ran.code, ran.err) == (0, "")
    assert "✓ tools" in ran.out
    assert "ms-swift 4.6.0, evalscope 1.14.1, torch 2.13.0" in ran.out
    assert "✗" not in ran.out
    assert not (here.root / ".swiftci").exists()


def test_outside_of_a_repository_the_machine_is_looked_at(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("PATH", "/nowhere")

    done = repo.swiftci("doctor")

    assert done.code == 4
    assert "! project" in done.out
    assert "✗ tools" in done.out
    assert "! hub" in done.out
    assert list(repo.root.iterdir()) == []


def test_config_with_a_mistake_is_told_and_the_machine_still_looked_at(here: Repository) -> None:
    here.config["train"]["gpus"] = "many"
    here.write()

    ran = here.swiftci("doctor", CONFIG)

    assert ran.code == Exit.CONFIG
    assert "error[wrong-type]" in ran.err
    assert "✗ project" in ran.out
    assert "✓ cache" in ran.out


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], Exit.DONE),
        (["network"], Exit.NETWORK),
        (["network", "disk"], Exit.TOOL),
        (["user"], Exit.TOOL),
        (["network", "config"], Exit.CONFIG),
    ],
)
def test_exit_code(kinds: list[Any], code: Exit) -> None:
    found = [Check(name="a", state="fail", text="", kind=kind) for kind in kinds]

    assert doctor.exit_code([*found, Check(name="b", state="warn", text="", kind="network")]) == code


def test_secrets_that_are_not_set_are_named_by_their_group(here: Repository) -> None:
    here.project["secrets"] = {"hub": ["FAKE_HUB_TOKEN"], "judge": ["JUDGE_KEY", "OTHER_KEY"]}
    here.write()

    ran = here.swiftci("doctor", CONFIG)

    assert ran.code == 0
    assert "✓ secrets        secrets.hub: FAKE_HUB_TOKEN\n" in ran.out
    assert "! secrets        JUDGE_KEY, OTHER_KEY of secrets.judge are not set here\n" in ran.out
    assert "the judge under `evaluate.args.judge` needs it" in ran.out


def test_tracker_without_its_key_is_told(here: Repository) -> None:
    here.config["train"]["args"]["report_to"] = "wandb"

    assert examined(here)["tracker"][1] == "report_to names wandb, and WANDB_API_KEY is not set"


def test_full_disk_fails(here: Repository) -> None:
    here.config["limits"] = {"free_disk_gb": 90_000}

    state, text = examined(here)["run directory"]

    assert state == "fail"
    assert "free, and 90.0 TB must be" in text


def test_cache_below_a_file_system_that_is_read_only_fails(here: Repository) -> None:
    here.project["cache"] = "/proc/cache"

    state, text = examined(here)["cache"]

    assert state == "fail"
    assert text.startswith("/proc/cache/swiftci cannot be written: ")


def test_cache_that_knows_no_locks_fails(here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(preflight.fcntl, "flock", refuse)

    found = preflight.folders(here.load()[0], here.environ, here.root, here.root, 0)

    assert [(one.name, one.state) for one in found] == [("run directory", "fail"), ("cache", "fail"), ("store", "warn")]


def test_train_job_begins_with_the_same_checks(here: Repository) -> None:
    found = preflight.check(context(here))

    assert {one.name for one in found} >= {"tools", "gpus", "run directory", "cache"}
    assert not [one for one in found if one.state == "fail"]
