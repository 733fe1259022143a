"""What tools find in their environment beside secrets."""

from pathlib import Path

from tests.fake.repository import Repository


def test_prepared_data_is_the_runs_own_and_gone_after_it(repository: Repository) -> None:
    stale = repository.folder / "datasets"
    assert repository.run("--until", "download").code == 0
    stale.mkdir()
    (stale / "old").touch()

    ran = repository.run("--until", "evaluate")

    assert ran.code == 0, ran.err
    assert {one["environ"]["HF_DATASETS_CACHE"] for one in repository.calls} == {str(stale)}
    assert not (stale / "old").exists()

    stale.mkdir(exist_ok=True)
    assert repository.run().code == 0
    assert not Path(stale).exists()
