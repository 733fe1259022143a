"""`swiftci doctor`: what a machine has and lacks for a run, and what the command ends with."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from swiftci.cli import doctor
from swiftci.spec.error import ToolError
from swiftci.spec.exit import Exit
from swiftci.stages import preflight
from swiftci.stages.preflight import Check
from swiftci.tools import torch_cuda
from tests.conftest import Repo
from tests.fake.repository import CONFIG, Ran, Repository
from tests.stages.stand import context
from tests.tools.nvml import Machine, build

TOKEN = "hf_never_to_be_seen"


@dataclass
class Site:
    """A web server that answers every path alike, and remembers what it was asked with."""

    url: str
    status: int = 200
    body: Any = field(default_factory=lambda: {"name": "team"})
    seconds: float = 0.0
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("Authorization", "")))
            time.sleep(found.seconds)
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(json.dumps(found.body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that went away is no news
    found = Site(url=f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def here(repository: Repository, site: Site) -> Repository:
    """A repository whose hub is the site."""
    repository.project["hub"] = {"name": "huggingface", "endpoint": site.url}
    repository.environ |= {"NO_PROXY": "*", "FAKE_HUB_TOKEN": "x"}
    repository.write()
    return repository


@pytest.fixture
def cards(library: Path, tmp_path: Path, here: Repository) -> Machine:
    """A machine with cards, for a config that asks for one."""
    found = Machine(folder=tmp_path, library=library)
    here.environ |= {key: value for key, value in found.environ.items() if key != "PATH"}
    here.config["train"]["gpus"] = 1
    here.write()
    found.cards(0)
    return found


def checks(ran: Ran) -> dict[str, tuple[str, str]]:
    """State and text of each check, by its name."""
    return {one["name"]: (one["state"], one["text"]) for one in json.loads(ran.out)["checks"]}


def examined(repository: Repository, *arguments: str, **environ: str) -> dict[str, tuple[str, str]]:
    repository.write()
    return checks(repository.swiftci("doctor", CONFIG, "--format", "json", *arguments, **environ))


def test_machine_that_has_all(here: Repository) -> None:
    ran = here.swiftci("doctor", CONFIG)

    assert (ran.code, ran.err) == (0, "")
    assert "✓ tools" in ran.out
    assert "ms-swift 4.6.0, evalscope 1.14.1, torch 2.13.0" in ran.out
    assert "✗" not in ran.out
    assert not (here.root / ".swiftci").exists()


def test_without_a_config_the_hungriest_one_counts(here: Repository, cards: Machine) -> None:
    here.config["train"]["gpus"] = 3
    here.write()
    second = {**here.config, "name": "small", "train": {**here.config["train"], "gpus": 0}}
    (here.root / "configs/small.yaml").write_text(json.dumps(second))

    ran = here.swiftci("doctor", "--format", "json")

    assert checks(ran)["gpus"][0] == "fail"
    assert checks(ran)["gpus"][1].startswith("3 GPUs are asked for, and this machine shows 1 (NVIDIA A100-SXM4-80GB)")
    assert ran.code == 4


def test_outside_of_a_repository_the_machine_is_looked_at(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSCOPE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("PATH", "/nowhere")

    done = repo.swiftci("doctor")

    assert done.code == 4
    assert "! project" in done.out
    assert "✗ tools" in done.out
    assert "! hub" in done.out
    assert list(repo.root.iterdir()) == []


def test_config_with_a_mistake_is_told_and_the_machine_still_looked_at(here: Repository) -> None:
    here.config["train"]["gpus"] = "many"
    here.write()

    ran = here.swiftci("doctor", CONFIG)

    assert ran.code == Exit.CONFIG
    assert "error[wrong-type]" in ran.err
    assert "✗ project" in ran.out
    assert "✓ cache" in ran.out


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], Exit.DONE),
        (["network"], Exit.NETWORK),
        (["network", "disk"], Exit.TOOL),
        (["user"], Exit.TOOL),
        (["network", "config"], Exit.CONFIG),
    ],
)
def test_exit_code(kinds: list[Any], code: Exit) -> None:
    found = [Check(name="a", state="fail", text="", kind=kind) for kind in kinds]

    assert doctor.exit_code([*found, Check(name="b", state="warn", text="", kind="network")]) == code


def test_used_card_is_told_with_its_user(here: Repository, cards: Machine) -> None:
    cards.show("card 81920 31948 97 NVIDIA A100", "process 0 1073741824 31000")

    found = examined(here)

    assert found["gpus"] == ("warn", "1 asked for, 0 of 1 free (NVIDIA A100, driver 550.54.15)")
    assert found["gpu"] == ("warn", "GPU 0: 31.2 of 80 GB used by pid 1073741824")


def test_lost_card_and_dead_driver_fail(here: Repository, cards: Machine) -> None:
    cards.show("card 81920 0 0 NVIDIA A100", "fails nvmlDeviceGetHandleByIndex_v2 15")
    assert examined(here)["gpu"] == ("warn", "GPU 0 cannot be used: GPU is lost (NVML code 15)")
    assert examined(here)["gpus"][0] == "fail"

    cards.show("fails nvmlInitWithFlags 9")
    assert examined(here)["gpus"][1].endswith("no program can use one: NVML says: Driver Not Loaded")


@pytest.mark.parametrize(
    ("cuda", "cards_seen", "state", "said"),
    [
        ("12.8", 1, "ok", "torch 2.9, built for CUDA 12.8, can use 1 of the 1 GPUs that are asked for; the driver"),
        ("13.0", 0, "fail", "the driver knows CUDA 12.4: driver too old"),
        ("", 0, "fail", "torch 2.9, for no GPU, can use 0"),
    ],
)
def test_torch_that_cannot_use_the_cards_fails(
    here: Repository, cards: Machine, monkeypatch: pytest.MonkeyPatch, cuda: str, cards_seen: int, state: str, said: str
) -> None:
    said_by_torch = "" if cards_seen or not cuda else "driver too old"
    answer = torch_cuda.Torch(torch="2.9", cuda=cuda, rocm="", cards=cards_seen, other=False, said=said_by_torch)
    monkeypatch.setattr(torch_cuda, "ask", lambda python, environ: answer)

    found = examined(here)["torch"]

    assert found[0] == state
    assert said in found[1]


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


def test_secrets_that_are_not_set_are_named_by_their_group(here: Repository) -> None:
    here.project["secrets"] = {"hub": ["FAKE_HUB_TOKEN"], "judge": ["JUDGE_KEY", "OTHER_KEY"]}
    here.write()

    ran = here.swiftci("doctor", CONFIG)

    assert ran.code == 0
    assert "✓ secrets        secrets.hub: FAKE_HUB_TOKEN\n" in ran.out
    assert "! secrets        JUDGE_KEY, OTHER_KEY of secrets.judge are not set here\n" in ran.out
    assert "the judge under `evaluate.args.judge` needs it" in ran.out


def test_tracker_without_its_key_is_told(here: Repository) -> None:
    here.config["train"]["args"]["report_to"] = "wandb"

    assert examined(here)["tracker"][1] == "report_to names wandb, and WANDB_API_KEY is not set"


def test_full_disk_fails(here: Repository) -> None:
    here.config["limits"] = {"free_disk_gb": 90_000}

    state, text = examined(here)["run directory"]

    assert state == "fail"
    assert "free, and 90.0 TB must be" in text


def test_cache_below_a_file_system_that_is_read_only_fails(here: Repository) -> None:
    here.project["cache"] = "/proc/cache"

    state, text = examined(here)["cache"]

    assert state == "fail"
    assert text.startswith("/proc/cache/swiftci cannot be written: ")


def test_cache_that_knows_no_locks_fails(here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(preflight.fcntl, "flock", refuse)

    found = preflight.folders(here.load()[0], here.environ, here.root, here.root, 0)

    assert [(one.name, one.state) for one in found] == [("run directory", "fail"), ("cache", "fail"), ("store", "warn")]


def test_train_job_begins_with_the_same_checks(here: Repository) -> None:
    found = preflight.check(context(here))

    assert {one.name for one in found} >= {"tools", "gpus", "run directory", "cache"}
    assert not [one for one in found if one.state == "fail"]


def test_train_job_ends_where_gpu_time_would_be_lost(here: Repository, cards: Machine) -> None:
    here.config["train"]["gpus"] = 2
    here.write()

    with pytest.raises(ToolError, match="2 GPUs are asked for, and this machine shows 1") as caught:
        preflight.check(context(here))
    assert caught.value.kind == "user"
