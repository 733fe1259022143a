"""`swiftci cost`: who spent what, what is held, and how much of the budget that is."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from swiftci.config.budget import Budget
from swiftci.store.ledger import Ask, Ledger
from swiftci.store.ledger_files import Folder
from tests.conftest import Repo

PROJECT = "actions: swiftci/swiftci@v1\n"
BUDGET = "budget: {gpu_hour: 12.5, month: 5000, person: 800, run: 2500}\n"
NOVEMBER, OCTOBER = 1_794_744_000.0, 1_792_065_600.0
ASK = Ask(run="1", name="qwen3-8b", branch="main", person="alice", pools=(), gpus=8, hours=2)


def ledger(root: Path, now: float) -> Ledger:
    return Ledger(Folder(root / ".swiftci/ledger"), Budget(gpu_hour=12.5), lambda: now)


@pytest.fixture
def spent(repo: Repo) -> Repo:
    repo.write({"swiftci.yaml": PROJECT + BUDGET})
    ledger(repo.root, OCTOBER).reserve(replace(ASK, run="0")).settle(360)
    november = ledger(repo.root, NOVEMBER)
    november.reserve(ASK).settle(7200)
    november.reserve(replace(ASK, run="2", branch="fix", hours=4)).settle(4 * 3600)
    november.reserve(replace(ASK, run="3", name="千问\x1b[2J客服", person="李雷", gpus=1)).settle(3600 * 1.25)
    november.reserve(replace(ASK, run="4", name="tiny", person="", gpus=0)).settle(60)
    return repo


def test_table_by_model_is_aligned_though_names_are_wide(spent: Repo) -> None:
    done = spent.swiftci("cost", "--month", "2026-11")

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "2026-11, in CNY\n\n"
        "model            runs  GPU hours   spent  reserved\n"
        "qwen3-8b            2       48.0  600.00      0.00\n"
        "千问\\x1b[2J客服     1        1.2   15.62      0.00\n"
        "tiny                1        0.0    0.00      0.00\n"
        "total               4       49.2  615.62      0.00  ██░░░░░░░░░░░░░░░░░░ 12% of 5,000.00\n"
    )


def test_persons_and_months_stand_beside_their_caps(spent: Repo) -> None:
    persons = spent.swiftci("cost", "--month", "2026-11", "--by", "person").out.splitlines()
    months = spent.swiftci("cost", "--by", "month").out.splitlines()

    assert persons[3:6] == [
        "alice      2       48.0  600.00      0.00  ███████████████░░░░░ 75% of 800.00",
        "李雷       1        1.2   15.62      0.00  ░░░░░░░░░░░░░░░░░░░░ 2% of 800.00",
        "-          1        0.0    0.00      0.00  ░░░░░░░░░░░░░░░░░░░░ 0% of 800.00",
    ]
    assert [line.split()[0] for line in months if line] == ["all", "month", "2026-10", "2026-11", "total"]
    assert months[3].endswith("░░░░░░░░░░░░░░░░░░░░ 0% of 5,000.00")


def test_what_runs_still_hold_is_told_apart(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT + BUDGET})
    held = Ledger(Folder(repo.root / ".swiftci/ledger"), Budget(gpu_hour=100)).reserve(replace(ASK, hours=3))
    held.meter(3600)

    done = repo.swiftci("cost")

    assert (
        done.out.splitlines()[-1] == "total        1        8.0  800.00  1,600.00  ███▒▒▒▒▒▒▒░░░░░░░░░░ 48% of 5,000.00"
    )


def test_more_than_the_cap_fills_its_bar_and_no_more(spent: Repo) -> None:
    spent.write({"swiftci.yaml": PROJECT + "budget: {gpu_hour: 1, month: 100}\n"})

    assert spent.swiftci("cost", "--month", "2026-11").out.endswith(f"{'█' * 20} 616% of 100.00\n")


def test_json_has_every_figure(spent: Repo) -> None:
    done = spent.swiftci("cost", "--month", "2026-11", "--by", "branch", "--format", "json")

    main = {"key": "main", "cap": None, "runs": 3, "gpu_hours": 17.25, "spent": 215.625, "reserved": 0.0}
    fix = {"key": "fix", "cap": None, "runs": 1, "gpu_hours": 32.0, "spent": 400.0, "reserved": 0.0}
    assert json.loads(done.out) == {
        "month": "2026-11",
        "by": "branch",
        "currency": "CNY",
        "caps": {"run": 2500, "month": 5000, "branch": None, "person": 800},
        "rows": [fix, main],
        "total": {"runs": 4, "gpu_hours": 49.25, "spent": 615.625, "reserved": 0.0},
        "faults": [],
    }


def test_damaged_entry_is_told_beside_the_table(spent: Repo) -> None:
    spent.write({".swiftci/ledger/2026-11/000001/reserved.json": "{"})

    done = spent.swiftci("cost", "--month", "2026-11")

    assert done.err == (
        "swiftci: notice[unreadable]: ledger: 2026-11/000001/reserved.json is damaged (not JSON), and does not count\n"
    )
    assert "415.62" in done.out
    assert json.loads(spent.swiftci("cost", "--month", "2026-11", "--format", "json").out)["faults"] != []


def test_month_without_runs_says_so(spent: Repo) -> None:
    assert spent.swiftci("cost", "--month", "2026-09").out == "nothing was spent in 2026-09\n"
    assert spent.swiftci("cost", "--month", "2026-09", "--by", "month").out == "nothing was spent in 2026-09\n"


@pytest.mark.parametrize(
    ("project", "argv", "message"),
    [
        (PROJECT, [], "swiftci.yaml has no budget, so no cost is kept\n  hint: as in budget: {gpu_hour"),
        (PROJECT + BUDGET, ["--month", "2026-13"], "'2026-13' is no month; write it as in 2026-11"),
        (PROJECT + BUDGET, ["--month", "11"], "'11' is no month; write it as in 2026-11"),
        (PROJECT + BUDGET, ["--by", "modle"], "'modle' is not one of 'model', 'person', 'branch', 'month'."),
    ],
)  # fmt: skip
def test_mistake_is_explained(project: str, argv: list[str], message: str, repo: Repo) -> None:
    repo.write({"swiftci.yaml": project})

    done = repo.swiftci("cost", *argv)

    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_nothing_is_kept_on_a_runner_without_a_store(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"swiftci.yaml": PROJECT + BUDGET})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    done = repo.swiftci("cost")

    assert done.code == 2
    assert "no store is set, so no ledger outlives a job" in done.err


def test_store_of_the_project_is_read_on_its_runner(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.write({"swiftci.yaml": f"{PROJECT}{BUDGET}store: {repo.root}/store\n"})
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/models")
    folder = Folder(repo.root / "store/team/models/ledger")
    Ledger(folder, Budget(gpu_hour=12.5), lambda: NOVEMBER).reserve(ASK).settle(7200)

    assert "200.00" in repo.swiftci("cost", "--month", "2026-11").out
