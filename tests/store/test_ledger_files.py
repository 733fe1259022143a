"""Files of the ledger that are damaged, foreign, or cannot be written."""

import errno
import time
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.store.ledger import Ledger
from swiftci.store.ledger_files import Files, Folder
from tests.store.ledgers import ASK, BUDGET, Clock, Memory, counted


@pytest.fixture(params=["memory", "folder"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Memory() if request.param == "memory" else Folder(tmp_path / "ledger")


GOOD = (
    '{"schema": 1, "id": "a", "run": "9", "name": "n", "branch": "b", "person": "p", "pool": "", "currency": "CNY", '
    '"gpus": 1, "hours": 1.0, "price": 10.0, "time": 0.0}'
)
DAMAGED = {
    "": "is damaged (not JSON)",
    GOOD[:50]: "is damaged (not JSON)",
    "[" * 50_000: "is damaged (not JSON)",
    "\udcff": "is damaged (not JSON)",
    "[1]": "is damaged (not an entry of this version)",
    GOOD.replace('"schema": 1', '"schema": 2'): "is damaged (not an entry of this version)",
    GOOD.replace('"pool": "", ', ""): "is damaged (not an entry of this version)",
    GOOD.replace('"gpus": 1', '"gpus": 1.5'): "is damaged (gpus is of a wrong type)",
    GOOD.replace('"gpus": 1', '"gpus": true'): "is damaged (gpus is of a wrong type)",
    GOOD.replace('"hours": 1.0', '"hours": -1'): "is damaged (hours cannot be -1)",
    GOOD.replace('"hours": 1.0', '"hours": NaN'): "is damaged (hours cannot be nan)",
    GOOD.replace('"hours": 1.0', '"hours": 1e9'): "is damaged (hours cannot be 1000000000.0)",
    GOOD.replace("CNY", "USD\\n"): "is in USD\\x0a",
}


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_reservation_is_told_and_not_counted_and_its_number_not_used_again(text: str, files: Files) -> None:
    files.create("2026-11", "000001/reserved.json", GOOD.encode())
    files.create("2026-11", "000002/reserved.json", b"")
    files.replace("2026-11", "000002/reserved.json", text.encode(errors="surrogateescape").decode("latin-1").encode())
    ledger = Ledger(files, BUDGET, Clock(0))

    found = ledger.reserve(replace(ASK, hours=9))

    assert found.number == 3
    assert found.warnings[0] == f"ledger: 2026-11/000002/reserved.json {DAMAGED[text]}, and does not count"
    assert counted(ledger) == 100.0


@pytest.mark.parametrize("text", ["", '{"schema": 1, "seconds": -1, "final": true, "time": 0}', GOOD])
def test_damaged_use_is_told_and_all_that_was_reserved_counts(text: str, files: Files) -> None:
    clock = Clock()
    ledger = Ledger(files, BUDGET, clock)
    ledger.reserve(ASK).settle(60)
    files.replace("2026-11", "000001/used.json", text.encode())
    clock.now += 86_400

    page = ledger.page("2026-11")

    assert counted(ledger) == 60.0
    assert page.faults[0].startswith("ledger: 2026-11/000001/used.json is damaged (")


def test_what_is_not_the_ledgers_is_told_and_harmless(tmp_path: Path) -> None:
    ledger = Ledger(Folder(tmp_path), BUDGET, Clock())
    for name in ("2026-11/a\n.txt", "2026-11/000000/x", "2026-11/000002", "2026-11/000003/reserved.json/x", "notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    for name in ("2026-11/999999", "2026-13/000001", "9999-12/000001", "2026-11/.000004.0.part"):
        (tmp_path / name).mkdir(parents=True)
    ledger.files.create("2026-11", "000001/reserved.json", GOOD.encode())

    found = ledger.reserve(ASK)

    assert (found.month, found.number) == ("2026-11", 4)
    assert found.warnings == (
        "ledger: 2026-11/000000 is none of its files",
        "ledger: 2026-11/999999 is none of its files",
        "ledger: 2026-11/a\\x0a.txt is none of its files",
        "ledger: 2026-11/000002/reserved.json is missing, and does not count",
        "ledger: 2026-11/000003/reserved.json is damaged (not JSON), and does not count",
    )


def test_folder_makes_a_file_once_and_replaces_none(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "ledger")

    assert folder.create("2026-11", "000001/reserved.json", b"a")
    assert not folder.create("2026-11", "000001/reserved.json", b"b")
    (tmp_path / "ledger/2026-11/000002").write_text("")
    assert not folder.create("2026-11", "000002/reserved.json", b"b")

    assert folder.read("2026-11", ["000001/reserved.json", "none/x"]) == {"000001/reserved.json": b"a"}
    assert sorted(one.name for one in (tmp_path / "ledger/2026-11").iterdir()) == ["000001", "000002"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_clock_of_a_folder_that_can_only_be_read_is_the_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(Path, "touch", refused)

    assert Folder(tmp_path).now() == pytest.approx(time.time(), abs=5)


def test_folder_that_cannot_be_written_is_an_error_and_no_grant(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("")

    with pytest.raises(OSError, match="ledger"):
        Ledger(Folder(tmp_path / "ledger"), BUDGET, Clock()).reserve(ASK)
