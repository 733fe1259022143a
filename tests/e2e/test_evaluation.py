"""Every way to evaluate, with the real EvalScope and `swift deploy`, through `swiftci run`."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import swiftci
from tests.standin.openai import api
from tests.tiny import benchmarks

pytestmark = pytest.mark.real

KEY = "sk-a-key-that-nobody-may-see"
SHORT = ("train.args.max_steps=2", "train.args.save_steps=2", "gate=[]", "evaluate.base=false")
ITEMS = {"general_qa": {"local_path": "model/data/heldout", "subset_list": ["items"], "metric_list": ["Rouge"]}}


def sets(*values: str, **args: Any) -> list[str]:
    """`--set` for each value, and EvalScope's arguments instead of the config's."""
    told = [*SHORT, *values, *([f"evaluate.args={json.dumps(args)}"] if args else [])]
    return [word for value in told for word in ("--set", value)]


def scores(repository: Path) -> dict[str, float]:
    found: dict[str, float] = json.loads((repository / ".swiftci/runs/tiny/eval_results.json").read_text())["metrics"]
    return found


def everything(repository: Path) -> str:
    """All text that a run left."""
    files = [path for path in (repository / ".swiftci").rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


@pytest.mark.parametrize("tuner", ["full", "lora"])
def test_base_and_checkpoint_are_scored_through_a_server_of_ones_own(repository: Path, tuner: str) -> None:
    args = {"dataset_args": ITEMS, "generation_config": {"max_tokens": 6}, "limit": 4}
    values = sets("evaluate.serve=transformers", f"train.args.tuner_type={tuner}", "evaluate.base=true", **args)

    done = swiftci(repository, "run", "configs/tiny.yaml", *values)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "serve-candidate answers on port" in done.stdout
    assert scores(repository)
    for subject in ("base", "candidate"):
        log = (repository / f".swiftci/runs/tiny/logs/serve-{subject}.log").read_text()
        assert "Finished server process" in log


def test_a_server_that_cannot_start_is_no_endless_wait(repository: Path) -> None:
    values = sets("evaluate.serve={backend: transformers, args: {model_type: qwen99}}", dataset_args=ITEMS)

    done = swiftci(repository, "run", "configs/tiny.yaml", *values)

    assert done.returncode == 4
    assert "serve-candidate ended before it answered: ms-swift does not know model_type: 'qwen99'" in done.stderr


def test_a_given_endpoint_is_asked_with_its_key_and_the_key_is_seen_nowhere(repository: Path) -> None:
    with (repository / "swiftci.yaml").open("a") as file:
        file.write("secrets: {hub: HF_TOKEN, endpoint: MODEL_KEY}\n")
    project = (repository / "swiftci.yaml").read_text().replace("secrets: {hub: HF_TOKEN}\n", "")
    (repository / "swiftci.yaml").write_text(project)
    with api(lambda messages: "shelf", KEY) as served:
        values = sets(f"evaluate.endpoint={{url: {served.url}, model: ours}}", dataset_args=ITEMS)

        done = swiftci(repository, "run", "configs/tiny.yaml", *values, MODEL_KEY=KEY)

        assert done.returncode == 0, done.stdout + done.stderr
        assert served.refused == 0
        assert {request["model"] for request in served.requests} == {"ours"}
        assert {(request["temperature"], request["seed"]) for request in served.requests} == {(0.0, 42)}
    assert 0 < scores(repository)["general_qa.rouge-l-recall"] < 1
    assert KEY not in done.stdout + done.stderr + everything(repository)

    with api(lambda messages: "shelf", KEY) as served:
        values = sets(f"evaluate.endpoint={{url: {served.url}, model: ours}}", dataset_args=ITEMS)

        refused = swiftci(repository, "run", "configs/tiny.yaml", *values, MODEL_KEY="sk-wrong-key")

        assert refused.returncode == 4
        assert "401" in refused.stderr


def test_a_judge_scores_what_rules_cannot(repository: Path) -> None:
    project = (repository / "swiftci.yaml").read_text()
    (repository / "swiftci.yaml").write_text(project.replace("{hub: HF_TOKEN}", "{judge: JUDGE_KEY}"))
    with api(lambda messages: '{"reasoning": "fine", "verdict": "A"}', KEY) as judge:
        judges = {"strategy": "llm", "models": [{"model_id": "judge", "api_url": judge.url}]}
        args = {"dataset_args": ITEMS, "limit": 3, "judge": judges, "model_args": {"precision": "float32"}}
        values = sets(**args, generation_config={"max_tokens": 6})

        done = swiftci(repository, "run", "configs/tiny.yaml", *values, JUDGE_KEY=KEY)

        assert done.returncode == 0, done.stdout + done.stderr
        assert len(judge.requests) == 3
    assert KEY not in done.stdout + done.stderr + everything(repository)


def test_standard_benchmarks_from_a_mirror_on_disk(repository: Path) -> None:
    benchmarks.write(repository / "mirror")
    data = {
        name: {"local_path": f"mirror/{name}", "subset_list": [subset], "few_shot_num": 0}
        for name, subset in benchmarks.SUBSETS.items()
    }
    args = {"dataset_args": data, "generation_config": {"max_tokens": 4}, "model_args": {"precision": "float32"}}
    values = sets("evaluate.datasets=[gsm8k, ceval, cmmlu, mmlu]", **args)

    done = swiftci(repository, "run", "configs/tiny.yaml", *values)

    assert done.returncode == 0, done.stdout + done.stderr
    assert {name.partition(".")[0] for name in scores(repository)} == set(benchmarks.SUBSETS)


def test_a_mirror_that_changed_is_read_anew(repository: Path) -> None:
    data = {"gsm8k": {"local_path": "mirror/gsm8k", "few_shot_num": 0}}
    asked = []
    for word in ("and", "plus"):
        benchmarks.gsm8k(repository / "mirror/gsm8k", word)
        with api(lambda messages: "1") as served:
            endpoint = f"evaluate.endpoint={{url: {served.url}, model: ours}}"
            values = sets("evaluate.datasets=[gsm8k]", endpoint, dataset_args=data)

            done = swiftci(repository, "run", "configs/tiny.yaml", *values)

            assert done.returncode == 0, done.stdout + done.stderr
            asked.append(json.dumps([request["messages"] for request in served.requests]))
    assert "1 plus 1" in asked[1]
    assert "1 and 1" not in asked[1]


def test_the_teams_own_multiple_choice(repository: Path) -> None:
    (repository / "own").mkdir()
    rows = [{"id": str(n), "question": f"{n}?", "A": "a", "B": "b", "answer": "AB"[n % 2]} for n in range(4)]
    (repository / "own/zh.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with api(lambda messages: "答案：A") as served:
        data = {"general_mcq": {"local_path": "own", "subset_list": ["zh"]}}
        endpoint = f"evaluate.endpoint={{url: {served.url}, model: ours}}"
        values = sets("evaluate.datasets=[general_mcq]", endpoint, dataset_args=data)

        done = swiftci(repository, "run", "configs/tiny.yaml", *values)

    assert done.returncode == 0, done.stdout + done.stderr
    assert scores(repository) == {"general_mcq.accuracy": 0.5}


IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)


def test_images_reach_a_model_that_is_served(repository: Path) -> None:
    (repository / "own").mkdir()
    rows = [
        {"question": f"<image 1> {n}?", "options": ["a dot", "a dog"], "image_1": IMAGE, "answer": "AB"[n % 2]}
        for n in range(4)
    ]
    (repository / "own/default.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with api(lambda messages: "ANSWER: A") as served:
        data = {"general_vmcq": {"local_path": "own"}}
        endpoint = f"evaluate.endpoint={{url: {served.url}, model: ours}}"
        values = sets("evaluate.datasets=[general_vmcq]", endpoint, dataset_args=data)

        done = swiftci(repository, "run", "configs/tiny.yaml", *values)

        assert done.returncode == 0, done.stdout + done.stderr
        kinds = {part["type"] for request in served.requests for part in request["messages"][-1]["content"]}
        assert kinds == {"text", "image_url"}
    assert scores(repository) == {"general_vmcq.accuracy": 0.5}


def test_a_cache_that_was_filled_before_needs_no_hub(repository: Path) -> None:
    cache = repository / "cache"
    benchmarks.gsm8k(cache / "modelscope/datasets/AI-ModelScope/gsm8k")
    shutil.rmtree(repository / ".swiftci", ignore_errors=True)
    with (repository / "swiftci.yaml").open("a") as file:
        file.write(f"cache: {cache}\n")
    project = (repository / "swiftci.yaml").read_text().replace("hub: huggingface\n", "")
    (repository / "swiftci.yaml").write_text(project)
    args = {"generation_config": {"max_tokens": 4}, "model_args": {"precision": "float32"}}
    values = sets("evaluate.datasets=[gsm8k]", dataset_args={"gsm8k": {"few_shot_num": 0}}, **args)

    done = swiftci(repository, "run", "configs/tiny.yaml", *values)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "gsm8k.accuracy" in scores(repository)
