"""`swiftci pull`, `chat` and `push` with the real ms-swift, Transformers and hub clients, on a model just trained."""

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import CONFIG, PROJECT, SWIFTCI, TOOLS, swiftci
from tests.standin import hub_upload

pytestmark = pytest.mark.real

TOKEN = "hub-token-that-must-not-be-seen"
LOAD = """\
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], local_files_only=True)
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1], local_files_only=True)
chat = [{"role": "system", "content": "You know where every tool lies."}, {"role": "user", "content": sys.argv[2]}]
text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
said = model.generate(ids, max_new_tokens=6, do_sample=False)[0, ids.shape[1]:]
print("SAID", tokenizer.decode(said, skip_special_tokens=True).strip())
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A repository in which an adapter, `tiny`, and a full model, `full`, were trained until they knew their data."""
    root = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model, root / "model")
    (root / "configs").mkdir()
    (root / "swiftci.yaml").write_text(PROJECT.format(tools=TOOLS))
    lora = CONFIG.replace("base: true", "base: false").replace("tuner_type: full", "tuner_type: lora")
    (root / "configs/tiny.yaml").write_text(lora.replace("learning_rate: 5e-3", "learning_rate: 1e-2"))
    full = CONFIG.replace("base: true", "base: false").replace("name: tiny", "name: full")
    (root / "configs/full.yaml").write_text(full)
    for name in ("tiny", "full"):
        done = swiftci(root, "run", f"configs/{name}.yaml")
        assert done.returncode in (0, 3), done.stdout + done.stderr
    return root


@pytest.fixture
def repository(trained: Path) -> Iterator[Path]:
    before = set(trained.iterdir())
    yield trained
    for path in set(trained.iterdir()) - before:
        shutil.rmtree(path)


def answer(folder: Path, prompt: str) -> str:
    """What the model in a folder says."""
    argv = [TOOLS, "-I", "-c", LOAD, str(folder), prompt]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.split("SAID ")[1].strip()


def test_merged_weights_say_what_the_adapter_says_on_its_base(repository: Path) -> None:
    pulled = swiftci(repository, "pull", "tiny")
    assert pulled.returncode == 0, pulled.stderr
    merged = swiftci(repository, "pull", "tiny", "--merged")
    assert merged.returncode == 0, merged.stderr

    adapter = {path.name for path in (repository / "tiny-adapter").iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "swiftci.json"} <= adapter
    assert not adapter & {"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin"}
    assert json.loads((repository / "tiny/swiftci.json").read_text())["kind"] == "merged"
    said = swiftci(repository, "chat", "tiny", "Where is the saw?", "--system", "You know where every tool lies.")
    assert said.returncode == 0, said.stderr
    tuned = said.stdout.splitlines()[2].split("│")[1].split()
    assert answer(repository / "tiny", "Where is the saw?").split() == tuned[:6] != []


@pytest.mark.parametrize("name", ["tiny", "full"])
def test_base_and_tuned_answer_side_by_side(name: str, repository: Path) -> None:
    argv = [SWIFTCI, "chat", name, "--max-tokens", "6"]

    done = subprocess.run(
        argv, cwd=repository, input="Where is the saw?\n\n锯子在哪里？\n", capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith(">")] == ["> Where is the saw?", "> 锯子在哪里？"]
    assert sum(line.split() == ["base", "│", "tuned"] for line in lines) == 2
    assert done.stderr.count("answers on port") == (1 if name == "tiny" else 2)
    for model in ("base",) if name == "tiny" else ("base", "tuned"):
        assert "Finished server process" in (repository / f".swiftci/logs/chat-{model}.log").read_text()


def test_ctrl_c_ends_the_servers_too(repository: Path) -> None:
    argv = [SWIFTCI, "chat", "full", "Where is the saw?"]
    with subprocess.Popen(argv, cwd=repository, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        while "starting chat-tuned" not in running.stderr.readline():  # the first one answers by then
            assert running.poll() is None
        time.sleep(1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()

    assert (running.returncode, said) == (130, "swiftci: stopped by SIGINT\n")
    assert len(children) == 4  # two servers, and for each a process that would end what it leaves
    assert not any(Path("/proc", pid).exists() for pid in children)


@pytest.mark.parametrize(("hub", "branch"), [("huggingface", "main"), ("modelscope", "master")])
def test_what_pull_writes_is_committed_to_a_private_repository(hub: str, branch: str, repository: Path) -> None:
    project = repository / "swiftci.yaml"
    project.write_text(project.read_text().replace("hub: huggingface\n", f"hub: {hub}\n", 1))
    variables = {
        "huggingface": ("HF_TOKEN", "HF_ENDPOINT"),
        "modelscope": ("MODELSCOPE_API_TOKEN", "MODELSCOPE_ENDPOINT"),
    }
    token, endpoint = variables[hub]
    try:
        with hub_upload.serving(TOKEN) as served:
            env = {token: TOKEN, endpoint: served.endpoint, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}

            done = swiftci(repository, "push", "full", "team/full", **env)

            assert done.returncode == 0, done.stderr
            assert f"team/full (private)\ncommit {served.repositories['team/full'].head(branch)}" in done.stdout
            assert swiftci(repository, "pull", "full").returncode == 0
            pulled = {path.name: path.read_bytes() for path in (repository / "full").iterdir()}
            found = served.repositories["team/full"]
            assert found.private
            assert {name: data for name, data in found.branches[branch].items() if name != ".gitattributes"} == pulled
            assert TOKEN not in done.stdout + done.stderr + (repository / ".swiftci/logs/push.log").read_text()

            again = swiftci(repository, "push", "full", "team/full", "--revision", "v2", **env)
            assert again.returncode == 0, again.stderr
            assert "model.safetensors" in found.branches["v2"]

            other = swiftci(repository, "push", "tiny", "team/full", "--force", **env)
            assert other.returncode == 4
            assert "it holds weights of another model: model.safetensors" in other.stderr

            found.private = False
            public = swiftci(repository, "push", "full", "team/full", **env)
            assert public.returncode == 4
            assert "it exists and is public" in public.stderr

            foreign = swiftci(repository, "push", "full", "others/full", **env)
            assert f"the account of the token in {token} may not write to others/full" in foreign.stderr
            wrong = swiftci(repository, "push", "full", "team/full", **(env | {token: "hub-wrong-token"}))
            assert f"does not take the token in {token}" in wrong.stderr

            served.loses = "config.json"
            lost = swiftci(repository, "push", "full", "team/lost", **env)
            assert lost.returncode == 4
            assert "does not list config.json after the upload" in lost.stderr
    finally:
        project.write_text(project.read_text().replace(f"hub: {hub}\n", "hub: huggingface\n", 1))
