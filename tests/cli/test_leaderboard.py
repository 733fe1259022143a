"""`swiftci leaderboard`: which runs are ranked."""

from pathlib import Path

import pytest

from swiftci.engine import session
from swiftci.evidence import metric
from swiftci.store.local import Folder
from tests.cli.boards import answers, board, files, fill, keep, measure, ranked, run
from tests.conftest import Repo


def test_a_pull_requests_run_and_an_invalid_one_are_left_out_and_told(repo: Repo, records: Path) -> None:
    fill(records)
    keep(records, answers("ceval", "accuracy", 400, 1.0), name="small", number=20, ref="refs/pull/7/merge")
    keep(records, answers("ceval", "accuracy", 400, 1.0), name="small", number=21, verdict="invalid")

    done = repo.swiftci("leaderboard")

    assert ranked(repo) == [(1, "large"), (2, "Qwen/Qwen3-8B"), (2, "small")]
    assert "left out, of a pull request: small/ffffffffffffffff-20\n" in done.out
    assert "left out, invalid: small/ffffffffffffffff-21\n" in done.out


def test_newest_run_counts_and_one_that_measured_nothing_new_does_not(repo: Repo, records: Path) -> None:
    keep(records, answers("ceval", "accuracy", 400, 0.9), name="a", number=1)
    keep(records, answers("ceval", "accuracy", 400, 0.2), name="a", number=2)
    keep(records, answers("ceval", "accuracy", 400, 0.2), name="a", number=8, execution="a-2")

    repo.swiftci("leaderboard")

    [found] = board(repo)["benchmarks"][0]["models"]
    assert found["run"] == "2"
    assert found["value"] < 0.3


def test_lower_is_better_where_the_metric_says_so(repo: Repo, records: Path) -> None:
    for name, share in (("good", 0.1), ("bad", 0.6)):
        items = answers("asr", "wer", 300, share)
        folder = repo.root / "runs" / name
        run(folder, items, name=name)
        measure(folder, items, direction="lower_is_better")

    repo.swiftci("leaderboard", "runs")

    assert ranked(repo, "asr") == [(1, "good"), (2, "bad")]
    assert "Lower is better." in repo.read("site/index.html")


def test_folders_of_runs_and_stores_are_taken_together(repo: Repo, records: Path) -> None:
    fill(records)
    run(repo.root / "one", answers("ceval", "accuracy", 400, 0.7), name="one", ref="refs/pull/1/merge")
    run(repo.root / "many/a", answers("ceval", "accuracy", 400, 0.2), name="two")
    run(repo.root / "many/b", answers("ceval", "accuracy", 400, 0.1), name="three")

    done = repo.swiftci("leaderboard", "one", ".swiftci", "many", "--to", "site")

    assert done.code == 0
    assert {model for _, model in ranked(repo)} == {"small", "large", "Qwen/Qwen3-8B", "one", "two", "three"}


def test_models_of_one_title_are_told_apart(repo: Repo, records: Path) -> None:
    for name in ("hub-1", "hub-2"):
        keep(records, answers("ceval", "accuracy", 40, 0.5), name=name, model="Qwen/Qwen3-8B")

    repo.swiftci("leaderboard")

    assert ranked(repo) == [(1, "Qwen/Qwen3-8B (hub-1)"), (1, "Qwen/Qwen3-8B (hub-2)")]


def test_an_empty_store_gives_a_page_that_says_so(repo: Repo, records: Path) -> None:
    done = repo.swiftci("leaderboard")

    assert (done.code, done.out) == (0, "site/index.html: 0 models, 0 benchmarks\n")
    assert "No run with a result is kept yet." in repo.read("site/index.html")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("metrics.json", "{"),
        ("metrics.json", '{"metrics": 3}'),
        ("metrics.json", '{"metrics": [{"subject": "candidate", "dataset": 3, "subset": null}]}'),
        ("metrics.json", '{"metrics": []}'),
        ("items/candidate.jsonl", "[1]\n"),
        ("items/candidate.jsonl", '{"dataset": "ceval"}\n'),
        ("run.json", '{"schema": 1}'),
        ("run.json", '{"schema": 9}'),
    ],
)
def test_damaged_run_is_told_and_an_older_one_taken(repo: Repo, records: Path, file: str, text: str) -> None:
    keep(records, answers("ceval", "accuracy", 40, 0.5), name="a", number=1)
    keep(records, answers("ceval", "accuracy", 40, 0.9), name="a", number=2)
    (records / "records/a/ffffffffffffffff-2" / file).write_text(text)

    done = repo.swiftci("leaderboard")

    assert done.code == 0
    assert "left out, " in done.out
    [found] = board(repo)["benchmarks"][0]["models"]
    assert found["run"] == "1"


class Far(Folder):
    """A store that is no folder here, as a bucket is none; counts the runs whose files are fetched."""

    brought = 0

    @property
    def local(self) -> Path | None:
        return None

    def bring(self, name: str, run: str, folder: Path) -> None:
        self.brought += 1
        super().bring(name, run, folder)


def test_of_a_bucket_only_the_newest_runs_are_fetched_and_the_others_are_in_its_history(
    repo: Repo, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(records)
    repo.swiftci("leaderboard")
    near = files(repo.root / "site")
    far = Far(records)
    for kept in far.records():
        found = metric.whole(metric.read(records / "records" / kept.name / kept.run, "candidate"))
        values = {key: {"value": one.value, "stderr": one.stderr, "items": one.items} for key, one in found.items()}
        far.append({"name": kept.name, "run": kept.run, "metrics": values})
    monkeypatch.setattr(session, "open_store", lambda *_: far)

    repo.swiftci("leaderboard")

    assert files(repo.root / "site") == near
    assert far.brought == 3


def test_a_damaged_history_costs_a_bucket_its_older_points(
    repo: Repo, records: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(records)
    far = Far(records)
    for damaged in ([1], {"ceval.accuracy": 3}, {"ceval.accuracy": {"value": "x", "stderr": None, "items": 1}}):
        far.append({"name": "small", "run": "ffffffffffffffff-1", "metrics": damaged})
    monkeypatch.setattr(session, "open_store", lambda *_: far)

    assert repo.swiftci("leaderboard").code == 0
    assert len(board(repo)["benchmarks"]) == 2


@pytest.mark.parametrize("place", ["nowhere", "empty", "swiftci.yaml"])
def test_place_without_runs_is_a_mistake(repo: Repo, records: Path, place: str) -> None:
    (repo.root / "empty").mkdir()

    done = repo.swiftci("leaderboard", place)

    assert done.code == 2
    assert f'"{place}" is no run\'s folder, no store, and holds no runs' in done.err
