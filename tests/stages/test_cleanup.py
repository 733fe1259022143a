"""What clean-up removes, and what it must not."""

import os
import shutil
from pathlib import Path

import pytest

from swiftci.stages import cleanup
from swiftci.stages.stage import Context
from swiftci.store.local import Folder
from tests.evidence.corpus import CORPUS, edit
from tests.fake.repository import Repository
from tests.stages.stand import Heard, context


@pytest.fixture
def trained(repository: Repository) -> Context:
    found = context(repository, {"train": "succeeded"})
    shutil.copytree(CORPUS / "swift" / "ok-lora" / "out", found.folder / "train", symlinks=True)
    (found.folder / "train" / "checkpoint-5" / "optimizer.pt").write_bytes(b"x" * 2_000_000)
    return found


def checkpoints(found: Context) -> list[str]:
    return sorted(path.name for path in (found.folder / "train").glob("checkpoint-*"))


def test_superseded_checkpoint_goes(trained: Context) -> None:
    done = cleanup.run(cleanup.Inputs(), trained)

    assert checkpoints(trained) == ["checkpoint-10"]
    assert done.freed_bytes > 2_000_000
    assert isinstance(trained.progress, Heard)
    assert trained.progress.lines == ["2.0 MB of superseded checkpoints removed"]


def test_best_checkpoint_stays_beside_the_last(trained: Context) -> None:
    state = trained.folder / "train" / "checkpoint-10" / "trainer_state.json"
    edit(state, lambda data: data.update(best_model_checkpoint="/x/checkpoint-5"))
    cleanup.run(cleanup.Inputs(), trained)

    assert checkpoints(trained) == ["checkpoint-10", "checkpoint-5"]


def test_without_a_complete_checkpoint_nothing_goes(trained: Context) -> None:
    for path in (trained.folder / "train").glob("checkpoint-*/trainer_state.json"):
        path.unlink()
    cleanup.run(cleanup.Inputs(), trained)

    assert checkpoints(trained) == ["checkpoint-10", "checkpoint-5"]


def test_links_are_not_followed(trained: Context, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    (trained.folder / "train" / "checkpoint-3").symlink_to(tmp_path / "precious")
    (trained.folder / "train" / "checkpoint-5" / "linked").symlink_to(tmp_path / "precious")
    cleanup.run(cleanup.Inputs(), trained)

    assert (tmp_path / "precious" / "file").read_text() == "x"


def test_leftovers_of_killed_writes_go(trained: Context) -> None:
    (trained.folder / ".run.json.abcd.part").write_text("half")
    (trained.folder / "items").mkdir()
    (trained.folder / "items" / ".x.part").mkdir()
    cleanup.run(cleanup.Inputs(), trained)

    assert not list(trained.folder.rglob("*.part"))


def test_run_is_kept_where_there_is_a_store(repository: Repository, tmp_path: Path) -> None:
    found = context(repository, {"train": "succeeded"}, Folder(tmp_path / "store"))
    done = cleanup.run(cleanup.Inputs(), found)

    assert done.kept is not None
    assert (done.kept / "run.json").is_file()


def test_without_a_store_nothing_is_kept(trained: Context) -> None:
    assert cleanup.run(cleanup.Inputs(), trained).kept is None


def test_empty_run_has_nothing_to_clean(repository: Repository) -> None:
    assert cleanup.run(cleanup.Inputs(), context(repository)).freed_bytes == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_are_given_back_on_a_runner(repository: Repository) -> None:
    os.chown(repository.root.parent, 4242, 4242)
    repository.environ |= {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(repository.root)}
    cleanup.run(cleanup.Inputs(), context(repository))

    assert {os.lstat(path).st_uid for path in repository.root.rglob("*")} == {4242}
