"""The very requests that our code makes: which, with which token, and to whom."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.standin.hub import Hub
from tests.tools.hub.conftest import BOTH, ROWS, WEIGHTS, Stand

Content = Callable[[Path], dict[str, bytes]]


def test_model_of_hugging_face(stand: Stand, hub: Hub, content: Content) -> None:
    commit = hub.commit("models/team/tiny.1")
    found = stand.model("huggingface")

    assert sorted(hub.said) == [
        "cdn GET /models/team/tiny.1/model.safetensors",
        "hub GET /api/models/team/tiny.1/revision/main",
        f"hub GET /api/models/team/tiny.1/tree/{commit}?recursive=true&expand=false",
        f"hub GET /api/resolve-cache/models/team/tiny.1/{commit}/config.json",
        f"hub GET /team/tiny.1/resolve/{commit}/config.json",
        f"hub GET /team/tiny.1/resolve/{commit}/model.safetensors",
    ]
    assert (found.commit, found.files, found.size, found.bytes) == (commit, 2, len(WEIGHTS) + 3, len(WEIGHTS) + 3)
    assert content(found.folder) == {"config.json": b"{}\n", "model.safetensors": WEIGHTS}


def test_data_set_of_hugging_face(stand: Stand, hub: Hub, content: Content) -> None:
    commit = hub.commit("datasets/team/rows")
    found = stand.data("huggingface")

    assert sorted(hub.said) == [
        "cdn GET /datasets/team/rows/data/a b.jsonl",
        "hub GET /api/datasets/team/rows/revision/main",
        f"hub GET /api/datasets/team/rows/tree/{commit}?recursive=true&expand=false",
        f"hub GET /api/resolve-cache/datasets/team/rows/{commit}/README.md",
        f"hub GET /datasets/team/rows/resolve/{commit}/README.md",
        f"hub GET /datasets/team/rows/resolve/{commit}/data/a b.jsonl",
    ]
    assert content(found.folder) == {"README.md": b"# rows\n", "data/a b.jsonl": ROWS}


def test_model_of_modelscope(stand: Stand, hub: Hub, content: Content) -> None:
    commit = hub.commit("models/team/tiny.1")
    found = stand.model("modelscope")

    assert sorted(hub.said) == [
        "cdn GET /models/team/tiny.1/model.safetensors",
        "hub GET /api/v1/models/team/tiny.1/repo/files?Revision=master&Recursive=True",
        f"hub GET /api/v1/models/team/tiny.1/repo?Revision={commit}&FilePath=config.json",
        f"hub GET /api/v1/models/team/tiny.1/repo?Revision={commit}&FilePath=model.safetensors",
    ]
    assert found.commit == commit
    assert content(found.folder) == {"config.json": b"{}\n", "model.safetensors": WEIGHTS}


def test_data_set_of_modelscope(stand: Stand, hub: Hub, content: Content) -> None:
    commit = hub.commit("datasets/team/rows")
    found = stand.data("modelscope")

    assert sorted(hub.said) == [
        "cdn GET /datasets/team/rows/data/a b.jsonl",
        "hub GET /api/v1/datasets/team/rows/repo/tree?Revision=master&Recursive=True&PageNumber=1&PageSize=200",
        f"hub GET /api/v1/datasets/team/rows/repo?Revision={commit}&FilePath=README.md",
        f"hub GET /api/v1/datasets/team/rows/repo?Revision={commit}&FilePath=data/a b.jsonl",
    ]
    assert content(found.folder) == {"README.md": b"# rows\n", "data/a b.jsonl": ROWS}


def test_folder_ends_with_the_name_by_which_ms_swift_knows_it(stand: Stand, hub: Hub) -> None:
    commit = hub.commit("models/team/tiny.1")

    assert stand.model("modelscope").folder == stand.cache / f"swiftci/modelscope/models/team/{commit}/tiny.1"


@BOTH
def test_pinned_commit_in_the_cache_costs_no_request(stand: Stand, hub: Hub, name: str) -> None:
    first = stand.model(name, hub.commit("models/team/tiny.1"))
    hub.requests.clear()
    again = stand.model(name, first.commit)

    assert hub.said == []
    assert (again.folder, again.commit, again.files, again.bytes) == (first.folder, first.commit, 2, 0)


@pytest.mark.parametrize(("name", "questions"), [("modelscope", 1), ("huggingface", 2)])
def test_branch_that_did_not_move_costs_only_the_question(stand: Stand, hub: Hub, name: str, questions: int) -> None:
    first = stand.model(name)
    hub.requests.clear()

    assert stand.model(name).folder == first.folder
    assert len(hub.requests) == questions


@BOTH
def test_branch_that_moved_gets_another_folder(stand: Stand, hub: Hub, name: str) -> None:
    first = stand.model(name)
    hub.write("models/team/tiny.1", {"config.json": b"{ }\n"})
    second = stand.model(name)

    assert (first.folder / "config.json").read_bytes() == b"{}\n"
    assert (second.folder / "config.json").read_bytes() == b"{ }\n"


def test_missing_file_of_a_pinned_repository_is_fetched_alone(stand: Stand, hub: Hub) -> None:
    first = stand.model("modelscope", hub.commit("models/team/tiny.1"))
    (first.folder / "config.json").unlink()
    hub.requests.clear()
    again = stand.model("modelscope", first.commit)

    assert [one for one in hub.said if "FilePath" in one or "cdn" in one] == [
        f"hub GET /api/v1/models/team/tiny.1/repo?Revision={first.commit}&FilePath=config.json"
    ]
    assert again.bytes == 3


@pytest.mark.parametrize(
    ("name", "variable"),
    [("modelscope", "MODELSCOPE_API_TOKEN"), ("huggingface", "HF_TOKEN"), ("huggingface", "HUGGING_FACE_HUB_TOKEN")],
)
def test_token_goes_to_the_hub_and_to_nobody_else(stand: Stand, hub: Hub, name: str, variable: str) -> None:
    hub.token = "hf_very-secret"
    stand.environ = {variable: " hf_very-secret\n"}
    stand.model(name)

    assert {one.token for one in hub.requests if one.server == "hub"} == {"hf_very-secret"}
    assert hub.asked_cdn
    assert not any("very-secret" in str(one.headers) for one in hub.asked_cdn)


def test_token_of_one_hub_is_not_shown_to_the_other(stand: Stand, hub: Hub) -> None:
    stand.environ = {"MODELSCOPE_API_TOKEN": "ms-very-secret"}
    stand.model("huggingface")

    assert not any("very-secret" in str(one.headers) for one in hub.requests)


def test_tokens_of_this_process_are_not_read(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of-somebody-else")
    stand.model("huggingface")

    assert {one.token for one in hub.requests} == {""}


@pytest.mark.parametrize(("name", "variable"), [("modelscope", "MODELSCOPE_ENDPOINT"), ("huggingface", "HF_ENDPOINT")])
def test_mirror_is_named_by_the_variable_of_the_hubs_own_client(
    stand: Stand, hub: Hub, name: str, variable: str
) -> None:
    stand.endpoint = False
    stand.environ = {variable: hub.endpoint + "/"}

    assert stand.model(name).files == 2


def test_pages_of_a_mirror_that_names_the_hub_are_asked_of_the_mirror(stand: Stand, hub: Hub) -> None:
    hub.page, hub.link_host = 3, "https://huggingface.co"
    hub.write("models/team/tiny.1", {f"extra/{number}.json": b"%d" % number for number in range(7)})

    assert stand.model("huggingface").files == 9
    assert [one.query.get("cursor") for one in hub.requests if "/tree/" in one.path] == [None, "3", "6", "9"]


def test_data_set_of_modelscope_comes_in_pages(stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swiftci.tools.hub.modelscope.PAGE", 10)
    hub.write("datasets/team/rows", {f"part/{number:03}.txt": b"%d" % number for number in range(16)})

    assert stand.data("modelscope").files == 18
    assert [one.query["PageNumber"] for one in hub.requests if one.path.endswith("/tree")] == ["1", "2", "3"]


def test_list_that_modelscope_cut_is_asked_for_folder_by_folder(
    stand: Stand, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swiftci.tools.hub.modelscope.CUT", 6)
    hub.page = 6
    hub.write("models/team/tiny.1", {f"{folder}/{number}.txt": b"x" for folder in "ab" for number in range(4)})

    assert stand.model("modelscope").files == 10
    assert [one.query.get("Root") for one in hub.requests if one.path.endswith("/files")] == [None, None, "a", "b"]


def test_commit_that_modelscope_does_not_tell_is_named_by_the_list(stand: Stand, hub: Hub) -> None:
    hub.head_known = False
    found = stand.model("modelscope")

    assert found.commit is None
    assert found.folder.parent.name.startswith("list-")
    assert {one.query["Revision"] for one in hub.requests if one.server == "hub"} == {"master"}


def test_weights_in_another_format_are_left_out(stand: Stand, hub: Hub, content: Content) -> None:
    more = {
        "pytorch_model.bin": b"x",
        "original/consolidated.00.pth": b"x",
        "onnx/model.onnx": b"x",
        "spk_dict.pt": b"x",
    }
    hub.write("models/team/tiny.1", more)

    assert set(content(stand.model().folder)) == {"config.json", "model.safetensors", "spk_dict.pt"}


def test_weights_in_the_only_format_there_is_are_fetched(stand: Stand, hub: Hub) -> None:
    hub.write("models/team/old", {"pytorch_model.bin": b"x", "config.json": b"{}"})

    assert stand.fetch("modelscope", "model", "team/old").files == 2
