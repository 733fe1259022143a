"""The newest models of a family, as both hubs list them."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from swiftci.config.project import Hub as HubSection
from swiftci.config.project import Project
from swiftci.tools.hub import newest as module
from swiftci.tools.hub.access import access
from swiftci.tools.hub.client import Client
from swiftci.tools.hub.newest import Model, newest
from tests.standin.hub import Fault, Hub
from tests.tools.hub.conftest import BOTH, Stand, failure
from tests.tools.hub.test_real import TOOLS, environ

MADE = {"Qwen/Qwen3-8B": "04-27", "Qwen/Qwen3-4B": "04-28", "Qwen/Qwen3-32B": "04-29", "Qwen/Qwen2.5-7B": "05-30"}
WEIGHTS = {"config.json": b"{}", "model.safetensors": b"w"}


@pytest.fixture
def family(hub: Hub) -> Hub:
    for name, day in MADE.items():
        hub.write(f"models/{name}", WEIGHTS)
        hub.created[name] = f"2025-{day}T03:41:23.000Z"
    return hub


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture(params=["modelscope", "huggingface"])
def client(request: pytest.FixtureRequest, family: Hub, stand: Stand, told: list[str]) -> Iterator[Client]:
    project = Project(actions="a/b@c", hub=HubSection(name=request.param, endpoint=family.endpoint))
    found = Client(access(request.param, project, {"HF_TOKEN": "t", "MODELSCOPE_API_TOKEN": "t"}), told.append)
    yield found
    found.close()


def test_newest_come_first_with_the_commits_that_they_have(client: Client, family: Hub) -> None:
    found = newest(client, "Qwen/Qwen3-*", 2)

    assert [one.id for one in found] == ["Qwen/Qwen3-32B", "Qwen/Qwen3-4B"]
    assert [one.commit for one in found] == [family.commit(f"models/{one.id}") for one in found]
    assert found[0].created == "2025-04-29T03:41:23.000Z"


def test_family_is_a_pattern_of_names_whatever_their_case(client: Client) -> None:
    assert [one.id for one in newest(client, "Qwen/QWEN3-*b", 9)] == [
        "Qwen/Qwen3-32B",
        "Qwen/Qwen3-4B",
        "Qwen/Qwen3-8B",
    ]
    assert [one.id for one in newest(client, "Qwen/Qwen3-8B", 9)] == ["Qwen/Qwen3-8B"]
    assert newest(client, "Qwen/Llama-*", 9) == []
    assert newest(client, "nobody/*", 9) == []


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"config.json": b"{}", "model-Q4_K_M.gguf": b"w"}, "it holds no weights that the tools load"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b"w"}, "it is an adapter, which needs another"),
    ],
)
def test_repository_that_cannot_be_measured_is_told_and_the_next_one_taken(
    client: Client, family: Hub, told: list[str], files: dict[str, bytes], why: str
) -> None:
    family.write("models/Qwen/Qwen3-New", files)
    family.created["Qwen/Qwen3-New"] = "2026-01-01T00:00:00.000Z"

    assert [one.id for one in newest(client, "Qwen/Qwen3-*", 1)] == ["Qwen/Qwen3-32B"]
    assert len(told) == 1
    assert told[0].startswith(f"Qwen/Qwen3-New is left out: {why}")


def test_model_that_this_account_may_not_see_is_told(client: Client, family: Hub, told: list[str]) -> None:
    family.created["Qwen/Qwen3-Secret"] = "2026-01-01T00:00:00.000Z"

    assert [one.id for one in newest(client, "Qwen/Qwen3-*", 1)] == ["Qwen/Qwen3-32B"]
    assert "Qwen/Qwen3-Secret is left out: " in told[0]


def test_id_that_is_none_is_left_out(client: Client, family: Hub, told: list[str]) -> None:
    family.created |= {"Qwen/$(id)": "2026-01-01", "Qwen/a\nb": "2026-01-01"}

    assert len(newest(client, "Qwen/*", 9)) == len(MADE)
    assert sorted(line.partition(" is left")[0] for line in told) == [
        'models of Qwen: "Qwen/$(id)"',
        'models of Qwen: "Qwen/a\\x0ab"',
    ]


def test_every_page_is_asked_for(client: Client, family: Hub) -> None:
    family.page = 7
    family.created |= {f"Qwen/Other-{number}": "2026-01-01" for number in range(120)}

    assert [one.id for one in newest(client, "Qwen/Qwen3-*", 1)] == ["Qwen/Qwen3-32B"]


def test_list_has_an_end(client: Client, family: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTED_MAX", 200)
    family.created |= {f"Qwen/Other-{number}": "2000-01-01" for number in range(500)}

    assert len(newest(client, "Qwen/Qwen3-*", 3)) == 3
    assert sum(one.path.endswith("/models") for one in family.requests) <= 200 // 50


@pytest.mark.parametrize("body", [b"[1]", b'{"success": false}', b'{"data": {"models": 3}}', b"3", b"<html>"])
def test_what_is_no_list_is_an_error(client: Client, family: Hub, body: bytes) -> None:
    family.faults = [Fault("/models", status=200, body=body, times=9)]
    found = failure(lambda: newest(client, "Qwen/*", 1))

    assert found.kind == "network"
    assert "models of Qwen" in found.message


def test_hub_that_is_down_is_the_networks_failure(client: Client, family: Hub) -> None:
    family.faults = [Fault("/models", status=503, times=99)]

    assert failure(lambda: newest(client, "Qwen/*", 1)).kind == "network"


def test_without_a_commit_the_branch_is_meant(stand: Stand, family: Hub) -> None:
    family.head_known = False
    project = Project(actions="a/b@c", hub=HubSection(name="modelscope", endpoint=family.endpoint))
    client = Client(access("modelscope", project, {}), lambda _: None)

    assert newest(client, "Qwen/Qwen3-8B", 1) == [Model(id="Qwen/Qwen3-8B", created="2025-04-27T03:41:23.000Z")]
    client.close()


LISTS = {
    "huggingface": """
import json, sys
from huggingface_hub import HfApi
print(json.dumps([one.id for one in HfApi().list_models(author="Qwen", sort="created_at", limit=150)]))
""",
    "modelscope": """
import json, sys
from modelscope_hub import HubApi
of = dict(owner="Qwen", sort="last_modified", page_size=50)
pages = [HubApi().list_repos("model", page_number=number, **of) for number in (1, 2, 3)]
print(json.dumps([one.id for page in pages for one in page.items]))
""",
}


@pytest.mark.real
@BOTH
def test_hubs_own_client_reads_the_stand_ins_list(family: Hub, tmp_path: Path, name: str) -> None:
    family.created |= {f"Qwen/Other-{number:03}": "2000-01-01T00:00:00.000Z" for number in range(120)}
    done = subprocess.run(
        [TOOLS / "python", "-c", LISTS[name]],
        env=environ(family, tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == [one for one, _ in family.owned("Qwen")]
