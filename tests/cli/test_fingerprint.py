"""`swiftci fingerprint`: what decides a result, as far as this machine knows it."""

import json

import pytest

from swiftci.spec.error import ToolError
from swiftci.store.local import Folder
from tests.fake.repository import CONFIG, Repository

NO_TOOLS = {"python": "/nowhere/python"}


def test_fingerprint_is_the_runs(repository: Repository) -> None:
    before = repository.swiftci("fingerprint", CONFIG)
    repository.run("--until", "download")

    assert (before.code, before.err) == (0, "")
    assert before.out == repository.swiftci("fingerprint", CONFIG).out == f"{repository.record['fingerprint']}\n"


def test_store_that_does_not_answer_is_asked_once(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def silent(_: Folder, digest: str) -> None:
        asked.append(digest)
        raise ToolError(message="no answer", kind="network")

    monkeypatch.setattr(Folder, "find", silent)
    done = repository.swiftci("fingerprint", CONFIG, "--explain")

    assert (done.code, len(asked)) == (0, 1)
    assert done.out.count("the store cannot be asked: no answer") == 2


def test_override_changes_it(repository: Repository) -> None:
    said = {repository.swiftci("fingerprint", CONFIG, *more).out for more in ([], ["--set", "train.args.max_steps=11"])}

    assert len(said) == 2


def test_each_part_stands_under_its_section(repository: Repository) -> None:
    repository.config["train"]["args"]["system"] = "千\x1b[2J" + "x" * 1000
    repository.write()
    done = repository.swiftci("fingerprint", CONFIG, "--explain", COLUMNS="80")
    sections = dict(zip(done.out.split("\n\n")[1:], ("hub", "train", "evaluate", "tools", "results"), strict=True))

    assert (done.code, done.err) == (0, "")
    assert [text.split("\n")[0] for text in sections] == list(sections.values())
    train = next(text for text, name in sections.items() if name == "train")
    assert "  train.args.max_steps             10\n" in train
    assert "  train.args.system                千\\x1b[2Jxx" in train
    assert "  content of data/train.jsonl      " in train
    assert "  version of torch                 2.13.0\n" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_results_are_told_with_whether_the_store_has_them(repository: Repository) -> None:
    repository.run("--until", "train")
    lines = repository.swiftci("fingerprint", CONFIG, "--explain").out.split("\nresults\n")[1].splitlines()
    digest = repository.record["stages"]["train"]["digest"]

    assert lines[0] == f"  train: {digest}, in the store, made by {repository.record['run']}"
    assert lines[1].startswith("  evaluate: ")
    assert lines[1].endswith(", not in the store")


def test_what_is_not_known_here_is_named(repository: Repository) -> None:
    repository.project |= NO_TOOLS
    repository.write()
    short = repository.swiftci("fingerprint", CONFIG)
    done = repository.swiftci("fingerprint", CONFIG, "--explain")

    assert short.code == done.code == 0
    assert len(short.out) == 65
    assert short.err == (
        "swiftci: notice: 7 things that decide the result cannot be known on this machine; --explain names them\n"
    )
    assert "  version of torch                 ? the tools are on the GPU machine\n" in done.out
    assert "\n  train: cannot be known here, for want of the version of ms_swift, version of torch, " in done.out


def test_all_of_it_is_data_on_request(repository: Repository) -> None:
    known = json.loads(repository.swiftci("fingerprint", CONFIG, "--format", "json").out)
    short = repository.swiftci("fingerprint", CONFIG).out
    repository.project |= NO_TOOLS
    repository.write()
    unknown = json.loads(repository.swiftci("fingerprint", CONFIG, "--format", "json").out)

    assert (known["known"], unknown["known"]) == (True, False)
    assert known["fingerprint"] == short.strip()
    assert {"key": "train.method", "section": "train.method", "value": "sft", "deferred": ""} in known["parts"]
    assert [(one["call"], one["kept"], one["deferred"]) for one in known["stages"]] == [
        ("train", False, []),
        ("evaluate", False, []),
    ]
    assert [(one["digest"], one["kept"]) for one in unknown["stages"]] == [(None, None), (None, None)]
    assert unknown["fingerprint"] != known["fingerprint"]


def test_nothing_is_left_that_git_would_see(repository: Repository) -> None:
    repository.swiftci("fingerprint", CONFIG)

    assert (repository.root / ".swiftci/.gitignore").read_text() == "*\n"
    assert repository.run("--until", "download").code == 0  # the folder is still taken for swiftci's own


def test_damaged_result_is_not_in_the_store(repository: Repository) -> None:
    repository.run("--until", "train")
    digest = repository.record["stages"]["train"]["digest"]
    (Folder(repository.root / ".swiftci").result(digest) / "entry.json").write_text("[" * 100_000)

    assert f"train: {digest}, not in the store" in repository.swiftci("fingerprint", CONFIG, "--explain").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["configs/nothing.yaml"], "configs/nothing.yaml"),
        ([CONFIG, "--set", "train.args"], "should be KEY=VALUE"),
        ([], "Missing argument 'CONFIG'"),
    ],
)
def test_mistake_is_explained(repository: Repository, argv: list[str], message: str) -> None:
    done = repository.swiftci("fingerprint", *argv)

    assert (done.code, done.out) == (2, "")
    assert message in done.err
