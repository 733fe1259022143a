"""Rendered workflows: those in golden/ by `pytest --accept`, and what holds in every one of them."""

import re
from pathlib import Path
from typing import Any

import pytest

from swiftci.stages import BY_NAME
from swiftci.stages.stage import Place
from swiftci.workflow.tree import read_tree
from tests.conftest import Golden, Swiftci

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CASES = sorted(path.name for path in (HERE / "projects").iterdir())
EXAMPLES = sorted(path.parents[2].name for path in ROOT.glob("examples/*/.github/workflows/*.yml"))
FILES = {path.stem: path for path in sorted((HERE / "golden").glob("*.yml"))}
FILES |= {path.parents[2].name: path for path in ROOT.glob("examples/*/.github/workflows/*.yml")}


def steps(tree: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(name, step) for name, job in tree["jobs"].items() for step in job["steps"]]


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in (*value, *value.values()) for text in texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("case", CASES)
def test_project_renders_to_its_golden_file(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, golden: Golden
) -> None:
    monkeypatch.chdir(HERE / "projects" / case)

    done = swiftci("generate", "--output", str(tmp_path))

    assert done.code == 0
    [file] = tmp_path.iterdir()
    golden(HERE / f"golden/{case}.yml", file.read_text())


@pytest.mark.parametrize("case", CASES)
def test_act_gets_the_same_but_for_what_it_refuses(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, golden: Golden
) -> None:
    monkeypatch.chdir(HERE / "projects" / case)

    done = swiftci("generate", "--output", str(tmp_path), "--profile", "act")

    assert done.code == 0
    [file] = tmp_path.iterdir()
    github = (HERE / f"golden/{case}.yml").read_text()
    assert _unmarked(file.read_text()) == _unmarked(github.replace("      queue: max\n", ""))
    if "queue: max" in github:
        golden(HERE / f"golden/{case}.act.yml", file.read_text())


def _unmarked(text: str) -> str:
    return re.sub(r"^# swiftci: .*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_what_generate_renders(example: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples" / example)

    done = swiftci("generate", "--check")

    assert (done.out, done.err, done.code) == ("ok: 1 workflow\n", "", 0)


def test_everything_generated_is_up_to_date(swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    done = swiftci("sync", "--check")

    assert (done.out, done.err, done.code) == ("", "", 0)


def test_each_golden_file_has_a_project() -> None:
    assert {path.name.partition(".")[0] for path in (HERE / "golden").iterdir()} == set(CASES)


@pytest.mark.parametrize("name", FILES)
class TestEveryWorkflow:
    def test_permissions_are_least(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        assert tree["permissions"] == {}
        plan = tree["jobs"].pop("plan")
        assert plan["permissions"] == {"actions": "read", "contents": "read"}  # it looks for an earlier run's result
        verdict = tree["jobs"].pop("verdict")["permissions"]  # it alone carries out nobody's code
        assert verdict.pop("checks") == verdict.pop("pull-requests") == "write"
        assert verdict == {"actions": "read", "contents": "read"}
        assert all(job["permissions"] == {"contents": "read"} for job in tree["jobs"].values())

    def test_jobs_have_names_and_timeouts_and_training_has_no_other(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        join = ["join"] if name == "multi-node" else []
        more = ["train-2", "train-3"] if name == "jobs" else []
        assert list(tree["jobs"]) == ["plan", "train", *more, *join, "verdict"]
        for job in tree["jobs"].values():
            assert job["name"]
            assert 1 <= job["timeout-minutes"] <= 7200
        assert all("timeout-minutes" not in step for _, step in steps(tree))

    def test_steps_have_names_and_values_only_reach_actions(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        for _, step in steps(tree):
            assert step["name"]
            assert "run" not in step
            assert "uses" in step

    def test_secrets_reach_only_steps_whose_stage_declares_them(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        assert tree["jobs"]["plan"]["steps"][1].pop("env") == {"GITHUB_TOKEN": "${{ github.token }}"}
        for _, step in steps(tree):
            found = step.get("uses", "").partition("/actions/")[2].partition("@")[0]
            declares = found in BY_NAME and bool(BY_NAME[found].secrets)
            for key, value in step.get("env", {}).items():
                if key == "GITHUB_TOKEN":
                    assert (key in BY_NAME[found].sees, value) == (True, "${{ github.token }}")
                    continue
                assert declares or (key.startswith("AWS_") and BY_NAME[found].place is Place.GPU)
                assert value == f"${{{{ secrets.{key} }}}}"
        assert "secrets" not in "".join(texts([{**job, "steps": []} for job in tree["jobs"].values()]))
        assert "secrets" not in "".join(texts({**tree, "jobs": {}}))

    def test_checkout_keeps_no_credentials(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        checkouts = [step for _, step in steps(tree) if step["uses"].startswith("actions/checkout@")]
        assert len(checkouts) == len(tree["jobs"])
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_uses_are_pinned_with_a_version(self, name: str) -> None:
        uses = [line.strip() for line in FILES[name].read_text().splitlines() if "uses:" in line]

        pinned = re.compile(r"uses: [\w.-]+/[\w.-]+(/actions/[a-z-]+)?@[0-9a-f]{40} # \S+")
        assert len(uses) >= 10
        assert [use for use in uses if not pinned.fullmatch(use)] == [
            use for use in uses if name == "unpinned" and "swiftci/swiftci/" in use
        ]

    def test_expressions_are_of_the_plan_only(self, name: str) -> None:
        found = set(re.findall(r"\$\{\{(.*?)\}\}", FILES[name].read_text()))

        outputs = r"steps\.[a-z]+\.outputs\.[a-z-]+|(needs\.[a-z0-9-]+\.outputs\.artifact( \|\| )?)+"
        jobs = r"needs\.plan\.outputs\.go == 'true'|needs\.train(-\d)?\.outputs\.state == 'partial'"
        own = r"github\.token|github\.run_id|github\.run_attempt|inputs\.force"
        known = rf" ({outputs}|{jobs}|{own}|matrix\.rank|secrets\.\w+|toJSON\(needs\)) "
        unknown = {one for one in found if not re.fullmatch(known, one)}
        assert unknown == {" github.event.pull_request.number || github.run_id "}

    def test_a_newer_push_replaces_only_runs_of_its_pull_request(self, name: str) -> None:
        concurrency = read_tree(FILES[name].read_text())["concurrency"]

        assert concurrency["cancel-in-progress"] is True
        assert concurrency["group"].endswith("${{ github.event.pull_request.number || github.run_id }}")

    def test_cleanup_and_verdict_always_run(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        ids = [step.get("id") for step in tree["jobs"]["train"]["steps"]]
        assert ids[-1] == "cleanup"
        assert ids[0] == "setup"
        for job, step in steps(tree):
            if step.get("id") in ("cleanup", "gate", "report", "upload") and job != "plan":
                assert step["if"].startswith("always()"), job
        assert tree["jobs"]["verdict"]["if"] == "always()"
        more = ["train-2", "train-3"] if name == "jobs" else []
        assert tree["jobs"]["verdict"]["needs"] == ["plan", "train", *more]

    def test_weights_are_in_no_artifact(self, name: str) -> None:
        tree = read_tree(FILES[name].read_text())

        assert not [text for text in texts(tree) if "checkpoint" in text or "actions/cache" in text]
        uploads = [step["with"]["path"] for _, step in steps(tree) if "upload-artifact@" in step["uses"]]
        assert all("*" not in path for path in uploads)


def tree_of(case: str) -> Any:
    return read_tree((HERE / f"golden/{case}.yml").read_text())


@pytest.mark.parametrize(
    "case", [case for case in CASES if case not in ("pull-request", "from", "required", "odd-texts")]
)
def test_without_trust_no_pull_request_starts_anything(case: str) -> None:
    on = tree_of(case)["on"]

    assert set(on) <= {"push", "schedule", "workflow_dispatch"}


def test_required_check_reports_on_every_pull_request() -> None:
    on = tree_of("required")["on"]

    assert on["pull_request"] is None  # no paths: a required check that never starts blocks for ever
    assert "merge_group" in on
    assert tree_of("required")["jobs"]["verdict"]["name"] == "swiftci model"


def test_pull_request_is_filtered_by_all_that_decides_the_run() -> None:
    on = tree_of("pull-request")["on"]

    assert on["pull_request"]["paths"] == [
        ".github/workflows/swiftci-model.yml",
        "configs/model.yaml",
        "data/more/**",
        "data/train.jsonl",
        "models/small/**",
        "swiftci.lock",
        "swiftci.yaml",
    ]
    assert on["push"] == {"branches": ["main", "release/**"], "paths": on["pull_request"]["paths"]}
    assert "merge_group" not in on
    assert "sft/model.yml" in tree_of("from")["on"]["pull_request"]["paths"]


def test_schedule_has_every_time() -> None:
    assert tree_of("public")["on"]["schedule"] == [{"cron": "0 2 * * 1"}, {"cron": "30 4 1 * *"}]


def test_base_is_scored_before_the_training() -> None:
    with_base = [step.get("id") for step in tree_of("base")["jobs"]["train"]["steps"]]
    bare = [step.get("id") for step in tree_of("bare")["jobs"]["train"]["steps"]]

    assert with_base == [
        "setup",
        None,
        "download",
        "baseline",
        "evaluate-base",
        "train",
        "evaluate",
        "upload",
        "cleanup",
    ]
    assert bare == ["setup", None, "download", "train", "upload", "cleanup"]


def test_container_mounts_store_and_cache() -> None:
    container = tree_of("container")["jobs"]["train"]["container"]

    assert container["volumes"] == ["/data/swiftci:/data/swiftci", "/data/models:/data/models"]
    assert container["options"] == "--gpus all --ipc=host"
    assert set(tree_of("image-only")["jobs"]["train"]["container"]) == {"image"}
    assert "container" not in tree_of("bare")["jobs"]["train"]
    assert "container" not in tree_of("container")["jobs"]["plan"]


def test_environment_is_of_the_job_that_sees_secrets() -> None:
    jobs = tree_of("environment")["jobs"]

    assert jobs["train"]["environment"] == "training"
    assert "environment" not in jobs["plan"]
    assert "environment" not in jobs["verdict"]


def test_each_secret_is_passed_once() -> None:
    step = next(step for _, step in steps(tree_of("secrets")) if step.get("id") == "download")

    assert list(step["env"]) == ["HF_TOKEN", "MODELSCOPE_API_TOKEN"]
    assert (HERE / "golden/secrets.yml").read_text().count("HF_TOKEN: ") == 1


def test_shared_card_makes_jobs_wait_for_each_other() -> None:
    jobs = tree_of("exclusive")["jobs"]

    assert jobs["train"]["concurrency"] == {"group": "swiftci-card 0", "cancel-in-progress": False, "queue": "max"}
    assert all("concurrency" not in job for job in tree_of("bare")["jobs"].values())


def test_runners_are_those_of_the_project() -> None:
    def runners(case: str) -> list[Any]:
        return [job["runs-on"] for job in tree_of(case)["jobs"].values()]

    assert runners("bare") == ["ubuntu-latest", ["self-hosted", "gpu"], "ubuntu-latest"]
    assert runners("group") == [
        {"group": "small"},
        {"group": "gpu machines", "labels": ["gpu", "a100"]},
        {"group": "small"},
    ]
    assert runners("scale-set") == [["self-hosted", "linux"], "gpu-scale-set", ["self-hosted", "linux"]]


def test_package_index_is_the_projects() -> None:
    assert tree_of("index-url")["env"] == {"PIP_INDEX_URL": "https://pypi.tuna.tsinghua.edu.cn/simple"}
    assert "env" not in tree_of("bare")


def test_own_actions_are_at_the_locks_commit_or_the_projects_ref() -> None:
    def ours(case: str) -> set[str]:
        return {step["uses"] for _, step in steps(tree_of(case)) if "/actions/train@" in step["uses"]}

    assert ours("bare") == {"swiftci/swiftci/actions/train@0123456789abcdef0123456789abcdef01234567"}
    assert ours("pinned") == {"my-team/our.swiftci/actions/train@3d3c42e5aac5ba805825da76410c181273ba90b1"}
    assert ours("unpinned") == {"swiftci/swiftci/actions/train@v0.1.0"}
