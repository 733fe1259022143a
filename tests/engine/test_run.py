"""What one run does, how far it goes, and what it leaves."""

from tests.engine.conftest import EVERYTHING
from tests.fake.repository import Repository


def test_run_carries_out_its_plan_in_order(repository: Repository) -> None:
    ran = repository.run()

    assert ran.code == 0
    assert list(repository.states.items()) == [
        (name, "succeeded") for name in ("download", "baseline", "train", "evaluate", "gate", "report", "cleanup")
    ]
    assert ran.out.splitlines()[-1] == "general_qa.rouge-l-recall 1 · verdict: pass"
    assert str(repository.folder / "report.html") in ran.out
    assert ran.err == ""


def test_config_without_an_evaluation_is_only_trained(repository: Repository) -> None:
    repository.config["evaluate"] = None
    repository.config["gate"] = []
    del repository.config["evaluate"]
    repository.write()
    ran = repository.run()

    assert ran.code == 0, ran.text
    assert repository.called == ["train"]
    assert list(repository.states) == ["download", "train", "gate", "report", "cleanup"]


def test_until_stops_after_its_stage(repository: Repository) -> None:
    ran = repository.run("--until", "train")

    assert ran.code == 0
    assert list(repository.states) == ["download", "baseline", "train"]
    repository.forget()
    assert repository.run("--until", "gate").code == 0
    assert repository.called == ["evaluate"]


def test_until_knows_calls_as_well_as_stages(done: Repository) -> None:
    assert done.run("--until", "evaluate-base", "--force").code == 0
    assert done.called == ["evaluate-base"]


def test_until_evaluate_means_the_trained_models(done: Repository) -> None:
    assert done.run("--until", "evaluate", "--force").code == 0
    assert done.called == EVERYTHING


def test_until_a_stage_that_the_plan_lacks_is_refused(repository: Repository) -> None:
    ran = repository.run("--until", "deploy")

    assert ran.code == 2
    assert "--until deploy" in ran.err
    assert "download, baseline, train, evaluate, gate, report, cleanup" in ran.err
    assert not repository.folder.exists()


def test_checkpoints_that_are_not_needed_go_and_the_best_stays(repository: Repository) -> None:
    ran = repository.run()

    assert ran.code == 0
    assert sorted(path.name for path in (repository.folder / "train").glob("checkpoint-*")) == ["checkpoint-10"]
    repository.forget()
    assert repository.run().code == 0
    assert repository.called == []


def test_run_is_kept_in_the_store(repository: Repository) -> None:
    repository.run()
    kept = list((repository.root / ".swiftci" / "records" / "tiny").iterdir())

    assert len(kept) == 1
    assert kept[0].name.startswith(repository.record["fingerprint"][:16])
    assert not list(kept[0].rglob("checkpoint-*"))


def test_resolved_config_versions_and_commit_are_in_the_record(repository: Repository) -> None:
    repository.run("--until", "download", "--set", "train.args.max_steps=7")
    record = repository.record

    assert record["resolved"]["config"]["train"]["args"]["max_steps"] == "7"
    assert record["versions"]["ms_swift"] == "4.6.0"
    assert record["commit"] is None
    assert "cores" in record["hardware"]["machine"]
