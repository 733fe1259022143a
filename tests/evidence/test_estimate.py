"""How long a run will take, told from past runs of the same shape."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import pytest

from swiftci.config.budget import Budget
from swiftci.evidence.estimate import Estimate, duration, estimate, shown
from swiftci.store.kept import Kept
from swiftci.store.record import Record, StageRecord
from tests.fake.repository import Repository


def past(repository: Repository, *sets: str, seconds: float = 100.0, **more: Any) -> Kept:
    """A record of a run of the repository's config, whose training of ten steps took so long."""
    _, loaded = repository.load(*sets)
    outputs = {"steps": 10, "resumed": more.pop("resumed", 0)}
    train = StageRecord(
        state=more.pop("state", "succeeded"),
        digest="d",
        execution=more.pop("execution", f"{seconds} {more}"),
        started=0.0,
        seconds=seconds,
        outputs=outputs,
        origin=more.pop("origin", ""),
    )
    evaluate = StageRecord(state="succeeded", digest="d", execution="e", started=0.0, seconds=50.0)
    config = json.loads(json.dumps(asdict(loaded.config)))
    record = Record(
        name="tiny",
        fingerprint="f",
        resolved={"config": config},
        started=more.pop("started", 1.0),
        stages={"train": train, "evaluate": evaluate},
    )
    return Kept(name="tiny", run="1", data=asdict(record))


def told(repository: Repository, *records: Kept, sets: tuple[str, ...] = (), budget: Budget | None = None) -> Estimate:
    _, loaded = repository.load(*sets)
    return estimate(loaded.config, None, records, budget, ("gpu",))


def test_time_is_steps_times_the_pace_of_runs_of_the_shape(repository: Repository) -> None:
    found = told(repository, past(repository), sets=("train.args.max_steps=30", "train.args.learning_rate=1e-5"))

    assert (found.seconds, found.runs) == (350.0, 1)


def test_median_of_the_newest_counts(repository: Repository) -> None:
    kept = [
        past(repository, seconds=seconds, started=float(n)) for n, seconds in enumerate((9999, 100, 90, 110, 400, 95))
    ]

    assert told(repository, *kept).seconds == 150.0
    assert told(repository, *kept).runs == 5


def test_training_that_several_runs_took_counts_once(repository: Repository) -> None:
    kept = [past(repository, execution="x", started=float(number)) for number in range(3)]

    assert told(repository, *kept).runs == 1


@pytest.mark.parametrize(
    "other", ["train.gpus=1", "train.args.model=x/y", "train.args.max_length=9", "train.method=pt", "train.processes=2"]
)
def test_run_of_another_shape_tells_nothing(repository: Repository, other: str) -> None:
    assert told(repository, past(repository, other)).seconds is None


@pytest.mark.parametrize("more", [{"resumed": 5}, {"origin": "run 7"}, {"state": "failed"}])
def test_run_that_did_not_train_it_all_tells_nothing(repository: Repository, more: dict[str, Any]) -> None:
    assert told(repository, past(repository, **more)).seconds is None


def test_steps_are_those_that_the_same_data_had(repository: Repository) -> None:
    del repository.config["train"]["args"]["max_steps"]
    repository.write()

    assert told(repository, past(repository)).seconds == 150.0
    assert told(repository, past(repository), sets=("train.args.num_train_epochs=9",)).seconds is None


def test_cost_is_by_the_budgets_price(repository: Repository) -> None:
    kept = past(repository, "train.gpus=2", seconds=3550.0)
    budget = Budget(gpu_hour=10.0, pools={"gpu": 20.0}, currency="CNY")
    found = told(repository, kept, sets=("train.gpus=2",), budget=budget)

    assert found.cost == pytest.approx(40.0)
    assert shown(found) == ["time: 60 min, from 1 past run of this shape", "cost: 40.00 CNY"]


def damaged(repository: Repository) -> Iterator[Kept]:
    whole = past(repository)
    for path, value in ((("schema",), 9), (("stages",), None), (("resolved",), []), (("resolved", "config"), {})):
        data: Any = deepcopy(dict(whole.data))
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        yield Kept(name="tiny", run="1", data=data)


def test_damaged_records_are_left_out(repository: Repository) -> None:
    assert told(repository, *damaged(repository), past(repository)).seconds == 150.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h"), (360000, "100.0 h")],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_checkpoint_is_what_is_trained_and_its_optimizer(repository: Repository) -> None:
    """As measured: an adapter of rank 16 on every linear layer of SmolLM2-135M left 59,082,296 bytes."""
    config = {"hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3}
    config |= {"intermediate_size": 1536, "vocab_size": 49152, "tie_word_embeddings": True, "model_type": "llama"}
    (repository.root / "model/config.json").write_text(json.dumps(config))
    (repository.root / "model/model.safetensors").unlink()
    args = ("tuner_type=lora", "lora_rank=16", "torch_dtype=float32", "target_modules=all-linear")
    _, loaded = repository.load(*(f"train.args.{one}" for one in args), "train.gpus=1")
    found = estimate(loaded.config, repository.root / "model", ())

    assert found.checkpoint_bytes == pytest.approx(59_082_296, rel=0.02)
    assert "disk: 58.6 MB for each checkpoint" in shown(found)
