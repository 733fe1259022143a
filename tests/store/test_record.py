"""run.json."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftci.store import record
from swiftci.store.record import Record, StageRecord
from tests.store.test_files import JSON

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
STAGES = st.builds(
    StageRecord,
    state=st.sampled_from(["running", "succeeded", "failed", "interrupted"]),
    digest=st.text(),
    execution=st.text(),
    started=NUMBERS,
    seconds=NUMBERS,
    outputs=st.dictionaries(st.text(), JSON, max_size=3),
    needs=st.dictionaries(st.text(), st.text(), max_size=2),
    error=st.text(),
    exit=st.integers(),
)
RECORDS = st.builds(
    Record,
    name=st.text(),
    fingerprint=st.text(),
    resolved=st.dictionaries(st.text(), JSON, max_size=3),
    started=NUMBERS,
    schema=st.just(1),
    commit=st.none() | st.text(),
    ref=st.none() | st.text(),
    versions=st.dictionaries(st.text(), st.text(), max_size=3),
    hardware=st.dictionaries(st.text(), st.text(), max_size=2),
    attempt_started=NUMBERS,
    stages=st.dictionaries(st.text(), STAGES, max_size=3),
)


@settings(max_examples=25)  # each example is a file on the disk
@given(RECORDS)
def test_record_survives_its_file(tmp_path_factory: pytest.TempPathFactory, one: Record) -> None:
    folder = tmp_path_factory.mktemp("run")
    record.write(folder, one)

    assert record.read(folder) == one


def test_no_file_no_record(tmp_path: Path) -> None:
    assert record.read(tmp_path) is None


GOOD: dict[str, Any] = {"name": "x", "fingerprint": "f", "resolved": {}, "started": 1.0, "schema": 1, "stages": {}}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


STAGE: dict[str, Any] = {"state": "succeeded", "digest": "d", "execution": "e", "started": 1.0}


def with_stage(**changed: object) -> str:
    return json.dumps(GOOD | {"stages": {"train": STAGE | changed}})


DAMAGED = {
    "empty": "",
    "half": json.dumps(GOOD)[:-5],
    "list": "[]",
    "null": "null",
    "other schema": json.dumps(GOOD | {"schema": 2}),
    "no schema": json.dumps(without("schema")),
    "no stages": json.dumps(without("stages")),
    "no name": json.dumps(without("name")),
    "unknown key": json.dumps(GOOD | {"colour": "red"}),
    "stages no map": json.dumps(GOOD | {"stages": [1]}),
    "stage no map": json.dumps(GOOD | {"stages": {"train": 3}}),
    "stage of another form": json.dumps(GOOD | {"stages": {"train": {"state": "running"}}}),
    "no text": "\xff\xfe",
    "nested": json.dumps(GOOD | {"estimate": "NESTED"}).replace('"NESTED"', '{"a":' * 400 + "1" + "}" * 400),
    "no number of JSON's": json.dumps(GOOD | {"estimate": {"seconds": float("nan")}}),
    "half a pair": json.dumps(GOOD | {"ref": "\ud800"}),
    "name no text": json.dumps(GOOD | {"name": 7}),
    "time no number": json.dumps(GOOD | {"started": "now"}),
    "time of no size": json.dumps(GOOD | {"started": 10**400}),
    "needs no map": with_stage(needs=[]),
    "needs no texts": with_stage(needs={"train": 1}),
    "digest no text": with_stage(digest=-1),
    "outputs no map": with_stage(outputs=None),
    "exit no number": with_stage(exit=True),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_damaged_record_is_said_to_be(tmp_path: Path, text: str) -> None:
    (tmp_path / record.FILE).write_text(text, encoding="latin-1")
    with pytest.raises(ValueError):
        record.read(tmp_path)


def stage(state: str, execution: str, **needs: str) -> StageRecord:
    return StageRecord(state=state, digest="d", execution=execution, started=0.0, needs=needs)


def journal(**stages: StageRecord) -> Record:
    return Record(name="x", fingerprint="f", resolved={}, started=0.0, stages=stages)


@pytest.mark.parametrize("state", ["running", "failed", "interrupted"])
def test_only_success_is_success(state: str) -> None:
    assert not journal(train=stage(state, "1")).succeeded("train")
    assert not journal().succeeded("train")
    assert journal(train=stage("succeeded", "1")).succeeded("train")


def test_result_of_an_older_training_is_none() -> None:
    assert journal(train=stage("succeeded", "1"), evaluate=stage("succeeded", "2", train="1")).succeeded("evaluate")
    assert not journal(train=stage("succeeded", "3"), evaluate=stage("succeeded", "2", train="1")).succeeded("evaluate")
    assert not journal(train=stage("failed", "1"), evaluate=stage("succeeded", "2", train="1")).succeeded("evaluate")
    assert not journal(evaluate=stage("succeeded", "2", train="1")).succeeded("evaluate")


def test_small_files_hold_no_weights() -> None:
    assert not [name for name in (*record.SMALL, *record.TRAINING_SMALL) if "checkpoint" in name]
    assert record.FILE in record.SMALL


def test_every_field_of_the_record_is_in_the_file(tmp_path: Path) -> None:
    record.write(tmp_path, journal())

    assert json.loads((tmp_path / record.FILE).read_text()).keys() == {one.name for one in fields(Record)}


def test_whole_record_with_a_stage_is_none_of_the_damaged(tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text(with_stage())

    assert record.read(tmp_path) == Record(**{**GOOD, "stages": {"train": StageRecord(**STAGE)}})
