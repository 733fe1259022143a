"""A hub that says no: what happened and what to do, without the token."""

import pytest

from swiftci.spec.error import ToolError
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import Stand

TOKEN = "hf_0123456789abcdef"


def refusal(stand: Stand, hub: str, id: str = "team/tiny.1", revision: str | None = None) -> ToolError:
    with pytest.raises(ToolError) as caught:
        stand.fetch(hub, "model", id, revision)
    assert TOKEN not in str(caught.value) + caught.value.hint + repr(caught.value)
    return caught.value


def test_model_that_is_not_there(stand: Stand, hub: Hub) -> None:
    error = refusal(stand, "huggingface", "team/tinny")

    assert error.kind == "user"
    assert str(error) == f"Hugging Face has no model team/tinny, or not for everybody (401 from {hub.endpoint})"
    assert "typing mistake" in error.hint
    assert "a private or gated one needs a token in HF_TOKEN, and its name in `secrets.hub`" in error.hint


def test_model_that_is_not_there_for_this_account(stand: Stand, hub: Hub) -> None:
    stand.environ = {"MODELSCOPE_API_TOKEN": TOKEN}
    error = refusal(stand, "modelscope", "team/tinny")

    assert str(error) == f"ModelScope has no model team/tinny, or not for everybody (404 from {hub.endpoint})"
    assert "the token in MODELSCOPE_API_TOKEN may be another account's" in error.hint


def test_token_that_is_not_taken(stand: Stand, hub: Hub) -> None:
    hub.token = "another"
    stand.environ = {"HF_TOKEN": TOKEN}
    error = refusal(stand, "huggingface")

    assert str(error) == f"Hugging Face does not take the token in HF_TOKEN (401 from {hub.endpoint})"


@pytest.mark.parametrize("status", [401, 403])
def test_gated_model(stand: Stand, hub: Hub, status: int) -> None:
    hub.token, hub.denial = "another", (status, "GatedRepo")
    error = refusal(stand, "huggingface")

    assert str(error) == f"Hugging Face does not give this account model team/tiny.1 ({status} from {hub.endpoint})"
    assert error.hint == f"accept its terms at {hub.endpoint} with the account whose token is in HF_TOKEN"


def test_file_of_a_gated_model_is_named(stand: Stand, hub: Hub) -> None:
    hub.faults = [Fault("/resolve/", status=403, headers={"X-Error-Code": "GatedRepo"}, times=9)]

    assert "does not give this account file " in str(refusal(stand, "huggingface"))


def test_revision_that_hugging_face_does_not_have(stand: Stand, hub: Hub) -> None:
    error = refusal(stand, "huggingface", revision="v9")

    assert str(error) == f"Hugging Face has no model team/tiny.1 at v9 (404 from {hub.endpoint})"
    assert error.hint == "look for a typing mistake in the revision"


def test_revision_that_modelscope_does_not_have(stand: Stand, hub: Hub) -> None:
    error = refusal(stand, "modelscope", revision="v9")

    assert (error.kind, str(error)) == (
        "user",
        f"ModelScope lists no file for model team/tiny.1 at v9 ({hub.endpoint})",
    )


@pytest.mark.parametrize(("name", "asked"), [("modelscope", "main"), ("huggingface", "master")])
def test_default_branch_of_the_other_hub_means_this_hubs(stand: Stand, name: str, asked: str) -> None:
    assert stand.model(name, asked).files == 2


@pytest.mark.parametrize("token", ["two words", "schlüssel", "hf_a\nhf_b"])
def test_variable_that_holds_no_token(stand: Stand, token: str) -> None:
    stand.environ = {"HF_TOKEN": token}
    with pytest.raises(ToolError) as caught:
        stand.model()

    assert caught.value.kind == "user"
    assert str(caught.value).startswith("HF_TOKEN does not hold a token")
    assert token not in str(caught.value)


def test_password_in_an_endpoint_is_not_shown(stand: Stand, hub: Hub) -> None:
    stand.endpoint = False
    stand.environ = {"HF_ENDPOINT": hub.endpoint.replace("//", "//user:pass-word@")}

    assert "pass-word" not in str(refusal(stand, "huggingface", "team/tinny"))
