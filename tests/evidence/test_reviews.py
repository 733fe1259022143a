"""What swiftci reads from EvalScope's reviews, and which of them are no measurement."""

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence import reviews, scores
from swiftci.evidence.metric import Item
from tests.evidence import evaluation
from tests.evidence.corpus import CORPUS, copy, edit_rows

REVIEWS = "reviews/candidate/general_qa_items.jsonl"


def read(out: Path, name: str = "general_qa") -> scores.Scores:
    return scores.read(out, "candidate", (name,))


def fault(out: Path) -> str:
    """The one fault of a work directory, which then holds no measurement."""
    found = read(out)
    assert (found.metrics, found.items) == ([], [])
    return found.faults[0]


def score(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = row["sample_score"]["score"]
    return found


ROWS: dict[str, tuple[Callable[[list[Any]], object], str]] = {
    "a lost row": (lambda rows: rows.pop(), "12 items were asked, 11 were scored"),
    "a row twice": (lambda rows: rows.append(rows[3]), "general_qa_items.jsonl has item 3 twice"),
    "a row for another": (
        lambda rows: rows.__setitem__(5, rows[4]),
        "general_qa_items.jsonl has item 4 twice",
    ),
    "an index that is a text": (lambda rows: rows[0].update(index="0"), "an item's index is '0', not a count"),
    "an index that is true": (lambda rows: rows[0].update(index=True), "an item's index is True, not a count"),
    "NaN": (
        lambda rows: score(rows[0])["value"].update({"Rouge-1-R": math.nan}),
        "Rouge-1-R of item 0 is nan, not a number",
    ),
    "infinite": (
        lambda rows: score(rows[0])["value"].update({"Rouge-1-R": math.inf}),
        "Rouge-1-R of item 0 is inf, not a number",
    ),
    "null": (
        lambda rows: score(rows[0])["value"].update({"Rouge-1-R": None}),
        "Rouge-1-R of item 0 is None, not a number",
    ),
    "a text": (
        lambda rows: score(rows[0])["value"].update({"Rouge-1-R": "1.0"}),
        "Rouge-1-R of item 0 is '1.0', not a number",
    ),
    "another score than the report's": (
        lambda rows: score(rows[0])["value"].update({"Rouge-1-R": 0.0}),
        "rouge-1-recall is 1.0, but its items' mean is 0.9167",
    ),
    "a score less than the report's": (
        lambda rows: score(rows[0])["value"].pop("Rouge-1-R"),
        "rouge-1-recall is of 12 items, and 11 were scored",
    ),
    "an item that was left out": (
        lambda rows: score(rows[2]).update(status="excluded", value={}, explanation="no judge answered"),
        "item 2 could not be scored (excluded): no judge answered",
    ),
    "an item that a rule judged for the judge": (
        lambda rows: score(rows[2]).update(status="fallback"),
        "item 2 could not be scored (fallback)",
    ),
}


@pytest.mark.parametrize(("change", "words"), ROWS.values(), ids=ROWS)
def test_review_that_is_no_measurement_is_refused(
    tmp_path: Path, change: Callable[[list[Any]], object], words: str
) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    edit_rows(out / REVIEWS, change)

    assert fault(out) == f"general_qa: {words}"


@pytest.mark.parametrize(
    "row",
    [
        "{}",
        "[]",
        "3",
        '{"index": 0, "messages": [], "sample_score": {}}',
        '{"index": 0, "messages": 3, "sample_score": {"score": {"value": {}}}}',
        '{"index": 0, "messages": [], "sample_score": {"score": {"value": [1]}}}',
        '{"index": 0, "messages": [], "sample_score": 3}',
        '{"index": ' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_review_of_another_form_is_refused(tmp_path: Path, row: str) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REVIEWS).write_text(row + "\n")

    assert "general_qa_items.jsonl is damaged" in fault(out)


def test_missing_reviews_are_refused(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / REVIEWS).unlink()

    assert fault(out) == "general_qa: 12 items were asked, 0 were scored"


def test_review_file_that_is_cut_off_anywhere_is_no_other_number(tmp_path: Path) -> None:
    """After every single byte: but for the last newline it is a fault, or every value is what it was."""
    path = evaluation.write(tmp_path, "ceval", {"law": [1.0, 0.0, 1.0]}) / "ceval_law.jsonl"
    whole, truth = path.read_bytes(), read(tmp_path, "ceval")
    assert truth.faults == []

    same = []
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        found = read(tmp_path, "ceval")
        if found == truth:
            same.append(length)
        else:
            assert found.faults, f"{length} bytes"
            assert (found.metrics, found.items) == ([], [])
    assert same == [len(whole) - 1, len(whole)]


@given(st.data())
def test_review_file_with_a_changed_byte_is_no_other_number(data: st.DataObject) -> None:
    """What a disk may do: a fault, or the same scores; another text is possible, another number is not."""
    with tempfile.TemporaryDirectory() as folder:
        path = evaluation.write(Path(folder), "ceval", {"law": [1.0, 0.0, 1.0]}) / "ceval_law.jsonl"
        whole, truth = path.read_bytes(), read(Path(folder), "ceval")
        place = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :])
        found = read(Path(folder), "ceval")

    if not found.faults:
        assert found.metrics == truth.metrics
        assert [item.scores for item in found.items] == [item.scores for item in truth.items]


def test_order_in_which_items_were_answered_does_not_count(tmp_path: Path) -> None:
    out = copy("evalscope/ok-repeats", tmp_path)
    edit_rows(out / "reviews/candidate/general_mcq_tools.jsonl", lambda rows: rows.reverse())

    assert read(out, "general_mcq") == read(CORPUS / "evalscope/ok-repeats/out", "general_mcq")


def test_leftover_of_a_killed_run_is_no_review(tmp_path: Path) -> None:
    out = copy("evalscope/ok-qa", tmp_path)
    (out / f"{REVIEWS}.rerun-a361c8").write_text("garbage")

    assert read(out).faults == []


def test_metric_that_failed_names_itself_and_why() -> None:
    words = fault(CORPUS / "evalscope" / "bleu-without-nltk" / "out")

    assert words.startswith(
        "general_qa: BLEU could not be computed and was scored 0: LookupError: Resource 'punkt_tab'"
    )
    assert len(words) < 300


def test_what_a_benchmark_writes_as_true_is_1() -> None:
    """EvalScope's HumanEval does; its report then has 0.6667."""
    found = read(CORPUS / "evalscope/ok-pass-at-k/out", "humaneval")

    assert [item.scores["accuracy"] for item in found.items] == [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]


def test_weight_of_an_item_is_kept_beside_its_score(tmp_path: Path) -> None:
    """IFEval counts instructions, and a word error rate words."""
    out = copy("evalscope/ok-qa", tmp_path)
    edit_rows(
        out / REVIEWS, lambda rows: [score(row).update(metadata={"metric_weights": {"Rouge-L-R": 3}}) for row in rows]
    )

    assert read(out).items[0].scores["rouge-l-recall/weight"] == 3.0


def test_prompt_decides_whether_items_match() -> None:
    """Two evaluations of the same questions have the same keys, whatever was answered."""
    one = read(CORPUS / "evalscope" / "ok-qa" / "out").items
    other = read(CORPUS / "evalscope" / "ok-qa-half" / "out").items

    assert [item.key for item in one] == [item.key for item in other]
    assert [item.prediction for item in one] != [item.prediction for item in other]
    assert len({item.prompt for item in one}) == 12


def asked(*messages: tuple[str, Any, str | None]) -> Item:
    """The item of a dialogue of roles, contents and where they came from."""
    row = {
        "index": 0,
        "messages": [{"role": role, "content": content, "source": source} for role, content, source in messages],
        "sample_score": {"score": {"value": {}, "prediction": "4"}},
    }
    return reviews._item(row, "agent", "all", "0", "")


def test_prompt_is_what_came_before_the_model_spoke() -> None:
    """What a tool answered it depends on the model; examples do not."""
    start = [
        ("system", "Use tools.", None),
        ("user", "2+2?", None),
        ("assistant", "4", "input"),
        ("user", "3+1?", None),
    ]
    one = asked(*start, ("assistant", "add(3, 1)", "generate"), ("tool", "4", None), ("assistant", "4", "generate"))
    other = asked(*start, ("assistant", "add(1, 3)", "generate"), ("tool", "broken", None))
    example = asked(*start[:2], ("assistant", "5", "input"), start[3], ("assistant", "4", "generate"))

    assert one.prompt == other.prompt
    assert one.prompt != example.prompt
    assert one.question == "3+1?"


def test_of_messages_without_a_mark_the_last_answer_is_the_models() -> None:
    one = asked(("user", "2+2?", None), ("assistant", "4", None), ("user", "3+1?", None), ("assistant", "4", None))
    other = asked(("user", "2+2?", None), ("assistant", "4", None), ("user", "3+1?", None), ("assistant", "5", None))

    assert one.prompt == other.prompt
    assert one.question == "3+1?"


def test_image_in_a_question_is_not_kept_but_counts() -> None:
    def item(data: str) -> Item:
        return asked(("user", [{"type": "image", "image": data}, {"type": "text", "text": "What is it?"}], None))

    assert item("AAAA").question == "[image]\nWhat is it?"
    assert item("AAAA").prompt != item("BBBB").prompt


def test_half_of_a_character_can_be_written_again() -> None:
    assert asked(("user", "\ud83d?", None)).question == "??"


def test_answers_to_one_question_are_told_apart() -> None:
    """As EvalScope 1.14.1 leaves them with --repeats 3: its index counts on over all answers of a subset."""
    found = read(CORPUS / "evalscope/ok-repeats/out", "general_mcq")
    tools = [item for item in found.items if item.subset == "tools"]

    assert [item.index for item in tools] == [f"{group}/{n}" for group in range(4) for n in range(3)]
    assert [item.target for item in tools[::3]] == ["A", "B", "C", "D"]
    assert all(len({item.target for item in tools[n : n + 3]}) == 1 for n in range(0, 12, 3))


@pytest.mark.parametrize("change", [{"generation_index": 1}, {"group_id": 1}, {"group_id": None}])
def test_answer_that_stands_for_another_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    out = copy("evalscope/ok-repeats", tmp_path)
    edit_rows(
        out / "reviews/candidate/general_mcq_tools.jsonl",
        lambda rows: next(row for row in rows if row["index"] == 0)["sample_score"].update(change),
    )
    found = read(out, "general_mcq")

    assert len(found.faults) == 1
    assert found.items == []


def test_row_of_json_lines_may_hold_any_text(tmp_path: Path) -> None:
    """U+2028 ends a line for str.splitlines, and no line of JSON."""
    out = copy("evalscope/ok-qa", tmp_path)
    path = out / REVIEWS
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    score(rows[0]).update(extracted_prediction="a\u2028b\x85c")
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

    assert read(out).items[0].prediction == "a\u2028b\x85c"
