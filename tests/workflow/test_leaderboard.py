"""The leaderboard's workflow: as its golden file by `pytest --accept`, and what holds whatever the project says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftci.config.load import load_all, load_project
from swiftci.spec.problem import Problem
from swiftci.workflow import leaderboard
from swiftci.workflow.pin import read_lock
from swiftci.workflow.tree import read_tree
from tests.conftest import Golden, Repo, Swiftci
from tests.workflow.test_lint import ACTIONLINT, ROOT, SCHEMA, ZIZMOR, lint

HERE = Path(__file__).parent / "leaderboards"
CASES = sorted(path.name for path in HERE.iterdir())
GOLDEN = {case: HERE / case / "expected.yml" for case in CASES}
PROJECT = """actions: swiftci/swiftci@v1
store: {path: /data, shared: true}
leaderboard: {families: [Qwen/Qwen3-*], config: configs/a.yaml}
"""
CONFIG = "name: a\ntrain: {args: {model: owner/model, dataset: owner/data}}\nevaluate: {datasets: [ceval]}\n"
FILE = ".github/workflows/swiftci-leaderboard.yml"


def tree(case: str) -> Any:
    return read_tree(GOLDEN[case].read_text())


@pytest.mark.parametrize("case", CASES)
def test_project_renders_to_its_golden_file(
    case: str, swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, golden: Golden
) -> None:
    monkeypatch.chdir(HERE / case)

    done = swiftci("generate", "--output", str(tmp_path))

    assert done.code == 0, done.err
    golden(GOLDEN[case], (tmp_path / "swiftci-leaderboard.yml").read_text())


def test_act_gets_the_same_but_for_what_it_refuses(
    swiftci: Swiftci, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(HERE / "pages")
    swiftci("generate", "--output", str(tmp_path), "--profile", "act")
    written = (tmp_path / "swiftci-leaderboard.yml").read_text()

    both = [re.sub(r"^# swiftci: .*$", "", text, flags=re.MULTILINE) for text in (written, GOLDEN["pages"].read_text())]
    assert both[0] == both[1].replace("      queue: max\n", "")


@pytest.mark.parametrize("argv", [ZIZMOR, ACTIONLINT, [*SCHEMA, "vendor.github-workflows"]], ids=lambda argv: argv[0])
def test_linter_has_nothing_to_say(argv: list[str]) -> None:
    paths = [
        path.relative_to(ROOT).as_posix() for case, path in GOLDEN.items() if case != "odd-texts" or "-" in argv[0]
    ]
    done = lint(*argv, *paths)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("permissions: {}", "permissions: write-all"),
        ("needs: [lookup, measure]", "needs: [lookup, mesure]"),
        ("persist-credentials: false", "persist-credentials: true"),
        ("fromJSON(needs.lookup.outputs.models)", "fromJSON(needs.lookup.outputs.modls)"),
    ],
)
def test_linters_would_see_a_fault(old: str, new: str, tmp_path: Path) -> None:
    text = GOLDEN["pages"].read_text()
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    assert old in text
    path.write_text(text.replace(old, new))

    assert [lint(*ZIZMOR, str(path)).returncode, lint(*ACTIONLINT, str(path)).returncode] != [0, 0]


@pytest.mark.parametrize("case", CASES)
class TestEveryWorkflow:
    def test_only_a_schedule_or_a_person_starts_it(self, case: str) -> None:
        assert set(tree(case)["on"]) <= {"schedule", "workflow_dispatch"}

    def test_only_the_job_that_publishes_may_write_and_it_runs_nothing_of_ours(self, case: str) -> None:
        jobs = tree(case)["jobs"]

        assert tree(case)["permissions"] == {}
        publish = jobs.pop("publish", None)
        assert all(job["permissions"] == {"contents": "read"} for job in jobs.values())
        if publish:
            assert publish["permissions"] == {"pages": "write", "id-token": "write"}
            assert [step["uses"].partition("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]

    def test_every_job_has_a_name_and_a_timeout_and_every_step_a_pinned_action(self, case: str) -> None:
        for job in tree(case)["jobs"].values():
            assert job["name"]
            assert 1 <= job["timeout-minutes"] <= 7200
            for step in job["steps"]:
                assert step["name"]
                assert re.search(r"@[0-9a-f]{40}$", step["uses"])


def test_secrets_reach_only_the_steps_that_need_them() -> None:
    jobs = tree("bucket")["jobs"]
    seen = {
        (name, step.get("id")): set(step["env"]) for name, job in jobs.items() for step in job["steps"] if "env" in step
    }

    store = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert seen == {
        ("lookup", "lookup"): {"HF_TOKEN"},
        ("measure", "download"): {"HF_TOKEN", *store},
        ("measure", "evaluate"): store,
        ("measure", "cleanup"): store,
        ("rank", "rank"): store,
    }
    assert {name for name, job in jobs.items() if job.get("environment") == "training"} == {"lookup", "measure", "rank"}


def test_ranking_is_made_where_the_store_and_the_pages_are() -> None:
    assert tree("pages")["jobs"]["rank"]["runs-on"] == ["self-hosted", "gpu"]
    assert tree("bucket")["jobs"]["rank"]["runs-on"] == {"group": "small"}
    folder = tree("folder")["jobs"]
    assert folder["rank"]["runs-on"] == ["self-hosted", "gpu"]
    assert folder["rank"]["container"]["volumes"] == [
        "/data/swiftci:/data/swiftci",
        "/data/models:/data/models",
        "/srv/www:/srv/www",
    ]
    assert folder["measure"]["container"]["volumes"] == ["/data/swiftci:/data/swiftci", "/data/models:/data/models"]
    assert folder["rank"]["steps"][-1]["with"] == {"to": "/srv/www/leaderboard"}
    assert "publish" not in folder


def test_values_reach_steps_as_inputs_that_they_have() -> None:
    for job in tree("pages")["jobs"].values():
        for step in job["steps"]:
            if "swiftci/swiftci/actions/" not in step["uses"]:
                continue
            name = step["uses"].partition("/actions/")[2].partition("@")[0]
            known = next(one for one in leaderboard_actions() if one.name == name)
            assert set(step.get("with", {})) <= {one.key for one in known.inputs}


def leaderboard_actions() -> Any:
    from swiftci.workflow.action import ACTIONS

    return ACTIONS


def test_generate_writes_it_and_check_proves_that_it_did_not_drift(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})

    written = repo.swiftci("generate")

    assert f"+ {FILE}\n" in written.out
    assert repo.read(FILE).startswith("# Rendered by swiftci from swiftci.yaml: ")
    assert repo.swiftci("generate", "--check").out == "ok: 2 workflows\n"
    repo.write({FILE: repo.read(FILE).replace("timeout-minutes: 60", "timeout-minutes: 61")})
    edited = repo.swiftci("generate", "--check")
    assert edited.code == 2
    assert "error[edited]" in edited.err
    assert "put the change into swiftci.yaml" in edited.err


def test_removed_leaderboard_leaves_a_workflow_that_is_told(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG})
    repo.swiftci("generate")
    repo.write({"swiftci.yaml": "actions: swiftci/swiftci@v1\n"})

    assert "no config renders this workflow any more" in repo.swiftci("generate", "--check").err


def test_which_models_are_measured_does_not_change_it_and_no_other_workflow_knows_of_it(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT.partition("leaderboard")[0], "configs/a.yaml": CONFIG})
    repo.swiftci("generate")
    own = repo.read(".github/workflows/swiftci-a.yml")

    repo.write({"swiftci.yaml": PROJECT})
    repo.swiftci("generate")
    repo.write({"swiftci.yaml": PROJECT.replace("Qwen3-*", "Qwen4-*").replace("config:", "newest: 9, config:")})

    assert repo.read(".github/workflows/swiftci-a.yml") == own
    assert repo.swiftci("generate", "--check").code == 0


@pytest.mark.parametrize(
    ("project", "config", "said"),
    [
        (
            PROJECT.replace("a.yaml", "b.yaml"),
            CONFIG,
            'no config "configs/b.yaml"\n  hint: did you mean configs/a.yaml?',
        ),
        (PROJECT, CONFIG.partition("evaluate")[0], "configs/a.yaml has no `evaluate` section"),
        (PROJECT, CONFIG.replace("name: a", "name: Leaderboard"), 'name "Leaderboard" is taken'),
        (
            PROJECT,
            CONFIG.replace("datasets", "endpoint: {url: https://a.example/v1, model: m}, datasets"),
            "configs/a.yaml asks an endpoint",
        ),
    ],
)
def test_what_cannot_be_measured_is_a_problem_of_check_and_generate(
    repo: Repo, project: str, config: str, said: str
) -> None:
    repo.write({"swiftci.yaml": project, "configs/a.yaml": config})

    checked, generated = repo.swiftci("check"), repo.swiftci("generate")

    assert (checked.code, generated.code) == (2, 2)
    assert said in checked.out
    assert said in generated.err


def test_broken_config_is_not_said_to_be_missing(repo: Repo) -> None:
    repo.write({"swiftci.yaml": PROJECT, "configs/a.yaml": CONFIG + "nmae: b\n"})

    assert "there is no config" not in repo.swiftci("check").out


def shown() -> tuple[leaderboard.Board, Any]:
    problems: list[Problem] = []
    root = HERE / "bucket"
    project = load_project(root, problems)
    assert project
    [loaded] = load_all(root, project, problems)
    board = leaderboard.view(project, loaded, read_lock(root, problems), "github", "0" * 16)
    return board, tree("bucket")


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("jobs", lambda found: found["jobs"].update(extra=found["jobs"]["rank"])),
        ("needs", lambda found: found["jobs"]["rank"].pop("needs")),
        ("runs-on", lambda found: found["jobs"]["measure"].update({"runs-on": "ubuntu-latest"})),
        ("permissions", lambda found: found.update(permissions="write-all")),
        ("permissions", lambda found: found["jobs"]["rank"]["permissions"].update(pages="write")),
        ("run", lambda found: found["jobs"]["measure"]["steps"].append({"run": "id"})),
        ("on", lambda found: found["on"].update(pull_request=None)),
        ("secrets", lambda found: found["jobs"]["rank"]["steps"][0].update(env={"A": "${{ secrets.A }}"})),
        ("secrets", lambda found: found["jobs"]["measure"].update(env={"A": "${{ secrets['A'] }}"})),
    ],
)
def test_proof_sees(key: str, change: Callable[[dict[str, Any]], object]) -> None:
    board, found = shown()
    leaderboard._prove(found, board)
    change(found)
    with pytest.raises(RuntimeError, match=key):
        leaderboard._prove(found, board)


def test_texts_of_the_project_stay_what_they_are() -> None:
    found = tree("odd-texts")

    measure = found["jobs"]["measure"]
    assert measure["environment"] == "a: b # c"
    assert measure["runs-on"] == {"group": "{x}", "labels": ["yes", "a'b"]}
    assert measure["concurrency"]["group"] == "swiftci-*e"
    assert measure["container"] == {
        "image": "i: j",
        "options": '-e "A=b"',
        "volumes": ["/data/a b: c:/data/a b: c", "/c # d:/c # d"],
    }
    assert measure["steps"][2]["with"]["config"] == "configs/a b#c.yaml"
    expressions = set(re.findall(r"\$\{\{ (.*?) \}\}", json.dumps(found)))
    assert expressions == {
        "steps.lookup.outputs.models",
        "fromJSON(needs.lookup.outputs.models)",
        "matrix.model",
        "matrix.set",
        "inputs.force",
        "steps.rank.outputs.site",
        "steps.deployment.outputs.page_url",
    }
