"""The bench of the gate, with few draws: that what it writes is EvalScope's form, and its figures are the gate's."""

import json
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import metric
from tests.fake.repository import Repository
from tests.gate import bench, planted
from tests.gate.lab import Draw, draw, lab, seeded
from tests.gate.planted import Truth


@pytest.fixture
def small(tmp_path: Path) -> Repository:
    return lab(tmp_path / "repository")


def shape(value: Any) -> Any:
    """The form of JSON data: keys and types."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_what_is_planted_has_the_form_of_what_was_recorded(tmp_path: Path) -> None:
    planted.write(tmp_path, [True, False])

    for name in (f"reports/{planted.MODEL}/general_mcq.json", f"reviews/{planted.MODEL}/general_mcq_tools.jsonl"):
        texts = [(folder / name).read_text(encoding="utf-8") for folder in (tmp_path, planted.RECORDED)]
        first = [json.loads(text if name.endswith(".json") else text.splitlines()[0]) for text in texts]
        for one in first:
            (one.get("execution_summary") or {"subsets": {}})["subsets"].pop("places", None)
        assert shape(first[0]) == shape(first[1])


def test_the_truth_is_in_what_is_drawn() -> None:
    truth, source = Truth(change=-0.03), seeded(0, 0)
    before = truth.before(200_000, source)
    after = truth.after(before, source)

    assert sum(before) / 200_000 == pytest.approx(0.70, abs=0.005)
    assert (sum(after) - sum(before)) / 200_000 == pytest.approx(-0.03, abs=0.004)
    assert sum(map(bool.__ne__, before, after)) / 200_000 == pytest.approx(0.12, abs=0.004)


def test_the_gate_sees_what_was_planted(small: Repository) -> None:
    found = draw(small, 1000, 1, {"worse": Truth(change=-0.10), "better": Truth(change=0.10)})

    assert [(one.truth, one.verdict) for one in found] == [("worse", "fail"), ("better", "pass")]
    for subject, value in (("baseline", found[-1].before), ("candidate", found[-1].after)):
        rights = [item.scores["accuracy"] for item in metric.read_items(small.root / "candidate", subject)]
        assert sum(rights) / len(rights) == pytest.approx(value)


def test_a_draw_is_the_same_each_time(small: Repository) -> None:
    first, second, other = (draw(small, 100, number, {"worse": Truth(change=-0.10)}) for number in (1, 1, 2))

    assert first == second
    assert first != other


def drawn(items: int, truth: str, **verdicts: int) -> list[Draw]:
    return [
        Draw(items=items, truth=truth, before=0.7, after=0.7, verdict=word)
        for word, count in verdicts.items()
        for _ in range(count)
    ]


@pytest.mark.parametrize(
    ("truth", "verdicts", "held"),
    [
        ("identical", {"fail": 110, "pass": 1890}, True),
        ("identical", {"fail": 130, "pass": 1870}, False),
        ("-2 points", {"pass": 110, "fail": 1890}, True),
        ("-2 points", {"pass": 130, "inconclusive": 1870}, False),
        ("-3 points", {"fail": 1700, "inconclusive": 300}, True),
        ("-3 points", {"fail": 1600, "inconclusive": 400}, False),
    ],
)
def test_a_demand_is_missed_where_the_draws_show_it(truth: str, verdicts: dict[str, int], held: bool) -> None:
    ((good, _),) = bench.demands(drawn(1000, truth, **verdicts))

    assert good == held


def test_the_figures_and_their_errors_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--items", "30", "--draws", "4", "--workers", "1"])
    said = capsys.readouterr().out

    assert said.count("| 30 |") == 2 * len(bench.TRUTHS)
    assert "a true loss of the margin passes, 30 items" in said


def test_results_of_two_models_are_refused(small: Repository) -> None:
    planted.write(small.root / "results", [True] * 5)
    (small.root / "results/reports/another").mkdir()

    done = small.stage("evaluate", "--run-dir", "run", "--results", "results")

    assert done.code == 4
    assert "should hold the reports of one model, found: another, candidate" in done.text
