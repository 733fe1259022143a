"""`swiftci diff`: what differs between two runs, and what came of it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from swiftci.store import record as records
from swiftci.store.local import Folder
from swiftci.store.record import Record
from tests.conftest import Repo
from tests.fake.repository import Repository

PARTS = {"train.method": "sft", "train.args.lr": "1e-4", "content of data.jsonl": "a" * 64, "version of torch": "2.9"}


def run(
    folder: Path, parts: Any, *, name: str = "tiny", run: str = "1", verdict: str = "pass", **values: float
) -> Path:
    """A run directory, with metrics."""
    folder.mkdir(parents=True)
    one = Record(name=name, fingerprint="f" * 64, resolved={}, started=1.0, run=run, verdict=verdict)
    (folder / records.FILE).write_text(json.dumps(asdict(one) | {"parts": parts}))
    found = [
        {"subject": subject, "dataset": "qa", "subset": None, "metric": key, "value": value, "items": 4}
        for key, value in values.items()
        for subject in ("base", "candidate")
    ]
    (folder / "metrics.json").write_text(json.dumps({"metrics": found}))
    return folder


@pytest.fixture
def here(repo: Repo) -> Repo:
    repo.write({"swiftci.yaml": "actions: swiftci/swiftci@v1\n"})
    return repo


def test_what_differs_stands_side_by_side_with_what_came_of_it(here: Repo) -> None:
    run(here.root / "one", PARTS, f1=0.5, em=0.25)
    after = {key: value for key, value in PARTS.items() if key != "version of torch"}
    changed = {"train.args.lr": "2e-4", "train.args.系统": None, "evaluate.datasets": ["qa"]}
    run(here.root / "two", after | changed, run="2", verdict="fail", f1=0.75, bleu=1.0)

    done = here.swiftci("diff", "one", "two")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "                   tiny/1  tiny/2\n"
        "train.args.lr      1e-4    2e-4\n"
        "version of torch   2.9     -\n"
        "train.args.系统    -       none\n"
        'evaluate.datasets  -       ["qa"]\n'
        "\n"
        "verdict  pass  fail\n"
        "qa.f1    0.5   0.75  +0.25\n"
        "qa.em    0.25  -\n"
        "qa.bleu  -     1\n"
    )


def test_runs_of_the_same_differ_in_nothing(here: Repo) -> None:
    run(here.root / "one", PARTS, f1=0.5)
    run(here.root / "two", dict(reversed(PARTS.items())), run="2", f1=0.5)

    assert here.swiftci("diff", "one", "two").out == (
        "tiny/1 and tiny/2: nothing that decides a result differs\n\nverdict  pass  pass\nqa.f1    0.5   0.5   +0\n"
    )


def test_difference_is_data_on_request(here: Repo) -> None:
    run(here.root / "one", PARTS, f1=0.5)
    run(here.root / "two", PARTS | {"train.args.lr": "2e-4"}, run="2")
    found = json.loads(here.swiftci("diff", "one", "two", "--format", "json").out)

    assert found["differs"] == [{"key": "train.args.lr", "state": "changed", "first": "1e-4", "second": "2e-4"}]
    assert found["metrics"] == {"qa.f1": [0.5, None]}
    assert [one["run"] for one in found["runs"]] == ["1", "2"]


def test_long_values_are_shown_where_they_differ(here: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run(here.root / "one", {"train.args.system": "You are a helper. " * 1000 + "Be brief."})
    run(here.root / "two", {"train.args.system": "You are a helper. " * 1000 + "Be long\x1b[2J." + "x" * 1000}, run="2")
    lines = here.swiftci("diff", "one", "two").out.splitlines()

    assert lines[1].startswith("train.args.system  …per. Be brief.")
    assert "…per. Be long\\x1b[2J.xx" in lines[1]
    assert all(len(line) <= 80 for line in lines)


def test_run_is_a_name_a_record_or_a_directory(here: Repo) -> None:
    store = Folder(here.root / ".swiftci")
    run(here.root / ".swiftci/runs/tiny", PARTS | {"n": 1}, run="local")
    for number in ("7", "8"):
        folder = run(here.root / number, PARTS | {"n": int(number)}, run=number)
        store.put("tiny", f"{'f' * 16}-{number}", folder, records.SMALL)
        store.put("other", f"{'f' * 16}-9", folder, records.SMALL)

    def told(first: str, second: str) -> list[str]:
        return here.swiftci("diff", first, second).out.splitlines()[1].split()

    assert told("tiny", f"tiny/{'f' * 16}-7") == ["n", "1", "7"]
    assert told(f"{'f' * 16}-7", ".swiftci/runs/tiny") == ["n", "7", "1"]
    assert told("7", "tiny") == ["n", "7", "1"]
    assert told("tiny", "other") == ["n", "1", "8"]


@pytest.mark.parametrize(
    ("first", "code", "message"),
    [
        ("nobody", "no-run", 'keeps no run "nobody"\n  hint: `swiftci run CONFIG` makes one'),
        ("../../../etc", "no-run", 'keeps no run "../../../etc"'),
        ("", "usage", '"" is neither a run\'s name nor a directory'),
        ("a\0b", "usage", '"a\\x00b" is neither'),
        ("\x1b[2J", "no-run", 'keeps no run "\\x1b[2J"'),
        ("~nobody/x", "no-run", 'keeps no run "~nobody/x"'),
        ("x" * 5000, "foreign-run", "File name too long"),
        ("damaged", "foreign-run", "damaged/run.json cannot be read: it is nested too deeply"),
        ("old", "foreign-run", "the record of tiny/1 does not say what decided its result"),
        ("odd", "foreign-run", "odd/run.json cannot be read: parts is of a wrong type"),
    ],
)
def test_mistake_is_explained(here: Repo, first: str, code: str, message: str) -> None:
    run(here.root / "two", PARTS)
    run(here.root / "old", {})
    run(here.root / "odd", ["x"])
    here.write({"damaged/run.json": "[" * 100_000})

    done = here.swiftci("diff", first, "two")

    assert (done.code, done.out) == (2, "")
    assert f"error[{code}]" in done.err
    assert message in done.err


@pytest.mark.parametrize("text", ["", "[" * 100_000, "[]", '{"metrics": [{"subject": 1}]}'])
def test_damaged_metrics_are_none(here: Repo, text: str) -> None:
    run(here.root / "one", PARTS, f1=0.5)
    run(here.root / "two", PARTS, f1=0.5)
    here.write({"two/metrics.json": text})

    assert here.swiftci("diff", "one", "two").out.splitlines()[-1] == "qa.f1    0.5   -"


def test_two_runs_of_a_config_differ_in_what_was_changed(repository: Repository) -> None:
    repository.run("--until", "download")
    repository.folder.rename(repository.root / "before")
    (repository.root / "data/train.jsonl").write_text('{"messages": []}\n')
    repository.run("--until", "download", "--set", "train.args.max_steps=11", "--set", "train.args.seed=1")
    lines = repository.swiftci("diff", "before", "tiny").out.splitlines()

    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "train.args.max_steps",
        "content of data/train.jsonl",
        "train.args.seed",
    ]
    assert lines[4] == ""
