"""Two runs compared question by question, from the command line."""

import json
import re
from pathlib import Path

import pytest

from tests.fake.repository import Repository, make

CORPUS = Path(__file__).parents[1] / "corpus"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One with two runs in its store: all twelve items right, then three."""
    found = make(tmp_path / "repository")
    assert found.run().code == 0
    found.config["train"]["args"]["max_steps"] = 12
    found.write()
    assert found.run(FAKE_CANDIDATE="ok-qa-half").code == 3
    return found


def runs(repository: Repository) -> list[str]:
    lines = (repository.root / ".swiftci" / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["run"] for line in lines]


def test_table_shows_values_difference_interval_and_flips(repository: Repository) -> None:
    first, second = runs(repository)
    ran = repository.swiftci("compare", first, second)

    assert ran.code == 0, ran.text
    row = next(line for line in ran.out.splitlines() if line.startswith("general_qa.rouge-l-recall"))
    assert row.split()[1:4] == ["1", "0.25", "-0.75"]
    assert row.split()[-4:] == ["12", "0", "9", "worse"]


def test_table_is_data_on_request(repository: Repository) -> None:
    first, second = runs(repository)
    ran = repository.swiftci("compare", first, second, "--format", "json")

    found = {row["key"]: row for row in json.loads(ran.out)["metrics"]}
    assert found["general_qa.rouge-l-recall"]["difference"]["mean"] == -0.75
    assert found["general_qa.rouge-l-recall"]["better"] is False


def test_subsets_are_shown_on_request(repository: Repository) -> None:
    case = str(CORPUS / "evalscope/ok-mcq/out")
    ran = repository.swiftci("compare", case, case, "--subsets")

    assert re.search(r"^general_mcq\.\S+ \[\w+\]", ran.out, re.MULTILINE), ran.text


@pytest.mark.parametrize("case", ["lm_eval/answers", "promptfoo/ok", "evalscope/ok-mcq/out"])
def test_results_of_another_harness_are_compared(case: str, repository: Repository) -> None:
    ran = repository.swiftci("compare", str(CORPUS / case), str(CORPUS / case))

    assert ran.code == 0, ran.text
    assert "+0" in ran.out
    assert "worse" not in ran.out


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("nobody", 'keeps no run "nobody"'),
        ("data", 'keeps no run "data"'),
        ("", "neither a run's name nor a directory"),
    ],
)
def test_run_that_is_not_there_is_refused(first: str, words: str, repository: Repository) -> None:
    ran = repository.swiftci("compare", first, "tiny")

    assert ran.code == 2
    assert words in ran.text


def test_run_without_scores_is_refused(repository: Repository) -> None:
    (repository.folder / "metrics.json").unlink()
    ran = repository.swiftci("compare", "tiny", "tiny")

    assert (ran.code, "has no scores of a trained model" in ran.text) == (2, True)


def test_damaged_items_are_said(repository: Repository) -> None:
    (repository.folder / "items" / "candidate.jsonl").write_text("{")
    ran = repository.swiftci("compare", "tiny", "tiny")

    assert (ran.code, "cannot be compared" in ran.text) == (2, True)


def test_baseline_is_not_written_over_something_else(repository: Repository) -> None:
    ran = repository.swiftci("baseline", "tiny", "--to", "data")

    assert (ran.code, "is there already, and is no baseline" in ran.text) == (2, True)
    assert (repository.root / "data" / "train.jsonl").is_file()


def test_baseline_is_not_written_over_a_run_directory(repository: Repository) -> None:
    ran = repository.swiftci("baseline", "tiny", "--to", ".swiftci/runs/tiny")

    assert (ran.code, "is there already, and is no baseline" in ran.text) == (2, True)
    assert (repository.folder / "verdict.json").is_file()


def test_baseline_is_written_over_an_earlier_one(repository: Repository) -> None:
    assert [repository.swiftci("baseline", "tiny").code for _ in range(2)] == [0, 0]


def test_data_of_a_single_question_has_no_bounds(repository: Repository) -> None:
    path = repository.folder / "items" / "candidate.jsonl"
    path.write_text(path.read_text().splitlines()[0])
    ran = repository.swiftci("compare", "tiny", "tiny", "--format", "json")

    rows = json.loads(ran.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))["metrics"]
    found = rows[0]["difference"]
    assert (found["items"], found["low"], found["ceiling"]) == (1, None, None)


@pytest.mark.parametrize("command", [("compare", "tiny", "tiny"), ("baseline", "tiny")])
def test_scores_of_an_evaluation_that_is_outdated_are_refused(command: tuple[str, ...], repository: Repository) -> None:
    path = repository.folder / "run.json"
    data = json.loads(path.read_text())
    data["stages"]["train"]["execution"] = "another"
    path.write_text(json.dumps(data))
    ran = repository.swiftci(*command)

    assert (ran.code, "older than its training" in ran.text) == (2, True)
