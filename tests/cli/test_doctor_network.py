"""`swiftci doctor` on hubs, tokens and the addresses that a config names."""

import time
from typing import Any

import pytest

from swiftci.cli import doctor
from swiftci.spec.exit import Exit
from tests.cli.doctors import Site, checks, examined
from tests.fake.repository import CONFIG, Repository

TOKEN = "hf_never_to_be_seen"


@pytest.mark.parametrize(
    ("status", "body", "state", "text"),
    [
        (200, {"name": "team"}, "ok", "takes the token in HF_TOKEN: it is team's"),
        (200, ["?"], "ok", "does not say whose token is in HF_TOKEN"),
        (404, {}, "ok", "does not say whose token is in HF_TOKEN"),
        (401, {}, "fail", "Hugging Face does not take the token in HF_TOKEN"),
        (503, {}, "warn", "answered 503"),
    ],
)
def test_token_is_shown_to_its_hub_alone(
    here: Repository, site: Site, status: int, body: Any, state: str, text: str
) -> None:
    site.status, site.body = status, body

    ran = here.swiftci("doctor", CONFIG, "--format", "json", HF_TOKEN=TOKEN)

    found = checks(ran)["hub"]
    assert found[0] == state
    assert text in found[1]
    assert site.asked == [("/api/whoami-v2", f"Bearer {TOKEN}")]
    assert TOKEN not in ran.text


def test_modelscope_is_asked_in_its_own_way(here: Repository, site: Site) -> None:
    here.project["hub"]["name"] = "modelscope"
    site.body = {"success": True, "data": {"username": "队"}}

    assert examined(here, MODELSCOPE_API_TOKEN=TOKEN)["hub"][1].endswith("it is 队's")
    assert site.asked == [("/openapi/v1/users/me", f"Bearer {TOKEN}")]


def test_hub_that_a_config_needs_and_nobody_reaches_is_the_networks_failure(here: Repository) -> None:
    here.config["train"]["args"]["model"] = "team/model"
    here.project["hub"]["endpoint"] = "http://127.0.0.1:9"
    here.write()

    ran = here.swiftci("doctor", CONFIG)

    assert ran.code == Exit.NETWORK
    assert "✗ hub" in ran.out
    assert "http://127.0.0.1:9 cannot be reached" in ran.out


def test_slow_addresses_are_not_waited_for(here: Repository, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.3)
    site.seconds = 5
    here.config["evaluate"]["args"]["judge"] = {"models": [{"model_id": "judge", "api_url": f"{site.url}/v1"}]}

    began = time.monotonic()
    found = examined(here)

    assert time.monotonic() - began < 4
    assert found["network"] == (
        "fail",
        f"evaluate.args.judge.models.0.api_url, {site.url}/v1, did not answer within 0 s",
    )


def test_served_models_are_asked_for(here: Repository, site: Site) -> None:
    here.config["evaluate"] |= {"base": False, "endpoint": {"url": f"{site.url}/v1", "model": "m"}}

    assert examined(here)["address"] == ("ok", f"evaluate.endpoint.url: {site.url}/v1 answers")
