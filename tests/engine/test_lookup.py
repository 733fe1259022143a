"""The names of the runs of a hub's models."""

import re

from hypothesis import given
from hypothesis import strategies as st

from swiftci.config.model import NAME
from swiftci.engine.lookup import run_name
from swiftci.tools.hub.reference import is_id

IDS = st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9_.-]{0,95}", re.ASCII), fullmatch=True)


@given(IDS.filter(is_id))
def test_any_id_gives_a_name_that_a_config_may_have(id: str) -> None:
    assert NAME.fullmatch(run_name(id))


def test_names_are_readable_and_of_one_model_each() -> None:
    assert run_name("Qwen/Qwen3-8B").startswith("Qwen-Qwen3-8B-")
    assert run_name("01-ai/Yi-6B").startswith("_01-ai-Yi-6B-")
    assert len({run_name(one) for one in ("a/b-c", "a-b/c", "a/b.c", "a/b_c", "A/b-c")}) == 5
