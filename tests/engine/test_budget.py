"""The budget while runs go on: reserved, metered, settled; refused or stopped where a cap is reached."""

import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.stages import meter
from swiftci.store.ledger import Ask, Ledger
from swiftci.store.ledger_files import Folder
from tests.fake.repository import Repository


@pytest.fixture
def paying(repository: Repository) -> Repository:
    """A repository whose training holds a card, which nobody looks for."""
    repository.project["budget"] = {"gpu_hour": 36.0, "month": 100.0}
    repository.project["store"] = str(repository.root / "store")
    repository.config["train"]["gpus"] = 1
    repository.config["limits"] = {"job_minutes": 60}
    repository.write()
    return repository


def ledger(repository: Repository) -> Ledger:
    project, _ = repository.load()
    assert project.budget
    return Ledger(Folder(repository.root / ".swiftci/ledger"), project.budget)


def spent(repository: Repository) -> dict[str, Any]:
    book = ledger(repository)
    return dict(book.spent(book.month(), by="name"))


def test_run_pays_for_the_time_it_held_cards(paying: Repository) -> None:
    ran = paying.run(USER="li")

    assert ran.code == 0, ran.text
    found = spent(paying)["tiny"]
    assert found.held == 0
    assert 0 < found.spent < 1
    assert paying.record["gpu_seconds"] > 0
    assert paying.record["cost"] == pytest.approx(paying.record["gpu_seconds"] / 100, abs=1e-3)


def test_run_without_cards_pays_nothing(paying: Repository) -> None:
    paying.config["train"]["gpus"] = 0
    paying.write()
    paying.run()

    assert spent(paying) == {}
    assert paying.record["cost"] is None


def test_second_run_of_the_same_pays_nothing_more(paying: Repository) -> None:
    paying.run()
    before = spent(paying)["tiny"].spent
    assert paying.run().code == 0

    assert spent(paying)["tiny"].spent == before


def test_run_is_refused_where_others_hold_what_is_left(paying: Repository) -> None:
    ask = Ask(run="9", name="other", branch="main", person="wang", pools=("gpu",), gpus=1, hours=2.5)
    ledger(paying).reserve(ask)
    ran = paying.run()

    assert ran.code == 6
    assert "error[capacity]: budget.month" in ran.err
    assert "other by wang: 90" in ran.err
    assert "hint:" in ran.err
    assert paying.called == []


def test_four_fifths_are_told(paying: Repository) -> None:
    ask = Ask(run="9", name="other", branch="main", person="wang", pools=("gpu",), gpus=1, hours=1.8)
    ledger(paying).reserve(ask)
    ran = paying.run()

    assert ran.code == 0, ran.text
    assert "budget: budget.month" in ran.out
    assert "are used or reserved" in ran.out


def test_training_is_stopped_and_saved_where_the_budget_ends(
    paying: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meter, "METER_SECONDS", 0.2)
    monkeypatch.setattr(meter, "SAVING_SECONDS", 1e9)
    monkeypatch.setattr("swiftci.stages.watch.LOOK_SECONDS", 0.2)
    paying.project["budget"]["run"] = 30.0
    paying.write()
    ran = paying.run("--until", "train", FAKE_HANG="train", FAKE_SAVED="5")

    assert ran.code == 6, ran.text
    assert "the budget is used up, so the training was stopped at step" in ran.err
    assert "step 5 is saved, and the same run goes on from there" in ran.err
    assert paying.states["train"] == "partial"


def test_command_shows_what_was_spent(paying: Repository) -> None:
    paying.run(USER="li")
    ran = paying.swiftci("cost", "--by", "person", "--format", "json")

    assert ran.code == 0, ran.text
    assert "li" in json.dumps(json.loads(ran.out))


def test_ledger_that_cannot_be_written_is_told_and_stops_nothing(
    paying: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("swiftci.store.ledger.Reservation.meter", broken)
    ran = paying.run()

    assert ran.code == 0, ran.text
    assert "the budget's ledger cannot be written" in ran.out


def test_place_of_the_ledger_is_the_stores(paying: Repository) -> None:
    paying.run()

    assert sorted(path.name for path in Path(paying.root / ".swiftci/ledger").iterdir())
