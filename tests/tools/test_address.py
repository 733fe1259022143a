"""An address is asked before GPU time is spent on what needs it."""

import pytest

from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.tools.address import answers
from tests.standin.openai import api


def test_any_answer_will_do() -> None:
    with api(lambda messages: "", "key") as served:
        answers(served.url, "evaluate.endpoint.url")


def test_nothing_there_is_named_with_its_key_and_reason() -> None:
    with pytest.raises(
        ToolError, match=r"evaluate.endpoint.url: nothing answers at http://127.0.0.1:9/v1: .*refused"
    ) as error:
        answers("http://127.0.0.1:9/v1", "evaluate.endpoint.url")
    assert error.value.exit is Exit.NETWORK
