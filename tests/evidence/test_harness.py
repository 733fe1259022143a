"""Which format a team's results are of."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftci.evidence import harness, lm_eval, promptfoo
from swiftci.evidence.fault import DAMAGED, Fault
from tests.evidence.corpus import CORPUS

PROMPTFOO = CORPUS / "promptfoo/ok/tools.json"
LM_EVAL = CORPUS / "lm_eval/choices"


def faults(path: Path, *datasets: str) -> list[str]:
    found = harness.read(path, "candidate", datasets)
    assert not (found.faults and (found.metrics or found.items)) or len(datasets) > 1
    return found.faults


def test_formats_may_lie_beside_each_other(tmp_path: Path) -> None:
    shutil.copytree(LM_EVAL, tmp_path / "lm_eval")
    shutil.copy(PROMPTFOO, tmp_path / "asked.json")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    found = harness.read(tmp_path, "candidate", ("places", "asked"))

    assert found.faults == []
    assert {one.dataset for one in found.metrics} == {"places", "asked"}
    assert {one.subject for one in found.metrics} == {"candidate"}


def test_one_bad_data_set_does_not_hide_another(tmp_path: Path) -> None:
    found = harness.read(LM_EVAL, "candidate", ("gsm8k", "tools"))

    assert found.faults == ["gsm8k: choices has no results of it; it has: more_tools, places, tools, tools_text"]
    assert {one.dataset for one in found.metrics} == {"tools"}


def test_two_results_of_one_data_set_are_one_too_many(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        shutil.copy(PROMPTFOO, tmp_path / name)

    assert faults(tmp_path, "tools") == [
        "tools: its results are in 2 files, of which one counts: first/tools.json, second/tools.json"
    ]


def test_damaged_file_beside_results_is_said_where_something_is_missing(tmp_path: Path) -> None:
    shutil.copy(PROMPTFOO, tmp_path)
    (tmp_path / "more.json").write_bytes(PROMPTFOO.read_bytes()[:-30])
    (tmp_path / "tsconfig.json").write_text("{} // a comment")

    assert faults(tmp_path, "tools") == []
    words = faults(tmp_path, "more")[0]
    assert words.startswith(f"more: {tmp_path.name} has no results of it; it has: tools; more.json is damaged: ")


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"results": {}}', '{"results": {"results": []}}'])
def test_file_of_another_format_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tools.json"
    path.write_text(text)

    assert faults(path, "tools") == [
        "tools.json holds no results of lm-evaluation-harness (results_*.json) "
        "or of promptfoo (`promptfoo eval -o NAME.json`)"
    ]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_damaged_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "tools.json"
    path.write_bytes(data)

    assert faults(path, "tools")[0].startswith("tools.json is damaged: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["results", "configs", "higher_is_better", "n-samples", "groups"]), JSON), JSON)
def test_no_results_of_lm_eval_are_a_crash(data: dict[str, object], inner: object) -> None:
    data = {"configs": {}, "higher_is_better": {}, "n-samples": {}, **data, "results": {"tools": inner}}
    whole = lm_eval.Results(Path("/nowhere/results_now.json"), data)
    if whole.knows(data):
        assert _refused(whole, "tools")


@given(st.dictionaries(st.sampled_from(["results", "stats", "prompts", "version"]), JSON))
def test_no_results_of_promptfoo_are_a_crash(inner: dict[str, object]) -> None:
    data = {"config": {}, "results": {"results": [], "stats": {}, **inner, "version": 3}}
    whole = promptfoo.Results(Path("/nowhere/tools.json"), data)

    assert _refused(whole, "tools")


def _refused(results: harness.Results, name: str) -> bool:
    try:
        results.read(name, "candidate", "")
    except (Fault, *DAMAGED):
        return True
    return False
