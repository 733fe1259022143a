"""What swiftci reads from what lm-evaluation-harness leaves."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from swiftci.evidence import harness
from swiftci.evidence.scores import Scores
from tests.conftest import Golden
from tests.evidence.corpus import CORPUS, edit, edit_rows

RECORDED = CORPUS / "lm_eval"
EXPECTED = Path(__file__).parent / "expected" / "lm_eval"
DATASETS = {
    "choices": ("places", "tools", "tools_text"),
    "answers": ("tools_answer",),
    "without-samples": ("places",),
    "predict-only": ("tools_answer",),
}


def read(path: Path, *datasets: str, **clusters: str) -> Scores:
    return harness.read(path, "candidate", datasets, clusters)


def copied(case: str, folder: Path) -> Path:
    """A recording that may be changed, its files called as without their date."""
    for path in (RECORDED / case).rglob("*.json*"):
        word = path.stem.rpartition("_")[0]
        (folder / f"{word}_now{path.suffix}").write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("case", sorted(path.name for path in RECORDED.iterdir()))
def test_recorded_results_are_read(case: str, golden: Golden) -> None:
    found = read(RECORDED / case, *DATASETS[case])
    first = {item.dataset: asdict(item) for item in reversed(found.items)}
    shown = {"metrics": [asdict(one) for one in found.metrics], "first": first, "faults": found.faults}

    golden(EXPECTED / f"{case}.json", json.dumps(shown, ensure_ascii=False, indent=1) + "\n")


def test_every_recording_says_what_it_is() -> None:
    assert set(DATASETS) == {path.name for path in RECORDED.iterdir()}


def test_standard_error_of_a_mean_is_the_harness_own(tmp_path: Path) -> None:
    found = read(copied("choices", tmp_path), "tools")
    told = json.loads((tmp_path / "results_now.json").read_text())["results"]["tools"]

    assert [one.stderr for one in found.metrics] == [
        pytest.approx(told["acc_stderr,none"], abs=1e-12),
        pytest.approx(told["acc_norm_stderr,none"], abs=1e-12),
    ]


def test_group_is_a_data_set_whose_tasks_are_subsets() -> None:
    found = read(RECORDED / "choices", "places")
    metrics = {(one.metric, one.subset): one for one in found.metrics}

    assert list(metrics) == [
        ("acc", None),
        ("acc", "tools"),
        ("acc_norm", "tools"),
        ("acc", "more_tools"),
        ("acc_norm", "more_tools"),
    ]
    assert metrics["acc", None].items == len(found.items) == 16
    assert {(item.dataset, item.subset) for item in found.items} == {("places", "tools"), ("places", "more_tools")}


def test_group_by_tasks_keeps_the_harness_standard_error(tmp_path: Path) -> None:
    """With weight_by_size: false it is a mean over tasks, and no mean over items."""
    out = copied("choices", tmp_path)
    told = {"acc,none": (0.3 + 1 / 6) / 2, "acc_stderr,none": 0.125}
    edit(out / "results_now.json", lambda data: data["results"]["places"].update(told))
    metric = read(out, "places").metrics[0]

    assert (metric.value, metric.stderr, metric.items) == (told["acc,none"], 0.125, 16)


def test_answer_by_likelihood_is_shown_in_words() -> None:
    item = read(RECORDED / "choices", "tools").items[0]

    assert (item.question, item.target, item.prediction) == ("Where is the hammer?", "shelf", "bench")


def test_several_filters_are_several_metrics_of_one_item() -> None:
    found = read(RECORDED / "answers", "tools_answer")

    assert len(found.items) == 10
    assert found.items[0].scores == {"exact_match-strict-match": 1.0, "exact_match-maj@3": 0.0}
    assert found.items[0].question == "Where is the hammer?"


def test_answer_that_no_filter_could_read_is_shown_as_it_was() -> None:
    found = read(RECORDED / "answers", "tools_answer")

    assert "[invalid]" not in {item.prediction for item in found.items}
    assert "It is the box." in {item.prediction for item in found.items}


def test_metric_of_all_answers_at_once_is_none_of_an_items() -> None:
    """Their mean would be another number, in which more may be better where less is of the metric."""
    found = read(RECORDED / "choices", "tools_text")

    assert [(one.metric, one.direction, one.stderr) for one in found.metrics] == [
        ("word_perplexity", "lower_is_better", None),
        ("bits_per_byte", "lower_is_better", None),
    ]
    for metric in found.metrics:
        pairs = [
            tuple(item.scores[f"{metric.metric}/{part}"] for part in ("log_likelihood", "weight"))
            for item in found.items
        ]
        bits = -sum(one for one, _ in pairs) / sum(weight for _, weight in pairs) / math.log(2)
        assert metric.metric not in found.items[0].scores
        assert metric.value == pytest.approx(bits if metric.metric == "bits_per_byte" else 2**bits)


def test_value_that_is_no_part_of_a_mean_is_kept_apart(tmp_path: Path) -> None:
    """Such as of a median, or of a function of the task's own."""
    out = copied("choices", tmp_path)

    def change(data: dict[str, Any]) -> None:
        data["results"]["tools"]["acc,none"] = 0.0
        data["configs"]["tools"]["metric_list"][0]["aggregation"] = "median"

    edit(out / "results_now.json", change)
    found = read(out, "tools")

    assert (found.faults, found.metrics[0].value) == ([], 0.0)
    assert found.items[0].scores == {"acc/value": 0.0, "acc_norm": 0.0}


def test_items_are_the_same_in_two_evaluations_of_other_models(tmp_path: Path) -> None:
    out = copied("choices", tmp_path)

    def answer(rows: list[Any]) -> None:
        for row in rows:
            row.update(acc=1.0, filtered_resps=row["filtered_resps"][::-1])

    edit_rows(out / "samples_tools_now.jsonl", answer)
    edit(out / "results_now.json", lambda data: data["results"]["tools"].update({"acc,none": 1.0}))
    one, other = read(RECORDED / "choices", "tools"), read(out, "tools")

    assert other.faults == []
    assert [item.key for item in one.items] == [item.key for item in other.items]
    assert [item.prediction for item in one.items] != [item.prediction for item in other.items]


def test_cluster_is_a_key_of_the_document() -> None:
    found = read(RECORDED / "choices", "tools", tools="answer")

    assert [item.cluster for item in found.items[:4]] == ["shelf", "box", "bench", "drawer"]
    assert found.metrics[0].stderr != read(RECORDED / "choices", "tools").metrics[0].stderr
    assert read(RECORDED / "choices", "tools", tools="place").faults == [
        "tools: item 0 has no 'place', by which evaluate.clusters groups this data set; "
        "it has: answer, choices, gold, question"
    ]


RESULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "NaN": (lambda d: d["results"]["tools"].update({"acc,none": math.nan}), "acc is nan, not a number"),
    "a text": (lambda d: d["results"]["tools"].update({"acc,none": "0.3"}), "acc is '0.3', not a number"),
    "true": (lambda d: d["results"]["tools"].update({"acc,none": True}), "acc is true, not a number"),
    "another score": (
        lambda d: d["results"]["tools"].update({"acc,none": 0.4}),
        "acc is 0.4, but its items' mean is 0.3000",
    ),
    "an error that is no number": (
        lambda d: d["results"]["tools"].update({"acc_stderr,none": math.inf}),
        "acc's standard error is inf, not a number",
    ),
    "more items": (
        lambda d: d["n-samples"]["tools"].update(effective=11),
        "11 items were asked, 10 are in samples_tools_now.jsonl",
    ),
    "no metric": (lambda d: d.update(results={"tools": {"alias": "tools"}}), "the results hold no metric"),
    "no items": (
        lambda d: d.update({"n-samples": {}}),
        "the results have another form than is known: KeyError('tools')",
    ),
    "another run's hash": (
        lambda d: d["task_hashes"].update(tools="0" * 64),
        "samples_tools_now.jsonl is not what these results were made of: rows are missing, or are of another run",
    ),
    "no hash": (
        lambda d: d.pop("task_hashes"),
        "samples_tools_now.jsonl is not what these results were made of: rows are missing, or are of another run",
    ),
}


@pytest.mark.parametrize(("change", "words"), RESULTS.values(), ids=RESULTS)
def test_results_that_are_no_measurement_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    out = copied("choices", tmp_path)
    edit(out / "results_now.json", change)
    found = read(out, "tools")

    assert (found.metrics, found.items, found.faults) == ([], [], [f"tools: {words}"])


GROUPS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another score": (
        lambda d: d["results"]["places"].update({"acc,none": 0.9}),
        "acc is 0.9, but its tasks make 0.2500",
    ),
    "no score": (
        lambda d: d["results"].update(places={"alias": "places"}),
        "this group has no score of its own; its tasks have: tools, more_tools",
    ),
    "a metric of no task": (
        lambda d: d["results"]["places"].update({"f1,none": 0.9}),
        "f1 is in none of its tasks",
    ),
}


@pytest.mark.parametrize(("change", "words"), GROUPS.values(), ids=GROUPS)
def test_group_that_its_tasks_do_not_make_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    out = copied("choices", tmp_path)
    edit(out / "results_now.json", change)

    assert read(out, "places").faults == [f"places: {words}"]


ROWS: dict[str, tuple[Callable[[list[Any]], object], str]] = {
    "a lost row": (
        lambda rows: rows.pop(),
        "samples_tools_now.jsonl is not what these results were made of: rows are missing, or are of another run",
    ),
    "a row twice": (lambda rows: rows.append(rows[3]), "samples_tools_now.jsonl has item 3 twice"),
    "a row for another": (lambda rows: rows.__setitem__(4, rows[3]), "samples_tools_now.jsonl has item 3 twice"),
    "NaN": (lambda rows: rows[0].update(acc=math.nan), "acc of item 0 is nan, not a number"),
    "a text": (lambda rows: rows[0].update(acc="1.0"), "acc of item 0 is '1.0', not a number"),
    "null": (lambda rows: rows[0].update(acc=None), "acc of item 0 is None, not a number"),
    "another score": (lambda rows: rows[0].update(acc=1.0), "acc is 0.3, but its items' mean is 0.4000"),
    "another filter": (
        lambda rows: rows[0].update(filter="other"),
        "samples_tools_now.jsonl lacks items of one of the filters none, other",
    ),
    "another form": (lambda rows: rows[0].pop("doc_hash"), "samples_tools_now.jsonl is damaged: 'doc_hash'"),
}


@pytest.mark.parametrize(("change", "words"), ROWS.values(), ids=ROWS)
def test_samples_that_are_no_measurement_are_refused(
    tmp_path: Path, change: Callable[[list[Any]], object], words: str
) -> None:
    out = copied("choices", tmp_path)
    edit_rows(out / "samples_tools_now.jsonl", change)
    found = read(out, "tools")

    assert (found.metrics, found.items, found.faults) == ([], [], [f"tools: {words}"])


def test_samples_that_are_cut_off_anywhere_are_no_other_number(tmp_path: Path) -> None:
    """After every 7th byte, and around each line's end."""
    out = copied("choices", tmp_path)
    path = out / "samples_more_tools_now.jsonl"
    whole, truth = path.read_bytes(), read(out, "more_tools")
    assert truth.faults == []
    ends = [place + more for place, byte in enumerate(whole) if byte == ord("\n") for more in (-1, 0, 1)]

    for length in sorted({*range(0, len(whole), 7), *ends}):
        path.write_bytes(whole[:length])
        found = read(out, "more_tools")
        assert found == truth or (found.faults and not found.metrics and not found.items), f"{length} bytes"
